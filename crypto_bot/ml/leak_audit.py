"""The leak audit of a feature set and a label: what must hold where nobody can foresee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from crypto_bot.features.kernel import Series
from crypto_bot.features.labels import Labels
from crypto_bot.ml.audit import (
    Leak,
    feature_measure,
    label_leaks,
    label_measure,
    prefix_leaks,
)
from crypto_bot.ml.direction import measure_direction
from crypto_bot.ml.families import LOGISTIC, FamilyChoice
from crypto_bot.ml.panel import Coin, Panel, Question, build_panel
from crypto_bot.ml.placebo import coin_flip, shuffled
from crypto_bot.ml.splits import SplitPlan, parts
from crypto_bot.ml.walk import TrainingPlan, fit_pool, folds_of

CHANCE_SLACK = 0.015
"""A direction AUC within this of one half is chance."""
_PREFIX_BARS = 6_000
_CUTS = (0, 1, 2, 3, 4, 5, 15, 16, 17, 63, 95, 96, 97, 191, 671, 673)
"""Bars before the end at which a prefix ends: in and at the end of every longer candle."""


class Check(NamedTuple):
    """One thing that must hold, and whether it does, in words."""

    name: str
    passed: bool
    words: str


def audit(
    coins: Sequence[Coin], leader: Series | None, question: Question, splits: SplitPlan, seed: int
) -> list[Check]:
    """Prefix invariance of features and label on each coin, then two placebos over all of them.

    The placebos fit a logistic regression walk-forward by `splits`. Raises NotEnoughData.
    """
    plan = TrainingPlan(
        judged=tuple(coin.symbol for coin in coins),
        family=FamilyChoice(LOGISTIC),
        splits=splits,
        seed=seed,
    )
    checks = [check for coin in coins for check in _prefixes(coin, leader, question)]
    checks.append(_coin_flips(coins, leader, question, plan))
    panel = build_panel(coins, leader, question)
    mixed = shuffled(panel.label.astype(np.int8), seed).astype(np.int64)
    checks.append(_chance("shuffled labels", replace(panel, label=mixed), panel, plan))
    return checks


def _prefixes(coin: Coin, leader: Series | None, question: Question) -> list[Check]:
    features, timeframe = question.features, question.timeframe
    kept = Series(coin.series.open_ms[-_PREFIX_BARS:], coin.series.candles[-_PREFIX_BARS:])
    ends_ms = int(kept.open_ms[-1]) + timeframe.ms
    cuts_ms = [ends_ms - bars * timeframe.ms for bars in _CUTS]
    measure = feature_measure(features, timeframe, kept, leader, coin.market_since_ms)
    found = prefix_leaks(measure, features.columns, cuts_ms)
    found_label = label_leaks(
        label_measure(question.label, timeframe, kept), Labels._fields, cuts_ms
    )
    return [
        _prefix_check(f"{features.name} of {coin.symbol}", found),
        _prefix_check(f"label {question.label.name} of {coin.symbol}", found_label),
    ]


def _prefix_check(name: str, leaks: Sequence[Leak]) -> Check:
    columns = sorted({leak.column for leak in leaks})
    words = "rows stay as they are when candles are appended"
    if columns:
        words = f"rows change when candles are appended: {', '.join(columns)}"
    return Check(name, not columns, words)


def _coin_flips(
    coins: Sequence[Coin], leader: Series | None, question: Question, plan: TrainingPlan
) -> Check:
    markets = {coin.symbol: coin.series for coin in coins}
    led_by = question.features.leader
    if led_by is not None and leader is not None:
        markets.setdefault(led_by, leader)
    turned = coin_flip(markets, question.timeframe, plan.seed)
    flipped = [replace(coin, series=turned[coin.symbol]) for coin in coins]
    panel = build_panel(flipped, None if led_by is None else turned[led_by], question)
    return _chance("a coin-flip market", panel, panel, plan)


def _chance(name: str, learned: Panel, truth: Panel, plan: TrainingPlan) -> Check:
    """Whether what is learned from one panel tells the direction of the other by chance alone."""
    ends, folds, scores = [], [], []
    for fold in folds_of(learned, plan):
        part = parts(fold, learned.open_ms, learned.usable)
        model = fit_pool(learned, plan, part.fit, part.validation)
        test = part.test.astype(np.int64)
        ends.append(test)
        folds.append(np.full(test.size, fold.number))
        scores.append(model.logits(learned.features, test).up)
    rows = truth.rows(np.concatenate(ends), np.concatenate(folds))
    found = measure_direction(rows, np.concatenate(scores), seed=plan.seed).auc
    told = found.low > 0.5 or found.high < 0.5
    return Check(
        name,
        abs(found.value - 0.5) <= CHANCE_SLACK or not told,
        f"direction AUC {found.value:.4f} [{found.low:.4f}, {found.high:.4f}], "
        f"chance is 0.5 within {CHANCE_SLACK}",
    )
