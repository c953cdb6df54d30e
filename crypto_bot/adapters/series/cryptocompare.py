"""CryptoCompare: candles, and market capitalisation as the supply of a day times its close.

https://min-api.cryptocompare.com/documentation. The present market capitalisation of
`/data/pricemultifull` has no history, so no model could have learned from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crypto_bot.adapters.series.provider import Limits, Provider, Rows, coin_and_quote, rows_of
from crypto_bot.adapters.series.server import InputFailed, Server, Trouble
from crypto_bot.domain.candle import Candle, require_sound
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe

_CLOSES = {"1d": "/data/v2/histoday", "1h": "/data/v2/histohour"}
_SUPPLY = "/data/blockchain/histo/day"
_DAY_S = 86_400
_PAGE = 2000
"""Rows that a reply holds at most, and one more."""
_MOST_PAGES = 100
_LIMIT_S = 60.0
_REFUSALS = ("auth", "api key", "apikey", "permission", "upgrade your account to")
"""Words of a reply (status 200) that refuses the key or its plan."""
_FIGURES = ("close", "current_supply")
_PRICES = ("open", "high", "low", "close", "volumefrom")


def read_candles(
    server: Server, symbol: str, timeframe: Timeframe, since_ms: int, until_ms: int
) -> list[Candle]:
    """Candles of `symbol` that open in `[since_ms, until_ms]`, ascending; days without trade lack.

    Raises ConfigError for a timeframe that there is not, InputFailed, and BadCandles for a series
    that cannot be true. `until_ms` is to be closed already.
    """
    path = _CLOSES.get(timeframe.name)
    if path is None:
        raise ConfigError(
            f"CryptoCompare has candles of {', '.join(_CLOSES)}, not {timeframe.name}"
        )
    coin, quote = coin_and_quote(symbol)
    span_s = (since_ms // 1000, until_ms // 1000, timeframe.ms // 1000)
    records = _pages(server, path, span_s, fsym=coin, tsym=quote)
    candles = []
    for row in rows_of(records, "time", *_PRICES):
        candle = _candle(symbol, row)
        # Before the listing, and where nothing was traded, all numbers are 0.
        if since_ms <= candle.open_ms <= until_ms and any(candle[1:]):
            candles.append(candle)
    require_sound(candles, timeframe, f"{symbol} of CryptoCompare")
    return candles


def _candle(symbol: str, row: tuple[Any, ...]) -> Candle:
    try:
        return Candle(row[0] * 1000, *map(float, row[1:]))
    except (OverflowError, TypeError, ValueError) as error:
        raise InputFailed(Trouble.REPLY, f"{symbol}: {row!r:.80} is no candle") from error


def _fetch(
    server: Server, coin: str, names: Sequence[str], since_s: int, until_s: int
) -> dict[str, Rows]:
    span_s = (since_s, until_s, _DAY_S)
    supply = dict(rows_of(_pages(server, _SUPPLY, span_s, fsym=coin), "time", "current_supply"))
    if not supply:
        return {}
    span_s = (min(supply), until_s, _DAY_S)
    closes = rows_of(_pages(server, _CLOSES["1d"], span_s, fsym=coin, tsym="USD"), "time", "close")
    rows = [(at, _product(close, supply.get(at))) for at, close in closes]
    return dict.fromkeys(names, rows)


def _product(close: Any, supply: Any) -> Any:
    """The market capitalisation; None on a day that lacks one of the two, or has 0 for it."""
    if not close or not supply:
        return None
    try:
        return float(close) * float(supply)
    except (OverflowError, TypeError, ValueError):
        return f"{close!r:.20} x {supply!r:.20}"


def _pages(
    server: Server, path: str, span_s: tuple[int, int, int], **query: str
) -> list[dict[str, Any]]:
    """Records from the first to the last second of `span_s`, read backwards, ascending."""
    since_s, to_s, step_s = span_s
    found: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        if to_s < since_s:
            break
        limit = min(_PAGE, max(1, (to_s - since_s) // step_s))
        try:
            page = server.get(path, _records, limit=limit, toTs=to_s, **query)
        except InputFailed as failed:
            if found and failed.kind is Trouble.COIN:  # nothing before what was found
                break
            raise
        times = [row[0] for row in rows_of(page, "time")]
        if not all(isinstance(each, int) for each in times):
            raise InputFailed(Trouble.REPLY, "CryptoCompare sends rows without their time")
        # Pages before the beginning hold zeros alone.
        if not any(row.get(name) for row in page for name in _FIGURES):
            break
        found = page + found
        if min(times) > to_s - step_s:
            break
        to_s = min(times) - step_s
    return found


def _records(content: Any) -> Any:
    """The rows of a reply, None where it has none; its errors have status 200.

    Raises InputFailed.
    """
    if not isinstance(content, dict):
        return None
    if content.get("Response") == "Error":
        said = f"CryptoCompare answers: {content.get('Message')!s:.120}"
        if content.get("Type") == 99:  # of its documentation: the rate limit
            raise InputFailed(Trouble.LIMIT, said, _LIMIT_S)
        refused = any(word in said.lower() for word in _REFUSALS)
        raise InputFailed(Trouble.KEY if refused else Trouble.COIN, said)
    data = content.get("Data")
    return data.get("Data") if isinstance(data, dict) else None


CRYPTOCOMPARE = Provider(
    name="cryptocompare",
    url="https://min-api.cryptocompare.com",
    variable="CRYPTOCOMPARE_API_KEY",
    pace_s=1.0,
    together=True,
    series={"market_cap": Limits(low=1.0)},
    header=lambda key: {"authorization": f"Apikey {key}"} if key else {},
    fetch=_fetch,
)
