"""Raw candles, tickers, books, funding rows and markets of ccxt, validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, NamedTuple

from crypto_bot.domain.candle import Candle, TradedCandle, Trading, require_sound
from crypto_bot.domain.errors import BadCandles, BadPrices
from crypto_bot.domain.instant import MINUTE_MS
from crypto_bot.domain.quote import Funding, Instrument, Level, OrderBook, Quote
from crypto_bot.domain.stamp import require_possible
from crypto_bot.domain.timeframe import Timeframe

_MALFORMED = (ArithmeticError, LookupError, TypeError, ValueError)
STALE_MS = 60_000
"""A price may be this much older than its request or, as clocks differ, newer."""
_CLOCKS_DIFFER_MS = 15 * MINUTE_MS
_FINEST = Decimal("1E-8")
"""Where an exchange gives none, or counts prices in significant digits."""


def sound_candles(
    rows: Sequence[Any], timeframe: Timeframe, origin: str, now_ms: int
) -> list[Candle]:
    """Rows `[open_ms, open, high, low, close, volume, ...]` of one reply as candles, ascending.

    A row of nine goes on with quote volume, number of trades and the volume that takers bought, and
    gives a `TradedCandle`, unless one of the three cannot be true.
    A reply with the newest row first is reversed. Any other fault of a row invalidates the whole
    reply, as does a time before 2009 or after `now_ms`, give or take what clocks may differ by:
    raises BadCandles, naming `origin`.
    """
    candles = [_candle(row, number, origin) for number, row in enumerate(rows)]
    if candles and candles[0].open_ms > candles[-1].open_ms:
        candles.reverse()
    latest_ms = now_ms + max(timeframe.ms, _CLOCKS_DIFFER_MS)
    require_possible((candle.open_ms for candle in candles), latest_ms, origin)
    require_sound(candles, timeframe, origin)
    return candles


def _candle(row: Any, number: int, origin: str) -> Candle:
    try:
        open_ms, *numbers = row[:6]
        candle = Candle(int(open_ms), *map(float, numbers))
    except _MALFORMED as e:
        raise BadCandles(f"{origin}: row {number} is no candle: {str(row)[:80]}") from e
    try:
        quote_volume, trades, taker_volume = row[6:9]
        trading = Trading(candle.volume, float(quote_volume), int(trades), float(taker_volume))
    except _MALFORMED:
        return candle
    return TradedCandle.of(candle, trading) if trading.is_sound else candle


class Request(NamedTuple):
    """The exchange asked for a price, and when: sent and received, UTC milliseconds."""

    origin: str
    sent_ms: int
    received_ms: int


def exact(value: Any) -> Decimal:
    """The number that the exchange wrote, which ccxt gives as text or as a float.

    A float's shortest text is exact for up to 15 significant digits (IEEE 754, DBL_DIG). Raises
    ValueError where it is no finite number.
    """
    try:
        number = Decimal(str(value))
    except InvalidOperation as e:
        raise ValueError(f"{value!r} is no number") from e
    _require(number.is_finite(), f"{value!r} is no number")
    return number


def positive(value: Any) -> Decimal:
    """As `exact`; raises ValueError also where it is not above zero."""
    number = exact(value)
    _require(number > 0, f"{value!r} is not above zero")
    return number


def sound_quote(symbol: str, ticker: Mapping[str, Any], request: Request) -> Quote:
    """The quote of `ticker`.

    Without a timestamp it has that of the request. Raises BadPrices where a side is missing or no
    price, where the bid is above the ask, and where it is stale.
    """
    try:
        bid, ask = positive(ticker["bid"]), positive(ticker["ask"])
        _require(bid <= ask, f"bid {bid} is above ask {ask}")
        at_ms = _stamp(ticker.get("timestamp"), request)
    except _MALFORMED as e:
        raise BadPrices(f"{symbol} from {request.origin} is not quoted: {e}") from e
    return Quote(symbol, bid, ask, at_ms)


def last_price(symbol: str, ticker: Mapping[str, Any]) -> float:
    """Of the newest trade. Raises BadPrices where `ticker` has none."""
    try:
        return float(positive(ticker["last"]))
    except _MALFORMED as e:
        raise BadPrices(f"the ticker of {symbol} has no last price: {e}") from e


def sound_book(
    symbol: str, raw: Mapping[str, Any], coins_in_lot: Decimal, request: Request
) -> OrderBook:
    """The book of `raw`, its amounts in coins.

    Raises BadPrices where a side is empty or has a level twice, where the sides cross, where a
    number is invalid, and where it is stale.
    """
    try:
        bids, asks = (_levels(raw[side], coins_in_lot) for side in ("bids", "asks"))
        bid, ask = bids[0].price, asks[0].price
        _require(bid <= ask, f"bid {bid} is above ask {ask}")
        _require(all(a.price > b.price for a, b in pairwise(bids)), "bids are not in order")
        _require(all(a.price < b.price for a, b in pairwise(asks)), "asks are not in order")
        at_ms = _stamp(raw.get("timestamp"), request)
    except _MALFORMED as e:
        raise BadPrices(f"the book of {symbol} from {request.origin} is invalid: {e}") from e
    return OrderBook(symbol, bids, asks, at_ms)


def sound_funding(symbol: str, row: Mapping[str, Any], origin: str) -> Funding:
    """The funding of one row. Raises BadPrices where the rate is no number, or 1 or more."""
    try:
        rate, due_ms = exact(row["fundingRate"]), int(row["timestamp"])
        _require(abs(rate) < 1, f"a rate of {rate} is 1 or more")
    except _MALFORMED as e:
        raise BadPrices(f"funding of {symbol} from {origin} is invalid: {e}") from e
    return Funding(symbol, due_ms, rate)


def _levels(rows: Sequence[Any], coins_in_lot: Decimal) -> tuple[Level, ...]:
    _require(bool(rows), "a side is empty")
    return tuple(Level(positive(row[0]), positive(row[1]) * coins_in_lot) for row in rows)


def _stamp(stamp_ms: Any, request: Request) -> int:
    if stamp_ms is None:
        return request.sent_ms
    at_ms = int(stamp_ms)
    fresh = request.sent_ms - STALE_MS <= at_ms <= request.received_ms + STALE_MS
    _require(fresh, f"it is of {at_ms}, asked for at {request.sent_ms}")
    return at_ms


def _require(true: bool, otherwise: str) -> None:
    if not true:
        raise ValueError(otherwise)


def coins_in_lot(market: Mapping[str, Any]) -> Decimal:
    """Coins in one unit of an amount of `market`: a contract may be a hundredth, or ten."""
    size = market.get("contractSize")
    return Decimal(1) if size is None else exact(size)


def instrument(symbol: str, market: Mapping[str, Any], *, in_steps: bool) -> Instrument:
    """The steps and least sizes of `market`; a least amount that is not given is one step.

    `in_steps`: its `precision` is a step, otherwise a number of decimals.
    """
    precision, limits = market["precision"], market["limits"]
    coins = coins_in_lot(market)
    tick = _step(precision.get("price"), in_steps=in_steps)
    lot = _step(precision.get("amount"), in_steps=in_steps) * coins
    min_amount = _least(limits, "amount") * coins
    return Instrument(symbol, tick, lot, max(lot, min_amount), _least(limits, "cost"))


def _step(precision: Any, *, in_steps: bool) -> Decimal:
    if precision is None:
        return _FINEST
    number = exact(precision)
    step = number if in_steps else Decimal(10) ** -int(number)
    return step if step > 0 else _FINEST


def _least(limits: Mapping[str, Any], of: str) -> Decimal:
    least = (limits.get(of) or {}).get("min")
    return Decimal(0) if least is None else exact(least)
