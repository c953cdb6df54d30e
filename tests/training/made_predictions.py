"""Predictions whose truth is known: hourly rows in folds, and the probabilities behind them."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.gates import Judgement
from crypto_bot.statistics.rows import LONG, SHORT, Floats, Ints, Rows, score_of
from crypto_bot.training.evaluate import Evaluation, References, evaluate
from crypto_bot.training.gate import LABEL_A, Ceilings, judge
from tests.models.made_specs import held

HOUR = Timeframe.parse("1h")


@dataclass(frozen=True)
class Market:
    """Rows, the probabilities that made them, and what a model must beat."""

    rows: Rows
    p: Floats
    references: References

    def predicted(self, p: Floats) -> "Market":
        return replace(self, p=p / p.sum(axis=1, keepdims=True))

    def labelled(self, label: Ints) -> "Market":
        return replace(self, rows=replace(self.rows, label=label))

    def judged(self, ceilings: Ceilings = LABEL_A, *, audited: bool = False) -> Judgement:
        return judge(self.evaluated(), ceilings, audited=audited)

    def evaluated(self) -> Evaluation:
        score = score_of(self.p, self.rows.spec)
        return evaluate(self.rows, self.p, score, self.references, trials=3, draws=300)


@cache
def market(
    *,
    move_sd: float = 0.35,
    up_sd: float = 0.15,
    coins: int = 6,
    days: int = 260,
    folds: int = 4,
) -> Market:
    """P(move) and P(up) have these standard deviations in logits; AUC of up_sd .15 is .542."""
    rng = np.random.default_rng(0)
    n = days * 24
    size = n * coins
    open_ms = np.tile(np.arange(n) * HOUR_MS, coins)
    hour = open_ms // HOUR_MS % 24
    hour_of_day = 0.1 * np.sin(2.0 * np.pi * hour / 24.0)
    move = _sigmoid(rng.normal(0.0, move_sd, size) + hour_of_day)
    up = _sigmoid(rng.normal(0.0, up_sd, size))
    p = np.stack([move * (1.0 - up), 1.0 - move, move * up], axis=1)
    label: Ints = (rng.random(size)[:, None] >= np.cumsum(p, axis=1)[:, :2]).sum(axis=1)
    way = np.where(
        label == LONG, 1.0, np.where(label == SHORT, -1.0, rng.choice([-0.2, 0.2], size))
    )
    earned = way * rng.exponential(40.0, size)
    fold = np.tile(np.arange(n) * folds // n, coins)
    coin = np.repeat(np.arange(coins), n)
    rows = Rows(open_ms, coin, fold, label, earned, earned, np.full(size, 35.0), held(1), HOUR)
    mass = np.stack([np.bincount(hour, p[:, k]) for k in range(3)], axis=1)
    by_hour = mass / mass.sum(axis=1, keepdims=True)
    return Market(rows, p, References(constant(rows), by_hour[hour]))


def constant(rows: Rows) -> Floats:
    """The label frequencies of all rows, for each."""
    shares = np.bincount(rows.label, minlength=len(rows.spec.classes)) / len(rows)
    return np.tile(shares, (len(rows), 1))


def _sigmoid(z: Floats) -> Floats:
    p: Floats = 1.0 / (1.0 + np.exp(-z))
    return p
