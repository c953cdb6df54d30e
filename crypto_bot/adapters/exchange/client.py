"""The ccxt client: made for one market type, obeying pauses, its errors mapped to ours.

The only module that imports ccxt, and so the only one that takes a second and 97 MB to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import ccxt.async_support as ccxt

from crypto_bot import __version__
from crypto_bot.adapters.exchange.address import Host, without_password
from crypto_bot.adapters.exchange.directory import MARKET_TYPES
from crypto_bot.adapters.exchange.dispatch import Refused
from crypto_bot.adapters.exchange.pause import Pause
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable, MarketDataError, RateLimited
from crypto_bot.domain.retry_after import USUAL_PAUSE_MS, retry_after_ms
from crypto_bot.ports import Clock

USUAL_PAGE = 1000
"""Candles in a reply where ccxt does not know the limit; an exchange may send fewer."""

_TRADED = slice(7, 10)
"""https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints"""

_MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ccxt raises for JSON of an unexpected shape."""


class _RateLimitedExchange:
    """Overrides of every ccxt exchange: shared pauses, and replies passed on unchanged."""

    pause: Pause
    clock: Clock

    async def throttle(self, cost: float | None = None) -> None:
        """Waits for the rate limiter and for the end of a pause.

        Requests held back by a pause pass the limiter again, so that they are not sent at once.
        """
        await super().throttle(cost)  # type: ignore[misc]  # the ccxt exchange that follows
        while await self.pause.keep():
            await super().throttle(cost)  # type: ignore[misc]  # as above

    async def fetch(self, *args: Any, **kwargs: Any) -> Any:
        """One request. ccxt returns text where the reply is no JSON: HTML, truncated or empty."""
        answer = await super().fetch(*args, **kwargs)  # type: ignore[misc]  # as above
        if not isinstance(answer, (dict, list)):
            raise ccxt.BadResponse(f"no JSON but {str(answer)[:80]!r}")
        return answer

    def handle_errors(  # noqa: PLR0917  # the signature is ccxt's
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Mapping[str, str],
        body: str,
        *rest: Any,
    ) -> Any:
        """Reads the headers of this reply; `last_response_headers` may belong to another one."""
        if code in {418, 429}:
            raise self.rate_limited(
                f"{code} {reason}", retry_after_ms(headers, self.clock.now_ms())
            )
        return super().handle_errors(  # type: ignore[misc]  # as above
            code, reason, url, method, headers, body, *rest
        )

    def rate_limited(self, reason: str, wait_ms: int) -> RateLimited:
        """Begins the shared pause; the error to raise."""
        self.pause.begin(wait_ms, reason)
        name = self.id  # type: ignore[attr-defined]  # as above
        return RateLimited(f"{name}: {reason}, pause of {wait_ms / 1000:g} s", wait_ms / 1000)

    def parse_ohlcvs(self, ohlcvs: Any, market: Any = None, *_: Any, **__: Any) -> list[Any]:
        """Rows as received. ccxt would sort and filter them, which hides a corrupt reply.

        Of Binance's twelve fields it keeps six; quote volume, number of trades and the volume that
        takers bought follow them here.
        """
        if not isinstance(ohlcvs, list):
            raise ccxt.BadResponse(f"no list of candles but {str(ohlcvs)[:80]!r}")
        parse = self.parse_ohlcv  # type: ignore[attr-defined]  # as above
        traded = _TRADED if isinstance(self, ccxt.binance) else slice(0, 0)
        return [
            [*parse(row, market), *(row[traded] if isinstance(row, list) else ())] for row in ohlcvs
        ]


