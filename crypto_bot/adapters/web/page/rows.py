"""The lines of the overview's table, ready to show: texts, drawings, and what to sort by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import drawings
from crypto_bot.adapters.web.page.readings import CoinReading, Readings
from crypto_bot.adapters.web.page.trade import (
    SOURCES,
    OpenTrade,
    calibrated,
    open_trade,
    result_r,
    usual_shares,
)
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.statistics.breakdown import Line

Row = dict[str, Any]


class CoinState(NamedTuple):
    """What a line shows of its coin."""

    reading: CoinReading
    price: float | None
    signal: Signal | None
    """The open call, or the newest signal where none is open."""
    trade: OpenTrade | None
    behind: int
    """Candles that its newest signal is older than that of the others."""

    @property
    def decimals(self) -> int:
        """Of its prices."""
        return formats.decimals_of([candle.close for candle in self.reading.candles[-32:]])

    @property
    def pred(self) -> Pred | None:
        """The call that stands; None where nothing was scored yet."""
        if self.signal is None:
            return None
        return self.signal.pred if self.trade is not None else Pred.NO_TRADE


def states(readings: Readings) -> list[CoinState]:
    """One for each coin: live calls first by their probability, then the others by name."""
    newest_ms = max(
        (coin.latest.signal.candle_open_ms for coin in readings.coins if coin.latest),
        default=0,
    )
    found = [_state(coin, readings.timeframe, newest_ms) for coin in readings.coins]
    return sorted(found, key=_rank)


def rows(found: Sequence[CoinState], readings: Readings) -> list[Row]:
    """The table in its own order; the first line without a trade is marked as such."""
    made = [_row(state, readings) for state in found]
    quiet = next((row for row in made if not row["live"]), None)
    if quiet is not None and quiet is not made[0]:
        quiet["divide"] = True
    return made


def change_of(coin: CoinReading, timeframe: Timeframe, price: float | None) -> float | None:
    """The change of the price over a day, as a share; None where a day is not stored."""
    if price is None:
        return None
    then_ms = timeframe.open_of(coin.candles[-1].open_ms) - DAY_MS if coin.candles else 0
    then = next((candle for candle in coin.candles if candle.open_ms == then_ms), None)
    return None if then is None else price / then.close - 1.0


def _state(coin: CoinReading, timeframe: Timeframe, newest_ms: int) -> CoinState:
    price = coin.candles[-1].close if coin.candles else None
    if coin.quote is not None:
        price = float(coin.quote.bid + coin.quote.ask) / 2
    latest = coin.latest.signal if coin.latest else None
    call = coin.call.stored.signal if coin.call else None
    trade = open_trade(call, coin.candles, price, timeframe) if call else None
    behind = (newest_ms - latest.candle_open_ms) // timeframe.ms if latest else 0
    return CoinState(coin, price, call if trade else latest, trade, behind)


def _rank(state: CoinState) -> tuple[bool, bool, float, str]:
    live = state.trade is not None and state.signal is not None
    by_model = live and state.signal is not None and calibrated(state.signal)
    confidence = state.signal.confidence if by_model and state.signal else 0.0
    return not live, not by_model, -confidence, state.reading.symbol


def _row(state: CoinState, readings: Readings) -> Row:
    coin, price = state.reading, state.price
    change = change_of(coin, readings.timeframe, price)
    closes = [candle.close for candle in coin.candles]
    row: Row = {
        "symbol": coin.symbol,
        "coin": formats.coin(coin.symbol),
        "href": f"/coin/{quote(coin.symbol, safe='')}",
        "price": formats.number(price, state.decimals),
        "price_sort": price or 0.0,
        "change": formats.signed(None if change is None else 100 * change, 2, "%"),
        "change_sort": change or 0.0,
        "line": cells.sparkline(closes[-(DAY_MS // readings.timeframe.ms + 1) :]),
        "stale": _behind(state.behind),
        "live": state.trade is not None,
        "divide": False,
    }
    return {
        **row,
        **_call(state),
        **_model(coin, readings.now_ms),
        **_record(coin, readings.record.trades),
    }


def _behind(bars: int) -> str:
    if bars <= 0:
        return ""
    return "1 bar behind" if bars == 1 else f"{bars} bars behind"


def _call(state: CoinState) -> Row:
    signal, trade, pred = state.signal, state.trade, state.pred
    if signal is None or pred is None:
        return {**_NO_CALL, "chip": drawings.quiet("not scored"), "signal": "not scored"}
    by_model = calibrated(signal)
    shown = {
        **_NO_CALL,
        "chip": cells.chip(pred, filled=by_model),
        "signal": pred.value if trade else "no trade",
        "source": SOURCES[signal.source],
        "reasons": "; ".join(signal.reasons),
        **(_near(signal) if trade is None else {}),
    }
    if by_model:
        called = signal.pred if trade else Pred.NO_TRADE
        p = signal.probabilities.of(called)
        usual = usual_shares(state.reading.model, signal.label)
        shown |= {
            "bar": cells.split(signal.probabilities, called, usual),
            "p": formats.probability(p),
        }
        shown |= {"p_sort": p if trade else p - 1.0}
    if trade is not None:
        r = trade.now_r
        shown |= {
            "track": cells.track(r, trade.reward_r),
            "r": formats.result(r),
            "r_sort": r,
            "near_sort": 100.0 + r,
            "bars": f"{trade.bars}/{trade.of_bars}",
            "bars_sort": trade.bars,
            "expected": formats.signed(signal.expected_bps, 0),
            "expected_sort": signal.expected_bps or 0.0,
        }
    return shown


def _near(signal: Signal) -> Row:
    """How near each source that was asked is to a call, the nearest first."""
    known = [(each.source, each.near, each.reason) for each in signal.declined]
    known.append((signal.source, signal.near, "; ".join(signal.reasons)))
    found = [
        (SOURCES[source], near, f"{formats.signed(100 * near, 0)}%", reason)
        for source, near, reason in known
        if near is not None
    ]
    found.sort(key=lambda each: -abs(each[1]))
    return {"near": drawings.near(tuple(found)), "near_sort": abs(found[0][1]) if found else -1.0}


_NO_CALL: Row = {
    **dict.fromkeys(
        ("bar", "p", "track", "r", "bars", "expected", "source", "reasons", "near"), ""
    ),
    "near_sort": -1.0,
    "p_sort": -2.0,
    "r_sort": -99.0,
    "bars_sort": -1,
    "expected_sort": -9e9,
}


def _model(coin: CoinReading, now_ms: int) -> Row:
    card = coin.model.card if coin.model else None
    if card is None:
        return {"verdict": "", "verdict_sort": "", "model": "", "age": ""}
    return {
        "verdict": drawings.verdict(card.verdict),
        "verdict_sort": card.verdict,
        "model": coin.model.reason if coin.model else "",
        "age": formats.age((now_ms - card.last_open_ms) / 1000),
    }


def _record(coin: CoinReading, everything: Line) -> Row:
    rate, n = (coin.record.rate, coin.record.n) if coin.record else (UNKNOWN, 0)
    results = [
        r
        for line in reversed(coin.trades)
        if line.outcome and (r := result_r(line.stored.signal, line.outcome)) is not None
    ]
    last = coin.trades[0] if coin.trades else None
    return {
        "record": cells.forest(rate, everything.break_even, cells.RATES),
        "rate": formats.rate(rate.value, n),
        "rate_sort": rate.low if rate.is_estimated else -1.0,
        "n": formats.number(n) if n else "",
        "last": drawings.results(tuple(r > 0 for r in results)),
        "last_sort": last.outcome.settled_ms if last and last.outcome else 0,
    }
