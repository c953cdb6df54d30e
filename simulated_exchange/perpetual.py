"""Binance's public REST for linear perpetual contracts, on the market that the spot REST shows.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sin
from zlib import crc32

from simulated_exchange import query as asked
from simulated_exchange.query import Json, Query
from simulated_exchange.rest import Call, Reply, SpotRest, answered, filters, split
from simulated_exchange.tape import Tape

FUNDING_MS = 8 * 3_600_000
"""Longs pay shorts, or the other way round, every eight hours from midnight UTC."""
_INTEREST = 1e-4
_PREMIUM_SHARE = 0.02
_MOST_FUNDING = 7.5e-4
_PREMIUM = 5e-4
"""The most by which the contract stands above or below the index, as a share of it."""
_PREMIUM_MS = 36 * 3_600_000
_MOST_RATES = 1000
_USUAL_RATES = 100
_NOT_OF_CONTRACTS = ("bidPrice", "bidQty", "askPrice", "askQty", "prevClosePrice")


def funding_rate(tape: Tape, symbol: str, due_ms: int, now_ms: int) -> float:
    """What a long pays at `due_ms`, as a share of its worth, as it looks at `now_ms`.

    Made up, but of the size and sign that real rates have: 1 bp, more where the price rose over
    the eight hours before.
    """
    before = tape.price(symbol, due_ms - FUNDING_MS)
    now = tape.price(symbol, min(now_ms, due_ms))
    if not (before and now):
        return _INTEREST
    rate = _INTEREST + _PREMIUM_SHARE * (now / before - 1.0)
    return min(_MOST_FUNDING, max(-_MOST_FUNDING, rate))


def premium(symbol: str, at_ms: int) -> float:
    """By how much the contract stands above the index at `at_ms`, as a share of it; made up."""
    phase = 2.0 * pi * (at_ms % _PREMIUM_MS) / _PREMIUM_MS
    return _PREMIUM * sin(phase + crc32(symbol.encode()) % 7)


class PerpetualRest:
    """The endpoints under /fapi/v1 over `tape`; what contracts share with spot is asked there."""

    def __init__(self, tape: Tape, spot: SpotRest) -> None:
        self._tape = tape
        self._spot = spot
        self._symbols = tape.market.symbols
        self._calls: dict[str, Call] = {
            "/fapi/v1/exchangeInfo": self._exchange_info,
            "/fapi/v1/premiumIndex": spot.each(self._premium),
            "/fapi/v1/fundingRate": self._funding_rates,
            "/fapi/v1/indexPriceKlines": self._index_klines,
        }

    def reply(self, path: str, query: Query, now_ms: int) -> Reply | None:
        """The answer to `GET path?query` at `now_ms`; None where there is no such endpoint."""
        if path in self._calls:
            return answered(self._calls[path], query, now_ms)
        if not path.startswith("/fapi/v1/"):
            return None
        reply = self._spot.reply(path.replace("/fapi/v1/", "/api/v3/", 1), query, now_ms)
        if reply is None or reply.status != 200:
            return reply
        return Reply(200, _of_contracts(path, reply.body, now_ms))

    def _exchange_info(self, _query: Query, now_ms: int) -> Json:
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [self._symbol_info(symbol) for symbol in self._symbols],
        }

    def _symbol_info(self, symbol: str) -> dict[str, object]:
        base, quote = split(symbol)
        price_decimals, lot_decimals = self._tape.market.listing(symbol)
        return {
            "symbol": symbol,
            "pair": symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": quote,
            "marginAsset": quote,
            "pricePrecision": price_decimals,
            "quantityPrecision": lot_decimals,
            "filters": filters(
                *(price_decimals, lot_decimals), {"filterType": "MIN_NOTIONAL", "notional": "5"}
            ),
        }

    def _premium(self, symbol: str, now_ms: int) -> dict[str, object]:
        due_ms = (now_ms // FUNDING_MS + 1) * FUNDING_MS
        last = self._tape.price(symbol, now_ms) or 0.0
        price = f"{last:.8f}"
        return {
            "symbol": symbol,
            "markPrice": price,
            "indexPrice": f"{last / (1.0 + premium(symbol, now_ms)):.8f}",
            "estimatedSettlePrice": price,
            "lastFundingRate": f"{funding_rate(self._tape, symbol, due_ms, now_ms):.8f}",
            "interestRate": f"{_INTEREST:.8f}",
            "nextFundingTime": due_ms,
            "time": now_ms,
        }

    def _index_klines(self, query: Query, now_ms: int) -> Json:
        """The candles of the contract less its premium: an index has prices and no volume."""
        symbol = asked.required(query, "pair")
        rows = self._spot.klines({**query, "symbol": symbol}, now_ms)
        return [_of_index(symbol, row, now_ms) for row in rows if isinstance(row, list)]

    def _funding_rates(self, query: Query, now_ms: int) -> Json:
        symbol = asked.symbol(query, self._symbols)
        limit = min(asked.whole(query, "limit", _USUAL_RATES), _MOST_RATES)
        last_ms = min(asked.whole(query, "endTime", now_ms), now_ms) // FUNDING_MS * FUNDING_MS
        oldest_ms = last_ms - (limit - 1) * FUNDING_MS
        since_ms = asked.whole(query, "startTime", oldest_ms)
        first_ms = -(-since_ms // FUNDING_MS) * FUNDING_MS
        dues = range(first_ms, min(last_ms, first_ms + (limit - 1) * FUNDING_MS) + 1, FUNDING_MS)
        return [
            {
                "symbol": symbol,
                "fundingTime": due_ms,
                "fundingRate": f"{funding_rate(self._tape, symbol, due_ms, due_ms):.8f}",
                "markPrice": f"{self._tape.price(symbol, due_ms) or 0.0:.8f}",
            }
            for due_ms in dues
        ]


def _of_index(symbol: str, row: list[object], now_ms: int) -> list[object]:
    """A candle of the contract as the index has it: twelve fields, of which most say nothing."""
    open_ms, *prices = (float(str(field)) for field in row[:5])
    close_ms = int(str(row[6]))
    of_index = [f"{price / (1.0 + premium(symbol, min(close_ms, now_ms))):.8f}" for price in prices]
    return [int(open_ms), *of_index, "0", close_ms, "0", row[8], "0", "0", "0"]


def _of_contracts(path: str, body: Json, now_ms: int) -> Json:
    """Spot's body of the same name as contracts have it."""
    if path.endswith("/ticker/24hr"):
        return _each(body, lambda row: {k: v for k, v in row.items() if k not in _NOT_OF_CONTRACTS})
    if path.endswith("/ticker/bookTicker"):
        return _each(body, lambda row: {**row, "time": now_ms})
    if path.endswith("/depth"):
        assert isinstance(body, dict)
        return {**body, "E": now_ms, "T": now_ms}
    return body


def _each(body: Json, change: Callable[[dict[str, object]], dict[str, object]]) -> Json:
    if isinstance(body, dict):
        return change(body)
    return [change(row) for row in body if isinstance(row, dict)]