class ExchangeClient:
    """The requests to an exchange, with its errors mapped to those of `domain.errors`.

    RateLimited; ExchangeUnavailable where a retry may help; Refused where it cannot; any other
    MarketDataError after `close`. The constructor makes no request; it raises ConfigError for an
    unknown `exchange_id` and for `streams` of an exchange without any. `timeout_s` is in real
    seconds, as sockets have no other clock.
    """

    def __init__(
        self,
        exchange_id: str,
        clock: Clock,
        host: Host | None,
        timeout_s: float,
        market_type: str,
        *,
        streams: bool = False,
    ) -> None:
        self._id = exchange_id
        self._ccxt = _exchange_class(exchange_id, streams=streams)(
            {
                "enableRateLimit": True,
                "timeout": round(timeout_s * 1000),
                "userAgent": f"crypto-bot/{__version__} (ccxt/{ccxt.__version__})",
                # Proxies of the environment are not for the loopback address.
                "aiohttp_trust_env": host is None or not host.is_loopback,
            }
        )
        has = self._ccxt.has
        if streams and not (has["watchBidsAsks"] or has["watchTickers"]):
            raise _no_streams(exchange_id)
        self._ccxt.pause = Pause(exchange_id, clock)
        self._ccxt.clock = clock
        self._ccxt.options["defaultType"] = market_type
        _narrow(self._ccxt, market_type)
        _pace(self._ccxt, clock)
        if host is not None:
            self._ccxt.urls["api"] = host.redirected(self._ccxt.urls["api"])
            if host.is_loopback:  # ccxt waits for TLS connections to close
                self._ccxt.timeout_on_exit = 0

    @property
    def timeframes(self) -> list[str]:
        """Names of its candle intervals."""
        if self._ccxt.has["fetchOHLCV"] is not True:  # 'emulated' candles are made of trades
            return []
        return [str(name) for name in self._ccxt.timeframes or {}]

    async def markets(self) -> Sequence[Mapping[str, Any]]:
        """The market structures of ccxt, loaded anew; at least one."""
        with self._mapped():
            markets = await self._ccxt.load_markets(reload=True)
        if not markets:
            raise ExchangeUnavailable(f"{self._id}: the list of markets is empty")
        return list(markets.values())

    async def rows(
        self, listing: str, timeframe: str, since_ms: int | None, limit: int
    ) -> list[Any]:
        """Candle rows of ccxt's symbol `listing`, as received: not sorted, not checked.

        From `since_ms` on, or the newest.
        """
        with self._mapped():
            return list(await self._ccxt.fetch_ohlcv(listing, timeframe, since_ms, limit))

    async def server_ms(self) -> int | None:
        """The exchange's time; None where it has no such endpoint."""
        if not self._ccxt.has["fetchTime"]:
            return None
        with self._mapped():
            return int(await self._ccxt.fetch_time())

    async def ticker(self, listing: str) -> Mapping[str, Any]:
        """The ticker of `listing` with its last price, not checked."""
        with self._mapped():
            if self._ccxt.has["fetchTicker"]:
                return dict(await self._ccxt.fetch_ticker(listing))
            return dict((await self._ccxt.fetch_tickers([listing]))[listing])

    async def tickers(self, listings: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """The tickers of `listings` in one request, not checked."""
        with self._mapped():
            # Binance has best prices of contracts here only; for spot it costs less weight.
            if self._ccxt.has["fetchBidsAsks"]:
                return dict(await self._ccxt.fetch_bids_asks(list(listings)))
            return dict(await self._ccxt.fetch_tickers(list(listings)))

    async def streamed(self, listings: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """The newest streamed tickers of `listings`; waits for the next one."""
        exchange = self._ccxt
        with self._mapped():
            if exchange.has["watchBidsAsks"]:
                return {**await exchange.watch_bids_asks(list(listings)), **exchange.bidsasks}
            return {**await exchange.watch_tickers(list(listings)), **exchange.tickers}

    async def end_streams(self) -> None:
        """Closes the streams; the next `streamed` opens new ones."""
        await self._ccxt.close_ws_clients()

    async def book(self, listing: str, levels: int) -> Mapping[str, Any]:
        """The order book of `listing`: sorted by ccxt, otherwise as received."""
        with self._mapped():
            return dict(await self._ccxt.fetch_order_book(listing, levels))

    async def funding(self, listing: str, since_ms: int) -> list[Mapping[str, Any]]:
        """Funding rows due from `since_ms` on, oldest first."""
        with self._mapped():
            return list(await self._ccxt.fetch_funding_rate_history(listing, since_ms))

    def market(self, listing: str) -> Mapping[str, Any]:
        """The market structure of ccxt, as it was loaded last."""
        return dict(self._ccxt.market(listing))

    @property
    def counts_in_steps(self) -> bool:
        """Whether a market's `precision` is a step, and not a number of digits."""
        return bool(self._ccxt.precisionMode == ccxt.TICK_SIZE)

    def page_limit(self, listing: str) -> int:
        """How many candles a reply may hold."""
        return int(self._ccxt.feature_value(listing, "fetchOHLCV", "limit") or USUAL_PAGE)

    async def close(self) -> None:
        """Closes its connections."""
        await self._ccxt.close()

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except ccxt.ExchangeClosedByUser as e:
            raise MarketDataError(f"{self._id}: the feed was closed") from e
        except (ccxt.RateLimitExceeded, ccxt.DDoSProtection) as e:
            raise self._ccxt.rate_limited(_line(e), USUAL_PAUSE_MS) from e
        except (ccxt.BadRequest, ccxt.NotSupported) as e:
            raise Refused(f"{self._id} refuses: {_line(e)}") from e
        except ccxt.BaseError as e:
            raise ExchangeUnavailable(f"{self._id}: {_line(e)}") from e
        except _MALFORMED as e:
            raise ExchangeUnavailable(f"{self._id}: reply of unexpected shape: {_line(e)}") from e


def _exchange_class(exchange_id: str, *, streams: bool) -> type[Any]:
    if exchange_id not in ccxt.exchanges:
        near = get_close_matches(exchange_id, ccxt.exchanges, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "see https://docs.ccxt.com for their ids"
        raise ConfigError(f"unknown exchange '{exchange_id}': {hint}")
    if not streams:
        return type(exchange_id, (_RateLimitedExchange, getattr(ccxt, exchange_id)), {})
    import ccxt.pro as streaming  # noqa: PLC0415 - as much again to import: only where wanted

    made = getattr(streaming, exchange_id, None)
    if made is None:
        raise _no_streams(exchange_id)
    return type(exchange_id, (_RateLimitedExchange, made), {})


def _no_streams(exchange_id: str) -> ConfigError:
    return ConfigError(
        f"{exchange_id} sends no prices of its own accord: leave exchange.stream_prices off"
    )


def _narrow(exchange: Any, market_type: str) -> None:
    """Market metadata of one type, no currencies: for Binance one request instead of three."""
    exchange.has["fetchCurrencies"] = False
    declared = exchange.options.get("fetchMarkets")
    types = declared.get("types") if isinstance(declared, dict) else declared
    if not isinstance(types, list):
        return
    wanted = [name for name in types if name in MARKET_TYPES[market_type]]
    if isinstance(declared, dict):
        declared["types"] = wanted
    else:
        exchange.options["fetchMarkets"] = wanted


def _pace(exchange: Any, clock: Clock) -> None:
    """The rate limit by `clock`: in a simulated market that runs faster, requests may too."""
    exchange.rateLimit *= clock.real_seconds(1000)
    exchange.tokenBucket = None
    exchange.init_rest_rate_limiter()


def _line(error: BaseException) -> str:
    """An error in one line: ccxt quotes whole bodies, and wraps causes without naming them.

    aiohttp puts the connection before what went wrong with it, such as an expired certificate.
    """
    cause = error.__cause__
    cause = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", cause)
    reason = f" ({_short(repr(cause))})" if cause else ""
    return without_password(_short(f"{type(error).__name__}: {error}") + reason)


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
