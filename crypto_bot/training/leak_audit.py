"""The leak audit of a feature set and a label: does a column know what comes later?

Tables of prefixes are compared with the whole, and models are fitted where nothing can be foreseen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.interval import Interval
from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import FeatureSet
from crypto_bot.labels.labels import UNKNOWN, Labels, label
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.models.gates import CHANCE_AUC, is_chance
from crypto_bot.statistics.direction import measure_direction
from crypto_bot.statistics.intervals import DayBootstrap, ratio
from crypto_bot.statistics.rows import Floats, Rows, score_of
from crypto_bot.statistics.scores import log_loss
from crypto_bot.training.fit import fit_rows
from crypto_bot.training.folds import folds_of, parts
from crypto_bot.training.gate import LeakTests
from crypto_bot.training.panel import Coin, Panel, Question, build_panel
from crypto_bot.training.placebo import coin_flip, shuffled
from crypto_bot.training.plan import Splits, TrainingPlan

_PREFIX_BARS = 6_000
_CUTS = (0, 1, 2, 3, 4, 5, 15, 16, 17, 63, 95, 96, 97, 191, 671, 673)
"""Bars before the end at which a prefix ends: in and at the end of every longer candle."""
MARKETS = 8
"""Markets of coin flips drawn where the first one alone looks as if its direction were known."""


class Check(NamedTuple):
    """One thing that must hold, and whether it does, in words."""

    name: str
    passed: bool
    words: str

    def __str__(self) -> str:
        return f"{self.name}: {self.words}"


class Audit(NamedTuple):
    """What was found: for people to read, and for the gates of a model."""

    checks: tuple[Check, ...]
    leaks: LeakTests


def audit(
    coins: Sequence[Coin],
    leader: CandleTable | None,
    question: Question,
    splits: Splits,
    seed: int,
) -> Audit:
    """Prefix invariance of features and label on each coin, then two placebos over all of them.

    The placebos fit a logistic regression walk-forward by `splits`; those of direction are left out
    where the label has none. Raises NotEnoughData.
    """
    plan = TrainingPlan(
        judged=tuple(coin.symbol for coin in coins),
        family=FamilyChoice("logistic_v1"),
        splits=splits,
        seed=seed,
    )
    found = [each for coin in coins for each in _prefixes(coin, leader, question)]
    has_direction = question.label.direction is not None
    flipped = _coin_flips(coins, leader, question, plan) if has_direction else None
    panel = build_panel(coins, leader, question)
    mixed = shuffled(panel.label.astype(np.int8), seed).astype(np.int64)
    learned = replace(panel, label=mixed)
    walked = _walked(learned, panel, plan)
    auc = _direction(walked, seed) if has_direction else None
    return Audit(
        (
            *(_prefix_check(name, columns) for name, columns in found),
            *_chance("a coin-flip market", flipped),
            *_chance("shuffled labels", auc),
        ),
        LeakTests(
            tuple(sorted({column for _, columns in found for column in columns})),
            flipped,
            auc,
            _skill(walked, seed),
        ),
    )


def _prefixes(
    coin: Coin, leader: CandleTable | None, question: Question
) -> list[tuple[str, tuple[str, ...]]]:
    """The columns of features and of label whose past changes, each with a name for the table."""
    features, timeframe = question.features, question.timeframe
    kept = coin.table.newest(_PREFIX_BARS)
    ends_ms = int(kept.open_ms[-1]) + timeframe.ms
    cuts_ms = [ends_ms - bars * timeframe.ms for bars in _CUTS]
    measure = feature_measure(features, timeframe, replace(coin, table=kept), leader)
    found = prefix_leaks(measure, features.columns, cuts_ms)
    labels = label_measure(question.label, timeframe, kept)
    found_label = prefix_leaks(labels, Labels._fields, cuts_ms, later_known=True)
    return [
        (f"{features.name} of {coin.symbol}", found),
        (f"label {question.label.name} of {coin.symbol}", found_label),
    ]


def _prefix_check(name: str, columns: Sequence[str]) -> Check:
    words = "rows stay as they are when candles are appended"
    if columns:
        words = f"rows change when candles are appended: {', '.join(columns)}"
    return Check(name, not columns, words)


def _coin_flips(
    coins: Sequence[Coin], leader: CandleTable | None, question: Question, plan: TrainingPlan
) -> Interval:
    """The direction AUC of what is learned from markets whose direction is drawn by lot.

    One market where its AUC is near one half. Where it is not, further ones are drawn, and the mean
    over all of them decides: chance differs between draws, a leak does not.
    """
    first = _coin_flip_auc(coins, leader, question, plan)
    if is_chance(first):
        return first
    further = range(plan.seed + 1, plan.seed + MARKETS)
    return mean_of(
        [
            first,
            *(
                _coin_flip_auc(coins, leader, question, replace(plan, seed=seed))
                for seed in further
            ),
        ]
    )


def mean_of(found: Sequence[Interval]) -> Interval:
    """The mean of independent estimates; its ends as far away as those of all of them allow.

    Half-widths add as standard errors of independent means do: the root of their summed squares,
    over the number of estimates.
    """
    value, low, high = np.array(found).T
    middle, count = value.mean(), len(found)
    below, above = (np.sqrt(np.square(value - end).sum()) / count for end in (low, high))
    return Interval(float(middle), float(middle - below), float(middle + above))


def _coin_flip_auc(
    coins: Sequence[Coin], leader: CandleTable | None, question: Question, plan: TrainingPlan
) -> Interval:
    """The same of one market, drawn with the plan's seed."""
    markets = {coin.symbol: coin.table for coin in coins}
    led_by = question.features.leader
    if led_by is not None and leader is not None:
        markets.setdefault(led_by, leader)
    turned = coin_flip(markets, question.timeframe, plan.seed)
    flipped = [replace(coin, table=turned[coin.symbol]) for coin in coins]
    panel = build_panel(flipped, None if led_by is None else turned.get(led_by), question)
    return _direction(_walked(panel, panel, plan), plan.seed)


