"""Two-head trees trained walk-forward on markets whose truth is known get the verdict they deserve.

Candles, features, labels, splits, families, calibration, decision, evaluation and gates together.
"""

from collections.abc import Mapping

import numpy as np
import pytest

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.labels import label
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.family import Examples
from crypto_bot.models.families.trees import TreeFamily, TreeSettings
from crypto_bot.models.verdict import Verdict
from crypto_bot.statistics.rows import Floats, Ints, Rows
from crypto_bot.training.baselines import RowKeys, references
from crypto_bot.training.evaluate import Evaluation, References, measure
from crypto_bot.training.folds import parts, walk_forward
from crypto_bot.training.gate import LABEL_A, judge
from crypto_bot.training.placebo import coin_flip, open_candle_leak, planted
from crypto_bot.training.plan import SplitPlan
from tests.models.made_specs import made_spec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

QUARTER = Timeframe.parse("15m")
SPEC = LABELS.get("A")
FEATURES = feature_set("per_coin_v2")
USED = ("ret_1", "ret_4", "sd_16_96", "sd_4_672", "log_range", "hour_sin", "hour_cos", "clv_4")
PLAN = SplitPlan(folds=4, test_days=65, validation_days=30, least_fit_days=60)
DAYS = 364
SMALL = TreeSettings(move_rounds=150, up_rounds=60, leaves=8, learning_rate=0.06)


