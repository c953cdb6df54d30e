"""Walk-forward folds by calendar time, the same for all coins: what may be fitted on what.

    fit | purge | validation | purge + embargo | test

Purge is the horizon of the label, the embargo that of the plan and at least a horizon. A row may be
fitted on when its whole label is known before the next part begins. Purge and embargo after
M. Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.statistics.rows import Bools, Ints
from crypto_bot.training.panel import Panel
from crypto_bot.training.plan import (
    Shares,
    SplitPlan,
    Splits,
    TrainingPlan,
    least_bars,
    needed_candles,
)

CALIBRATION = -1
"""Fold number of the first fold's validation rows: calibration uses them, no measurement does."""
FINAL = -1
"""Stands for a fold's number where the model that is published is fitted, on all history."""


class Fold(NamedTuple):
    """Bounds of one fold, open times in UTC ms: `from` is the first, `until` the first beyond.

    The fit reaches from the beginning to `fit_until_ms`: folds expand.
    """

    number: int
    fit_until_ms: int
    validation_from_ms: int
    validation_until_ms: int
    test_from_ms: int
    test_until_ms: int


class Parts(NamedTuple):
    """Rows (indices, ascending) of the parts of a fold."""

    fit: Ints
    validation: Ints
    test: Ints

    def where(self, chosen: Bools) -> Parts:
        """Those of the rows `chosen`, one for each row of the panel."""
        return Parts(*(part[chosen[part]] for part in self))


class OutOfSample(NamedTuple):
    """Rows of a panel [n] that are predicted out of sample, each with its fold."""

    ends: Ints
    fold: Ints


def cut(
    splits: Splits, timeframe: Timeframe, horizon_bars: int, first_ms: int, last_ms: int
) -> list[Fold]:
    """Folds over candles that open from `first_ms` to `last_ms`. Raises NotEnoughData."""
    if isinstance(splits, Shares):
        return [by_shares(splits, timeframe, horizon_bars, first_ms, last_ms)]
    return walk_forward(splits, timeframe, horizon_bars, first_ms, last_ms)


def by_shares(
    shares: Shares, timeframe: Timeframe, horizon_bars: int, first_ms: int, last_ms: int
) -> Fold:
    """The one fold whose parts are shares of the span; each gives up a horizon at its end.

    Raises NotEnoughData where a part would hold too few horizons.
    """
    purge_ms = horizon_bars * timeframe.ms
    bars = (last_ms - first_ms) // timeframe.ms + 1
    if bars < least_bars(shares, horizon_bars):
        raise NotEnoughData(
            f"{bars} candles are too few for parts of {shares.fit:g}, {shares.validation:g} and "
            f"{shares.test:g}: {least_bars(shares, horizon_bars)} are needed; use a longer history"
        )
    validation_ms = first_ms + round(shares.fit * bars) * timeframe.ms
    test_ms = first_ms + round((shares.fit + shares.validation) * bars) * timeframe.ms
    return Fold(
        number=0,
        fit_until_ms=validation_ms - purge_ms,
        validation_from_ms=validation_ms,
        validation_until_ms=test_ms - purge_ms,
        test_from_ms=test_ms,
        test_until_ms=last_ms + timeframe.ms,
    )