class _Walked(NamedTuple):
    """Test rows, their predictions, and the label frequencies of the rows learned from."""

    rows: Rows
    p: Floats
    prior: Floats


def _walked(learned: Panel, truth: Panel, plan: TrainingPlan) -> _Walked:
    """Learns from one panel, predicts the rows of the other."""
    ends, folds, predicted, priors = [], [], [], []
    classes = len(learned.question.label.classes)
    for fold in folds_of(learned, plan):
        part = parts(fold, learned.open_ms, learned.usable)
        model = fit_rows(learned, plan, part)
        ends.append(part.test)
        folds.append(np.full(part.test.size, fold.number))
        predicted.append(model.predict_proba(learned.features, part.test))
        shares = np.bincount(learned.label[part.fit], minlength=classes) / part.fit.size
        priors.append(np.tile(shares, (part.test.size, 1)))
    return _Walked(
        truth.rows(np.concatenate(ends), np.concatenate(folds)),
        np.concatenate(predicted),
        np.concatenate(priors),
    )


def _direction(walked: _Walked, seed: int) -> Interval:
    return measure_direction(walked.rows, score_of(walked.p, walked.rows.spec), seed=seed).auc


def _skill(walked: _Walked, seed: int) -> Interval:
    """Of the log loss, against the label frequencies of the rows learned from."""
    label = walked.rows.label
    losses = (log_loss(p, label) for p in (walked.p, walked.prior))
    days = DayBootstrap(walked.rows.open_ms, seed=seed, horizon_ms=walked.rows.horizon_ms)
    return days.estimate(days.sums(*losses), lambda sums: 1.0 - ratio(sums))


def _chance(name: str, found: Interval | None) -> tuple[Check, ...]:
    if found is None:
        return ()
    words = (
        f"direction AUC {found.value:.4f} [{found.low:.4f}, {found.high:.4f}], "
        f"chance is 0.5 within {CHANCE_AUC}"
    )
    return (Check(name, is_chance(found), words),)


Measure = Callable[[int], Floats]
"""The table (n, columns) made from the candles that open before an instant (UTC ms)."""


def prefix_leaks(
    measure: Measure, columns: Sequence[str], cuts_ms: Sequence[int], *, later_known: bool = False
) -> tuple[str, ...]:
    """Columns (sorted) whose rows in a prefix differ, in any bit, from the same rows of the whole.

    The prefixes end at `cuts_ms`, the whole at the last of them. Take cuts inside and at the end of
    every longer candle that a feature might look at. A row in which the prefix knows nothing (NaN)
    and the whole something is a leak like any other, except where it is `later_known`: a label.
    """
    *earlier, last = sorted(cuts_ms)
    whole = measure(last)
    found: set[str] = set()
    for cut_ms in earlier:
        part = measure(cut_ms)
        same = whole[: part.shape[0]]
        unknown = np.isnan(part)
        equal = (part == same) | (unknown & (np.isnan(same) | later_known))
        found.update(columns[each] for each in np.flatnonzero(~equal.all(axis=0)).tolist())
    return tuple(sorted(found))


def feature_measure(
    features: FeatureSet,
    timeframe: Timeframe,
    coin: Coin,
    leader: CandleTable | None = None,
) -> Measure:
    """The table of a feature set; coin and leader are cut alike."""

    def measure(until_ms: int) -> Floats:
        lead = None if leader is None else leader.before(until_ms)
        known, since_ms = coin.table.before(until_ms), coin.market_since_ms
        made = batch(features, timeframe, known, lead, symbol=coin.symbol, market_since_ms=since_ms)
        return made.rows

    return measure


def label_measure(spec: LabelSpec, timeframe: Timeframe, coin: CandleTable) -> Measure:
    """The table of a label, its columns those of `Labels`; NaN where it is unknown."""

    def measure(until_ms: int) -> Floats:
        known = coin.before(until_ms)
        found = label(spec, timeframe, known.open_ms, known.candles)
        table = np.column_stack([np.asarray(column, np.float64) for column in found])
        table[found.label == UNKNOWN, : len(Labels._fields) - 1] = np.nan
        return table

    return measure
