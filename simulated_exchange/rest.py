"""Binance's public spot REST: replies as its documentation and real replies show them.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api and .../errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simulated_exchange import query as asked
from simulated_exchange.config import ConfigError
from simulated_exchange.intervals import INTERVALS
from simulated_exchange.market import CLOSE, HIGH, LOW, OPEN, VOLUME, Array, Bars
from simulated_exchange.query import Json, Query, Refused
from simulated_exchange.tape import Tape

KLINES = "/api/v3/klines"
TIME = "/api/v3/time"
_QUOTES = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB")
_ALLOWED = (
    *("icebergAllowed", "ocoAllowed", "otoAllowed", "quoteOrderQtyMarketAllowed"),
    *("allowTrailingStop", "cancelReplaceAllowed", "isSpotTradingAllowed"),
)
_PRECISIONS = (
    *("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision"),
    *("baseCommissionPrecision", "quoteCommissionPrecision"),
)
_MOST_KLINES = 1000
_USUAL_KLINES = 500
_MOST_LEVELS = 5000
_USUAL_LEVELS = 100
_WEIGHT = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}
_NOTIONAL: dict[str, object] = {
    "filterType": "NOTIONAL",
    "minNotional": "5.00000000",
    "applyMinToMarket": True,
    "maxNotional": "9000000.00000000",
    "applyMaxToMarket": False,
    "avgPriceMins": 5,
}
_TRADE_USDT = 400.0  # what a trade is worth on average: makes the counts of trades
_BOUGHT_SHARE = 0.25  # of the volume, more or less, as a candle closes at its high or low


class Reply(NamedTuple):
    """A status and its JSON body."""

    status: int
    body: Json


Call = Callable[[Query, int], Json]


def answered(call: Call | None, query: Query, now_ms: int) -> Reply | None:
    """What `call` answers or refuses; None where there is none."""
    if call is None:
        return None
    try:
        return Reply(200, call(query, now_ms))
    except Refused as e:
        return Reply(400, e.body)


class SpotRest:
    """The public endpoints over `tape`. Pure: the instant is an argument."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._market = tape.market
        self._pairs = {symbol: split(symbol) for symbol in self._market.symbols}
        self._intervals = {name: ms for name, ms in INTERVALS.items() if ms >= self._market.step_ms}
        self._calls: dict[str, Call] = {
            "/api/v3/ping": lambda _query, _now_ms: {},
            TIME: lambda _query, now_ms: {"serverTime": now_ms},
            "/api/v3/exchangeInfo": self._exchange_info,
            KLINES: self.klines,
            "/api/v3/ticker/24hr": self.each(self._ticker_24hr),
            "/api/v3/ticker/price": self.each(self._ticker_price),
            "/api/v3/ticker/bookTicker": self.each(self._ticker_book),
            "/api/v3/depth": self._depth,
        }

    def reply(self, path: str, query: Query, now_ms: int) -> Reply | None:
        """The answer to `GET path?query` at `now_ms`; None where there is no such endpoint."""
        return answered(self._calls.get(path), query, now_ms)

    def _exchange_info(self, query: Query, now_ms: int) -> Json:
        symbols = asked.symbols(query, self._market.symbols) or self._market.symbols
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [_WEIGHT],
            "exchangeFilters": [],
            "symbols": [self._symbol_info(symbol) for symbol in symbols],
        }

    def _symbol_info(self, symbol: str) -> Json:
        base, quote = self._pairs[symbol]
        return {
            "symbol": symbol,
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": quote,
            **dict.fromkeys(_PRECISIONS, 8),
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
            **dict.fromkeys(_ALLOWED, True),
            "isMarginTradingAllowed": False,
            "filters": filters(*self._market.listing(symbol), _NOTIONAL),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER"],
        }

    def klines(self, query: Query, now_ms: int) -> list[object]:
        """Candles as `query` asks for. Raises Refused."""
        symbol = asked.symbol(query, self._market.symbols)
        interval_ms = self._intervals.get(asked.required(query, "interval"))
        if interval_ms is None:
            raise Refused(-1120, "Invalid interval.")
        limit = min(asked.whole(query, "limit", _USUAL_KLINES), _MOST_KLINES)
        since_ms = min(now_ms + 1, asked.whole(query, "startTime", 0))
        until_ms = min(now_ms, asked.whole(query, "endTime", now_ms))
        newest = "startTime" not in query
        span = since_ms, until_ms
        bars = self._tape.klines(symbol, interval_ms, span, limit, now_ms, newest=newest)
        return klines(bars, interval_ms)

    def _depth(self, query: Query, now_ms: int) -> Json:
        symbol = asked.symbol(query, self._market.symbols)
        limit = min(asked.whole(query, "limit", _USUAL_LEVELS), _MOST_LEVELS)
        book = self._tape.book(symbol, now_ms, limit)
        return {
            "lastUpdateId": now_ms,
            "bids": [[_text(price), _text(amount)] for price, amount in book.bids],
            "asks": [[_text(price), _text(amount)] for price, amount in book.asks],
        }

    def each(self, ticker: Callable[[str, int], dict[str, object]]) -> Call:
        """`ticker` for one `symbol`, or as a list for some or all `symbols`."""

        def call(query: Query, now_ms: int) -> Json:
            if "symbol" in query and "symbols" not in query:
                return ticker(asked.symbol(query, self._market.symbols), now_ms)
            symbols = asked.symbols(query, self._market.symbols) or self._market.symbols
            return [ticker(symbol, now_ms) for symbol in symbols]

        return call

    def _ticker_price(self, symbol: str, now_ms: int) -> dict[str, object]:
        return {"symbol": symbol, "price": _text(self._tape.price(symbol, now_ms) or 0.0)}

    def _ticker_book(self, symbol: str, now_ms: int) -> dict[str, object]:
        book = self._tape.book(symbol, now_ms, 1)
        bid, ask = (side[0] if side else (0.0, 0.0) for side in book)
        return {
            "symbol": symbol,
            "bidPrice": _text(bid[0]),
            "bidQty": _text(bid[1]),
            "askPrice": _text(ask[0]),
            "askQty": _text(ask[1]),
        }

    def _ticker_24hr(self, symbol: str, now_ms: int) -> dict[str, object]:
        since_ms, bars = self._tape.day(symbol, now_ms)
        last = self._tape.price(symbol, now_ms) or 0.0
        values = bars.values
        opened = float(values[0, OPEN]) if len(bars) else last
        volume, quoted = float(values[:, VOLUME].sum()), float(_quoted(bars).sum())
        trades = int(quoted / _TRADE_USDT)
        return self._ticker_book(symbol, now_ms) | {
            "priceChange": _text(last - opened),
            "priceChangePercent": f"{(last / opened - 1.0) * 100.0 if opened else 0.0:.3f}",
            "weightedAvgPrice": _text(quoted / volume if volume else last),
            "prevClosePrice": _text(opened),
            "lastPrice": _text(last),
            "lastQty": _text(volume / max(1, trades)),
            "openPrice": _text(opened),
            "highPrice": _text(float(values[:, HIGH].max()) if len(bars) else last),
            "lowPrice": _text(float(values[:, LOW].min()) if len(bars) else last),
            "volume": _text(volume),
            "quoteVolume": _text(quoted),
            "openTime": since_ms,
            "closeTime": now_ms,
            "firstId": 0,
            "lastId": trades,
            "count": trades,
        }