def walk_forward(
    plan: SplitPlan, timeframe: Timeframe, horizon_bars: int, first_ms: int, last_ms: int
) -> list[Fold]:
    """Folds over candles that open from `first_ms` to `last_ms`, oldest first.

    The newest test ends at the end. Bounds depend on the calendar alone, so that coins share them.
    A label made at a candle looks `horizon_bars` candles ahead: so many are left out before the
    validation and before the test, besides the embargo. Raises NotEnoughData where the first fit
    would be too short.
    """
    purge_ms = horizon_bars * timeframe.ms
    end_ms = last_ms + timeframe.ms
    folds = []
    for number in range(plan.folds):
        until_ms = end_ms - (plan.folds - 1 - number) * plan.test_days * DAY_MS
        from_ms = until_ms - plan.test_days * DAY_MS
        validated_ms = from_ms - plan.embargo_ms(purge_ms) - purge_ms
        validation_ms = validated_ms - plan.validation_days * DAY_MS
        fitted_ms = validation_ms - purge_ms
        folds.append(Fold(number, fitted_ms, validation_ms, validated_ms, from_ms, until_ms))
    missing_ms = first_ms + plan.least_fit_days * DAY_MS - folds[0].fit_until_ms
    if missing_ms > 0:
        there = max(0.0, (end_ms - first_ms) / DAY_MS)
        raise NotEnoughData(
            f"{there:.1f} days of candles are too few for {plan.folds} folds of {plan.test_days} "
            f"test days: {there + missing_ms / DAY_MS:.1f} are needed; "
            "use a longer history or fewer folds"
        )
    return folds


def folds_of(panel: Panel, plan: TrainingPlan) -> list[Fold]:
    """Folds that every judged coin has the history for. Raises NotEnoughData, saying how much."""
    q = panel.question
    spans = []
    for symbol in plan.judged:
        own = panel.usable & panel.of(symbol)
        if not own.any():
            raise NotEnoughData(
                f"{symbol} has no window of {q.window_bars} candles without a gap after the first "
                f"{q.features.warm_up_bars(q.timeframe)}: use a longer or more complete history"
            )
        spans.append((panel.open_ms[own].min(), panel.open_ms[own].max(), symbol))
    first_ms, _, youngest = max(spans)
    last_ms = min(last for _, last, _ in spans)
    span = int(first_ms), int(last_ms)
    try:
        return cut(plan.splits, q.timeframe, q.label.horizon.bars(q.timeframe), *span)
    except NotEnoughData as error:
        candles = int(panel.of(youngest).sum())
        needed = needed_candles(q, plan.splits)
        raise NotEnoughData(
            f"{youngest} has {candles} candles and about {needed} are needed ({error})"
        ) from error


def parts(fold: Fold, open_ms: Ints, usable: Bools) -> Parts:
    """Rows of each part of `fold` among rows [n] of any coins; only `usable` ones, with a label."""

    def between(from_ms: int, until_ms: int) -> Ints:
        return np.flatnonzero(usable & (open_ms >= from_ms) & (open_ms < until_ms))

    return Parts(
        np.flatnonzero(usable & (open_ms < fold.fit_until_ms)),
        between(fold.validation_from_ms, fold.validation_until_ms),
        between(fold.test_from_ms, fold.test_until_ms),
    )


def rows_to_fit(panel: Panel, folds: Sequence[Fold], fold: int) -> Parts:
    """Rows of the panel to fit on, to validate and to test in `fold`.

    The final fit takes all history but the last days, which are its validation and as many as that
    of the last fold; it has no test.
    """
    last = folds[-1]
    if fold != FINAL:
        return parts(folds[fold], panel.open_ms, panel.usable)
    begins_ms = last.test_until_ms - (last.validation_until_ms - last.validation_from_ms)
    fit = panel.usable & (panel.open_ms < begins_ms - panel.horizon_ms)
    validation = panel.usable & (panel.open_ms >= begins_ms)
    return Parts(np.flatnonzero(fit), np.flatnonzero(validation), np.empty(0, np.int64))


def out_of_sample(
    panel: Panel, plan: TrainingPlan, folds: Sequence[Fold], fold: int
) -> OutOfSample:
    """The test rows of the judged coins, and in the first fold its validation rows before them."""
    judged = np.isin(panel.coin, [panel.symbols.index(symbol) for symbol in plan.judged])
    part = parts(folds[fold], panel.open_ms, panel.usable & judged)
    if fold:
        return OutOfSample(part.test, np.full(part.test.size, fold))
    return OutOfSample(
        np.concatenate([part.validation, part.test]),
        np.repeat([CALIBRATION, fold], [part.validation.size, part.test.size]),
    )
