"""What models show live, beside what they showed on rows that they had never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.model_card import ModelEntry, ModelMetrics
from crypto_bot.domain.signal import MODEL_SOURCES
from crypto_bot.statistics.daily import BLOCK_DAYS, MIN_CALLS, around, ratio_interval
from crypto_bot.statistics.loss_curve import DailyLosses, Losses, daily
from crypto_bot.statistics.reliability import DRAWS, FLOOR_SHARE, MOST_BINS, bin_gaps
from crypto_bot.statistics.resolved import LONG, NO_TRADE, SHORT, SOURCES, ResolvedCalls
from crypto_bot.statistics.rows import Bools, Floats, Ints

_MODELS = [SOURCES.index(source) for source in MODEL_SOURCES]


@dataclass(frozen=True, slots=True)
class LiveModel:
    """The calls of one version since it answers. Intervals are unknown with too few calls."""

    symbol: str
    version: str
    """Both empty where all models are measured together."""
    n: int
    days: int
    skill: Interval
    """Log-loss skill against the label shares of the 30 days before."""
    direction_auc: Interval
    """P(a call on a rise leans more to LONG than one on a fall)."""
    ece: float
    """Mean over the three labels; beside it what it stays below in 95 % of draws of noise."""
    ece_floor: float
    tested: ModelMetrics | None
    """The same, out of sample, as stored with its files."""


def live_models(
    calls: ResolvedCalls, held: Losses, entries: Sequence[ModelEntry]
) -> tuple[LiveModel, ...]:
    """One for each coin with a published model, by symbol; `held` [n] as of `calls`."""
    found = []
    for entry in sorted(entries):
        card = entry.card
        if card is None:
            continue
        measured = _measured(calls, held, _by_model(calls, entry))
        found.append(
            replace(measured, symbol=entry.symbol, version=card.version, tested=card.metrics)
        )
    return tuple(found)


def all_models(calls: ResolvedCalls, held: Losses) -> LiveModel:
    """Every call that any model made, together."""
    return _measured(calls, held, by_models(calls))


def by_those_that_answer(calls: ResolvedCalls, entries: Sequence[ModelEntry]) -> Bools:
    """Which of the calls [n] are of the models that answer now."""
    chosen = np.zeros(len(calls), dtype=np.bool_)
    for entry in entries:
        if entry.served:
            chosen |= _by_model(calls, entry)
    return chosen


def _by_model(calls: ResolvedCalls, entry: ModelEntry) -> Bools:
    if entry.symbol not in calls.symbols or entry.signed not in calls.versions:
        return np.zeros(len(calls), dtype=np.bool_)
    coin, version = calls.symbols.index(entry.symbol), calls.versions.index(entry.signed)
    chosen: Bools = by_models(calls) & (calls.coin == coin) & (calls.version == version)
    return chosen


def by_models(calls: ResolvedCalls) -> Bools:
    """Which of the calls [n] a model made."""
    return np.isin(calls.source, _MODELS)


def direction_auc(score: Floats, up: Bools, day: Ints, most: int = BLOCK_DAYS) -> Interval:
    """P(score of an up row > that of a down row), ties half, and its 95 % interval over days.

    The interval is that of a mean of the placements (DeLong et al. 1988), summed by day.
    """
    ups, downs = int(up.sum()), int((~up).sum())
    if min(ups, downs) < MIN_CALLS:
        return UNKNOWN
    place = _placements(score, up)
    value = float(place[up].mean())
    influence = (place - value) / np.where(up, ups, downs)
    _, at = np.unique(day, return_inverse=True)
    found = around(value, np.bincount(at, influence).tolist(), most=most)
    if not found.is_bounded:
        return found
    return Interval(value, max(0.0, found.low), min(1.0, found.high))


def calibration(p: Floats, label: Ints, *, seed: int = 0) -> tuple[float, float]:
    """Expected calibration error averaged over the labels, and its noise floor; `p` [n, 3].

    Over 8 bins of equal mass a label, redrawn as in `reliability`. NaN with too few rows.
    """
    if label.size < MIN_CALLS:
        return nan, nan
    rng = np.random.default_rng(seed)
    error, noise = 0.0, np.zeros(DRAWS)
    for column in range(p.shape[1]):
        gaps = bin_gaps(p[:, column], label == column, min(MOST_BINS, label.size // MIN_CALLS))
        error += gaps.error
        noise += gaps.noise(rng)
    return error / p.shape[1], float(np.quantile(noise / p.shape[1], FLOOR_SHARE))


def _measured(calls: ResolvedCalls, held: Losses, chosen: Bools) -> LiveModel:
    mine = calls.where(chosen)
    by_day = daily(mine, held.where(chosen))
    moved = mine.label != NO_TRADE
    score = mine.p[moved, LONG] - mine.p[moved, SHORT]
    ece, floor = calibration(mine.p, mine.label)
    return LiveModel(
        symbol="",
        version="",
        n=len(mine),
        days=int(np.unique(mine.day).size),
        skill=_skill(by_day, calls.block_days),
        direction_auc=direction_auc(
            score, mine.label[moved] == LONG, mine.day[moved], calls.block_days
        ),
        ece=ece,
        ece_floor=floor,
        tested=None,
    )


def _skill(by_day: DailyLosses, most: int) -> Interval:
    if by_day.n.sum() < MIN_CALLS:
        return UNKNOWN
    ratio = ratio_interval(by_day.ours.tolist(), by_day.theirs.tolist(), most)
    return ratio.scaled(-1.0, 1.0)


def _placements(score: Floats, up: Bools) -> Floats:
    """Share of the other side that each row is rightly ordered with, ties half, [n]."""
    place = np.empty(score.size)
    for side, sign in ((up, 1.0), (~up, -1.0)):
        ours, others = sign * score[side], np.sort(sign * score[~side])
        below = np.searchsorted(others, ours, side="left")
        upto = np.searchsorted(others, ours, side="right")
        place[side] = (below + upto) / 2.0 / others.size
    return place
