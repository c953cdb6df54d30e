"""The decision: trade where the direction score is far out and its expected return beats the cost.

A score is judged by its place among the coin's own trailing scores (60 days and at least 400 bars
of them), so that a change of the market's or of the model's scale moves no threshold. The expected
return of a place, in ATR, is what earlier out-of-sample rows earned there. Live and batch count the
same and agree to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.compiled import compiled
from crypto_bot.statistics.rows import Floats, Ints, Rows, earlier

_TRAILING_MS = 60 * DAY_MS
_TRAILING_BARS = 400
_LEAST, _LEAST_SHARE = 1_000, 0.7
TAIL = 0.005
"""The share of places on either side that may trade."""
_EDGES = np.array([0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35])
_INNER = np.concatenate([_EDGES, [0.5], (1.0 - _EDGES)[::-1]])
_CLIP_ATR = 10.0


class TrailingWindow(NamedTuple):
    """The trailing scores that a new one is compared with.

    Those of the last `span_ms`; a row with fewer than `least` of them has no tail to be in: it has
    no place and is not traded.
    """

    span_ms: int
    least: int


def trailing_window(timeframe: Timeframe) -> TrailingWindow:
    """60 days or 400 bars, whichever is longer; of its bars 7 in 10 must be there, at most 1,000.

    So 60 days and 1,000 scores for bars of up to an hour, 400 bars and 280 scores for those of 4
    hours (67 days) and of a day.
    """
    span_ms = max(_TRAILING_MS, _TRAILING_BARS * timeframe.ms)
    return TrailingWindow(span_ms, min(_LEAST, round(_LEAST_SHARE * (span_ms // timeframe.ms))))


@compiled
def _share(below: int, equal: int, count: int, least: int) -> float:
    """Share of `count` scores below one, ties counted half; NaN for fewer than `least`."""
    if count < least:
        return np.nan
    return (below + 0.5 * equal) / count


@compiled
def _places(open_ms: Ints, rank: Ints, trailing_ms: int, least: int) -> Floats:
    """The place of each row among those before it, by a Fenwick tree that counts ranks.

    `open_ms` [n] ascends; `rank` [n] numbers the distinct scores from 1.
    """
    tree = np.zeros(rank.max() + 1, dtype=np.int64)
    out = np.empty(rank.size)
    first = 0
    for row in range(rank.size):
        while open_ms[first] < open_ms[row] - trailing_ms:
            _count(tree, rank[first], -1)
            first += 1
        below = _up_to(tree, rank[row] - 1)
        equal = _up_to(tree, rank[row]) - below
        out[row] = _share(below, equal, row - first, least)
        _count(tree, rank[row], 1)
    return out


@compiled
def _count(tree: Ints, at: int, change: int) -> None:
    while at < tree.size:
        tree[at] += change
        at += at & -at


@compiled
def _up_to(tree: Ints, at: int) -> int:
    total = 0
    while at > 0:
        total += tree[at]
        at -= at & -at
    return total


def place(
    trailing_open_ms: Ints, trailing: Floats, open_ms: int, score: float, window: TrailingWindow
) -> float:
    """The place 0..1 of one new score; NaN where fewer than the least are left in the window.

    `trailing` and `trailing_open_ms` [w]: earlier scores of the same coin, ascending; those older
    than the window are left out here. Equal to `places` to the bit.
    """
    first = int(np.searchsorted(trailing_open_ms, open_ms - window.span_ms))
    left = trailing[first:]
    below, equal = int(np.count_nonzero(left < score)), int(np.count_nonzero(left == score))
    return float(_share(below, equal, left.size, window.least))


def places(open_ms: Ints, coin: Ints, score: Floats, window: TrailingWindow) -> Floats:
    """The place of each row [n] among the earlier rows of its coin, rows in any order."""
    out = np.full(score.size, np.nan)
    order = np.lexsort((open_ms, coin))
    for rows in np.split(order, np.flatnonzero(np.diff(coin[order])) + 1):
        if rows.size:
            rank = np.unique(score[rows], return_inverse=True)[1] + 1
            out[rows] = _places(open_ms[rows], rank, window.span_ms, window.least)
    return out


@dataclass(frozen=True, slots=True)
class ReturnMap:
    """Expected gross return of a long, in ATR, by place: isotonic over bins narrow at the ends.

    `edges` [b-1] between the bins, `values` [b]. Plain floats, to be stored as they are.
    """

    edges: tuple[float, ...]
    values: tuple[float, ...]

    def expected_atr(self, at: Floats) -> Floats:
        """[n] for places [n]; NaN where the place is."""
        values = np.array(self.values)[np.searchsorted(self.edges, at, side="right")]
        known: Floats = np.where(np.isnan(at), np.nan, values)
        return known


def fit_return_map(at: Floats, long_atr: Floats) -> ReturnMap | None:
    """From out-of-sample rows: places and gross returns of a long over ATR, both [n].

    Mean return by bin, single returns cut at 10 ATR, then pool adjacent violators weighted by
    rows. None where no row has both.
    """
    known = np.isfinite(at) & np.isfinite(long_atr)
    if not known.any():
        return None
    bins = np.searchsorted(_INNER, at[known], side="right")
    weight = np.bincount(bins, minlength=_INNER.size + 1)
    total = np.bincount(
        bins, np.clip(long_atr[known], -_CLIP_ATR, _CLIP_ATR), minlength=_INNER.size + 1
    )
    held = np.flatnonzero(weight)
    rising = _isotonic(total[held] / weight[held], weight[held].astype(np.float64))
    # A bin without rows takes the value of the next one towards the middle: never a wilder one.
    bins = np.arange(_INNER.size + 1)
    rightward = np.searchsorted(held, bins)
    leftward = np.searchsorted(held, bins, side="right") - 1
    taken = np.where(bins <= _INNER.size // 2, rightward, leftward)
    values = rising[np.clip(taken, 0, held.size - 1)]
    return ReturnMap(tuple(_INNER.tolist()), tuple(values.tolist()))


def _isotonic(mean: Floats, weight: Floats) -> Floats:
    blocks: list[tuple[float, float, int]] = []
    for value, mass in zip(mean.tolist(), weight.tolist(), strict=True):
        current = (value, mass, 1)
        while blocks and blocks[-1][0] >= current[0]:
            before, held, count = blocks.pop()
            both = held + current[1]
            joined = (before * held + current[0] * current[1]) / both
            current = (joined, both, count + current[2])
        blocks.append(current)
    return np.repeat([value for value, _, _ in blocks], [count for _, _, count in blocks])


class Expectation(NamedTuple):
    """Of each row [n]: its place, and the expected gross return of a long in basis points.

    Both are NaN where unknown: too few trailing scores, or no earlier fold to learn from.
    """

    place: Floats
    long_bps: Floats


def expect_forward(rows: Rows, score: Floats) -> Expectation:
    """What each fold could expect, its map fitted on the rows of earlier folds alone."""
    at = places(rows.open_ms, rows.coin, score, trailing_window(rows.timeframe))
    expected = np.full(len(rows), np.nan)
    long_atr = rows.long_bps / rows.atr_bps
    for number in np.unique(rows.fold):
        before = earlier(rows, int(number))
        learned = fit_return_map(at[before], long_atr[before])
        if learned is not None:
            here = rows.fold == number
            expected[here] = learned.expected_atr(at[here]) * rows.atr_bps[here]
    return Expectation(at, expected)


def sides(expectation: Expectation, cost_bps: float, tail: float = TAIL) -> Ints:
    """1 long, -1 short, 0 no trade for each row [n].

    A trade needs a place in the outer `tail` of its side and an expected gross return of more than
    `cost_bps`, the cost of a round trip.
    """
    at, expected = expectation
    long = (at >= 1.0 - tail) & (expected > cost_bps)
    short = (at <= tail) & (-expected > cost_bps)
    return long.astype(np.int64) - short.astype(np.int64)


def nearness(at: float, tail: float = TAIL) -> float | None:
    """How near a place is to the outer `tail` of its side, as `domain.signal.Declined` has it.

    1 or -1 in the tail, where the expected return decides; None for no place.
    """
    if np.isnan(at):
        return None
    outside = min(at, 1.0 - at)
    share = 1.0 if outside <= tail else tail / outside
    return round(share if at > 0.5 else -share, 2)


class Decision(NamedTuple):
    """The prediction, and the expected gross return of its trade (None for NO_TRADE)."""

    pred: Pred
    expected_bps: float | None


def decide(
    at: float, learned: ReturnMap | None, atr_bps: float, cost_bps: float, tail: float = TAIL
) -> Decision:
    """The decision for one new row: the batch rule applied to one row."""
    if learned is None:
        return Decision(Pred.NO_TRADE, None)
    one = np.array([at])
    expectation = Expectation(one, learned.expected_atr(one) * atr_bps)
    side = int(sides(expectation, cost_bps, tail)[0])
    if side == 0:
        return Decision(Pred.NO_TRADE, None)
    pred = Pred.LONG if side > 0 else Pred.SHORT
    return Decision(pred, side * float(expectation.long_bps[0]))
