"""What the LONG and SHORT calls came to after costs, and what models' probabilities were worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import fsum, log, sqrt
from typing import NamedTuple

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import ScoredCall, TradeRecord
from crypto_bot.ports import DayRecord
from crypto_bot.statistics.daily import MIN_BLOCKS, MIN_CALLS, Interval, block_variance, t_95
from crypto_bot.statistics.performance import Performance, performance

_LEAST = 1e-6
"""A probability of 0 that came true costs as much as one of this."""


class Proof(StrEnum):
    """How an interval lies to its yardstick."""

    ABOVE = "above"
    NOT_PROVEN = "not proven"
    BELOW = "below"


def proof(interval: Interval | None, yardstick: float | None) -> Proof:
    """ABOVE or BELOW only where the whole interval is."""
    if interval is None or yardstick is None or interval.low <= yardstick <= interval.high:
        return Proof.NOT_PROVEN
    return Proof.ABOVE if interval.low > yardstick else Proof.BELOW


def trade_performance(rows: Iterable[TradeRecord]) -> Performance:
    """The record of trades: a hit is one that returned more than 0 before costs."""
    return performance(
        DayRecord(
            row.source,
            row.symbol,
            row.day,
            n=row.n,
            hits=row.gains,
            trades=row.n,
            return_bps=row.gain_bps - row.loss_bps,
            confidence=0.0,
            brier=0.0,
        )
        for row in rows
    )


def break_even(rows: Iterable[TradeRecord], cost_bps: float) -> float | None:
    """The hit rate at which trades of these sizes earn exactly their cost.

    With the mean gain G and the mean loss L, a hit rate h returns h G - (1 - h) L, which is
    `cost_bps` at (L + cost) / (G + L). None below 30 trades or without a gain and a loss.
    """
    known = list(rows)
    n = sum(row.n for row in known)
    gains = sum(row.gains for row in known)
    if n < MIN_CALLS or gains in {0, n}:
        return None
    gain = fsum(row.gain_bps for row in known) / gains
    loss = fsum(row.loss_bps for row in known) / (n - gains)
    return min(1.0, (loss + cost_bps) / (gain + loss))


class LossGap(NamedTuple):
    """Log loss against a baseline, as a share of the baseline's: below 0 is better.

    The baseline gives every call the shares that the labels turned out to have. The interval takes
    the day as its unit (see `review`); None where there are too few days.
    """

    n: int
    loss: float
    baseline: float
    gap: float
    interval: Interval | None


def loss_gap(calls: Sequence[ScoredCall]) -> LossGap | None:
    """None below 30 calls, or where all labels are the same."""
    shares = Counter(call.label for call in calls)
    if len(calls) < MIN_CALLS or len(shares) < 2:
        return None
    n = len(calls)
    prior = {label: -log(count / n) for label, count in shares.items()}
    losses = [-log(max(_LEAST, call.probabilities.of(call.label))) for call in calls]
    loss = fsum(losses) / n
    baseline = fsum(prior[call.label] for call in calls) / n
    days: dict[int, list[float]] = {}
    for call, lost in zip(calls, losses, strict=True):
        days.setdefault(call.candle_open_ms // DAY_MS, []).append(lost - prior[call.label])
    gap = loss - baseline
    reach = _reach([fsum(day) - gap * len(day) for day in days.values()], n)
    interval = None
    if reach is not None:
        interval = Interval((gap - reach) / baseline, (gap + reach) / baseline)
    return LossGap(n, loss, baseline, gap / baseline, interval)


def _reach(deviations: Sequence[float], n: int) -> float | None:
    days = len(deviations)
    if days < MIN_BLOCKS:
        return None
    degrees = days / min(5, days // MIN_BLOCKS) - 1
    return t_95(degrees) * sqrt(block_variance(deviations)) / n