def filters(price_decimals: int, lot_decimals: int, notional: dict[str, object]) -> list[object]:
    """The tick and lot of a symbol, and the filter `notional`."""
    tick, lot = _text(10.0**-price_decimals), _text(10.0**-lot_decimals)
    price = {"minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick}
    size = {"minQty": lot, "maxQty": "9000000.00000000", "stepSize": lot}
    return [
        {"filterType": "PRICE_FILTER", **price},
        {"filterType": "LOT_SIZE", **size},
        notional,
    ]


def split(symbol: str) -> tuple[str, str]:
    """Base and quote currency of `symbol`. Raises ConfigError where it has no known quote."""
    for quote in _QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    raise ConfigError(
        f"cannot tell base from quote in '{symbol}': it should end in one of {', '.join(_QUOTES)}"
    )


def klines(bars: Bars, interval_ms: int) -> list[object]:
    """Rows of twelve, prices and amounts as text.

    Trades are larger where prices move, and takers buy more of them in a candle that rises.
    """
    values, quoted = bars.values, _quoted(bars)
    reach = values[:, HIGH] - values[:, LOW]
    place = np.divide(
        values[:, CLOSE] - values[:, OPEN], reach, out=np.zeros_like(reach), where=reach > 0.0
    )
    bought = 0.5 + _BOUGHT_SHARE * place
    trades = (quoted / (_TRADE_USDT * (1.0 + 20.0 * reach / values[:, CLOSE]))).astype(np.int64)
    columns = bars.open_ms, values, quoted, trades, bought
    return [
        [
            open_ms,
            *map(_text, row),
            open_ms + interval_ms - 1,
            _text(worth),
            count,
            _text(row[-1] * share),
            _text(worth * share),
            "0",
        ]
        for open_ms, row, worth, count, share in zip(*(c.tolist() for c in columns), strict=True)
    ]


def _quoted(bars: Bars) -> Array:
    mean: Array = bars.values[:, OPEN : CLOSE + 1].mean(axis=1)
    return bars.values[:, VOLUME] * mean


def _text(value: float) -> str:
    return f"{value:.8f}"
