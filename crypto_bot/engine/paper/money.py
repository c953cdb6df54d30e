"""What a paper account earned, in parts: by day, coin, source, side, hour and time held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.paper_report import (
    ClosedTrade,
    DayResult,
    EquityPoint,
    Excursion,
    MoneyParts,
    TradeGroup,
)
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.paper.statistics import expectancy_r

R_BIN = 0.5
R_MOST = 3.0
"""Results beyond so many R are counted in the outermost bins."""
_HELD_H = ((1, "under 1 h"), (2, "1 to 2 h"), (4, "2 to 4 h"), (8, "4 to 8 h"), (24, "8 to 24 h"))
_LONGER = "24 h or more"


def money_parts(
    trades: Sequence[ClosedTrade], newest: Sequence[tuple[ClosedTrade, Sequence[Candle]]]
) -> MoneyParts:
    """Of closed `trades`; `newest` are some of them with their candles, for the excursions."""
    hours = [f"{hour:02}" for hour in range(24)]
    return MoneyParts(
        by={
            "coin": groups(trades, lambda trade: trade.symbol),
            "source": groups(trades, lambda trade: trade.source.value),
            "side": groups(trades, lambda trade: trade.side.value),
            "hour": groups(trades, lambda trade: hours[trade.entry_ms // HOUR_MS % 24]),
            "time held": groups(trades, _held, [name for _, name in _HELD_H] + [_LONGER]),
            "exit": groups(trades, lambda trade: trade.reason),
        },
        r_counts=_r_counts(trades),
        excursions=tuple(_excursion(*each) for each in newest if each[1]),
    )


def day_results(
    points: Sequence[EquityPoint], equity: Decimal, trades: Sequence[ClosedTrade]
) -> tuple[DayResult, ...]:
    """The change of equity on each UTC day, ascending; the last one reaches to `equity`.

    `points` are the start, those at midnights, and the newest. A change over days without a point
    is that of the last of them. The results add up to `equity` less the start.
    """
    if not points:
        return ()
    ended = Counter(trade.exit_ms // DAY_MS for trade in trades)
    results: dict[int, Decimal] = {}
    ends = [*points[1:-1], points[-1]._replace(equity=equity)]
    for before, after in pairwise([points[0], *ends]):
        day = (after.at_ms - 1) // DAY_MS
        results[day] = results.get(day, Decimal(0)) + after.equity - before.equity
    return tuple(DayResult(day * DAY_MS, results[day], ended[day]) for day in sorted(results))


def candles_of(trade: ClosedTrade, timeframe: Timeframe) -> tuple[int, int]:
    """Open times of the first and the last candle that a trade was held in."""
    return timeframe.open_of(trade.entry_ms), timeframe.open_of(trade.exit_ms - 1)


def groups(
    trades: Sequence[ClosedTrade],
    key: Callable[[ClosedTrade], str],
    order: Sequence[str] = (),
) -> tuple[TradeGroup, ...]:
    """The trades by `key`, in this `order`, or by name."""
    found: dict[str, list[ClosedTrade]] = {}
    for trade in trades:
        found.setdefault(key(trade), []).append(trade)
    names = order or sorted(found)
    return tuple(_group(name, found[name]) for name in names if name in found)


def _group(name: str, trades: Sequence[ClosedTrade]) -> TradeGroup:
    return TradeGroup(
        name=name,
        trades=len(trades),
        won=sum(trade.net > 0 for trade in trades),
        net=sum((trade.net for trade in trades), Decimal(0)),
        fees=sum((trade.fees for trade in trades), Decimal(0)),
        mean_r=expectancy_r(trades),
    )


def _held(trade: ClosedTrade) -> str:
    hours = (trade.exit_ms - trade.entry_ms) / HOUR_MS
    return next((name for limit, name in _HELD_H if hours < limit), _LONGER)


def _r_counts(trades: Sequence[ClosedTrade]) -> tuple[tuple[float, int], ...]:
    """Lower ends of bins of `R_BIN`, and how many results lie in each."""
    bins = round(2 * R_MOST / R_BIN)
    counts = Counter(min(bins - 1, max(0, int((trade.r + R_MOST) // R_BIN))) for trade in trades)
    return tuple((at * R_BIN - R_MOST, counts[at]) for at in range(bins))


def _excursion(trade: ClosedTrade, candles: Sequence[Candle]) -> Excursion:
    highest, lowest = max(each.high for each in candles), min(each.low for each in candles)
    return excursion(trade, highest, lowest)


def excursion(trade: ClosedTrade, highest: float, lowest: float) -> Excursion:
    """The best and the worst price while it was held, the candle of the exit included."""
    entry, exit_ = float(trade.entry), float(trade.exit)
    high, low = highest / entry - 1.0, lowest / entry - 1.0
    moved = exit_ / entry - 1.0
    if trade.side is Pred.SHORT:
        high, low, moved = -low, -high, -moved
    return Excursion(trade.prediction_id, 1e4 * moved, 1e4 * high, 1e4 * low)