def candles(seed: int) -> CandleTable:
    """A coin whose volatility has hours, lasts and jumps; its direction is chance."""
    rng = np.random.default_rng(seed)
    n = DAYS * 96
    hours = np.arange(n) / 4.0
    calm = 0.3 * np.sin(2.0 * np.pi * hours / 24.0)
    for days in (0.3, 2.0, 9.0):
        steps = rng.normal(0.0, 0.2, n + 5_000)
        width = round(days * 96)
        smooth = np.convolve(steps, np.ones(width) / np.sqrt(width), mode="valid")[:n]
        calm += smooth
    volatility = 0.002 * np.exp(calm)
    close = 100.0 * np.exp(np.cumsum(volatility * rng.standard_normal(n)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = volatility * np.abs(rng.standard_normal((2, n))) * close * 0.5
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    volume = 1e4 * np.exp(calm + 0.3 * rng.standard_normal(n))
    table = np.column_stack([opened, high, low, close, volume])
    return CandleTable(np.arange(n) * QUARTER.ms + 20_000 * DAY_MS, table)


def market(coins: int) -> dict[str, CandleTable]:
    return {f"COIN{k}": candles(k) for k in range(coins)}


class Table:
    """Labelled rows of all the coins, where `leaking` with the close of the open 4h candle."""

    def __init__(self, markets: Mapping[str, CandleTable], *, leaking: bool = False) -> None:
        first = next(iter(markets.values()))
        columns = FEATURES.indices(USED)
        features, keys, told = [], [], []
        for number, coin in enumerate(markets.values()):
            made = batch(FEATURES, QUARTER, coin, first, dtype=np.float32)
            after = label(SPEC, QUARTER, coin.open_ms, coin.candles)
            known = made.valid & (after.label >= 0)
            extra = open_candle_leak(coin, QUARTER)[:, None] if leaking else made.rows[:, :0]
            rows = np.hstack([made.rows[:, columns], extra])[known]
            features.append(rows.astype(np.float32))
            keys.append(np.stack([coin.open_ms, np.full_like(coin.open_ms, number)])[:, known])
            told.append(
                np.stack([after.label, after.long_bps, after.late_bps, after.atr_bps])[:, known]
            )
        self.features = np.concatenate(features)
        self.open_ms, self.coin = np.concatenate(keys, axis=1)
        returns = np.concatenate(told, axis=1)
        self.label = returns[0].astype(np.int64)
        self.long_bps, self.late_bps, self.atr_bps = returns[1:]

    def examples(self, rows: Ints, labels: Ints) -> Examples:
        return Examples(self.features, rows, labels[rows], np.ones(rows.size))

    def rows(self, chosen: Ints, fold: Ints) -> Rows:
        return Rows(
            self.open_ms[chosen],
            self.coin[chosen],
            fold,
            self.label[chosen],
            self.long_bps[chosen],
            self.late_bps[chosen],
            self.atr_bps[chosen],
            SPEC,
            QUARTER,
        )


def trained(table: Table, *, shuffled: bool = False) -> Evaluation:
    """The evaluation of pooled trees, the first fold's validation calibrating before it."""
    learned = table.label
    if shuffled:
        learned = np.random.default_rng(7).permutation(learned)
    columns = range(table.features.shape[1])
    family = TreeFamily(made_spec("trees_v1", columns, columns), SMALL, seed=1)
    ends, folds, predicted, priors = [], [], [], []
    span = int(table.open_ms.min()), int(table.open_ms.max())
    usable = np.ones(table.label.size, dtype=np.bool_)
    for fold in walk_forward(PLAN, QUARTER, SPEC.horizon.bars(QUARTER), *span):
        part = parts(fold, table.open_ms, usable)
        fit = part.fit[table.open_ms[part.fit] // QUARTER.ms % SPEC.horizon.bars(QUARTER) == 0]
        model = family.fit(table.examples(fit, learned), table.examples(part.validation, learned))
        asked = [(fold.number, part.test)]
        if fold.number == 0:
            asked.insert(0, (-1, part.validation))
        for number, rows in asked:
            ends.append(rows)
            folds.append(np.full(rows.size, number))
            predicted.append(model.predict_proba(table.features, rows))
            priors.append(references(learned[fit], keys(table, fit), keys(table, rows), 3))
    return measure(
        table.rows(np.concatenate(ends), np.concatenate(folds)),
        np.concatenate(predicted),
        References(*(joined(p) for p in zip(*priors, strict=True))),
        trials=1,
        draws=300,
    )


def keys(table: Table, rows: Ints) -> RowKeys:
    return RowKeys(
        table.open_ms[rows], table.coin[rows], np.zeros(rows.size, dtype=np.int64), QUARTER
    )


def joined(pieces: tuple[Floats, ...]) -> Floats:
    return np.concatenate(pieces)


def test_a_market_with_a_weak_planted_direction_is_active_and_its_auc_found() -> None:
    tilted = {
        name: planted(coin, QUARTER, SPEC, 0.545, seed)
        for seed, (name, coin) in enumerate(market(5).items())
    }
    got = trained(Table(tilted))
    assert got.direction.auc.value == pytest.approx(0.545, abs=0.012)
    assert judge(got, LABEL_A).verdict is Verdict.ACTIVE


def test_a_market_of_coin_flips_is_not_active() -> None:
    got = trained(Table(coin_flip(market(5), QUARTER, seed=3)))
    assert got.probabilities.skill_prior.low > 0.0  # volatility can be told, direction cannot
    assert got.direction.auc.value == pytest.approx(0.5, abs=0.015)
    assert judge(got, LABEL_A).verdict not in {Verdict.ACTIVE, Verdict.BLOCKED}


def test_a_model_fed_with_the_open_four_hour_candle_is_blocked() -> None:
    got = trained(Table(market(2), leaking=True))
    assert got.direction.auc.value > 0.7
    judgement = judge(got, LABEL_A)
    assert judgement.verdict is Verdict.BLOCKED
    assert judgement.reasons[0].startswith("direction AUC 0.")


def test_shuffled_labels_teach_nothing() -> None:
    got = trained(Table(market(3)), shuffled=True)
    assert got.direction.auc.value == pytest.approx(0.5, abs=0.015)
    assert got.probabilities.skill_prior.value < 0.001
    assert judge(got, LABEL_A).verdict is Verdict.REJECTED
