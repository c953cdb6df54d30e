"""Two-head trees trained walk-forward on markets whose truth is known get the verdict they deserve.

Candles, features, labels, splits, families, calibration, decision, evaluation and gates together.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.lightgbm import LightGbmSettings
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.models.verdict import Verdict
from crypto_bot.training.baselines import references
from crypto_bot.training.calibrate import Predicted, calibrations
from crypto_bot.training.evaluate import Evaluation, References
from crypto_bot.training.fit import MODEL, fit_rows
from crypto_bot.training.folds import folds_of, out_of_sample, rows_to_fit
from crypto_bot.training.gate import LABEL_A, judge
from crypto_bot.training.judge import measure
from crypto_bot.training.panel import Coin, Panel, Question, build_panel
from crypto_bot.training.placebo import coin_flip
from crypto_bot.training.plan import SplitPlan, TrainingPlan
from tests.training.made_market import open_candle_leak, planted

pytestmark = pytest.mark.slow

QUARTER = Timeframe.parse("15m")
SPEC = LABELS.get("A")
FEATURES = feature_set("per_coin_v2")
USED = ("ret_1", "ret_4", "sd_16_96", "sd_4_672", "log_range", "hour_sin", "hour_cos", "clv_4")
PLAN = SplitPlan(folds=4, test_days=65, validation_days=30, least_fit_days=60)
DAYS = 364
SMALL = LightGbmSettings(move_rounds=150, up_rounds=60, leaves=8, learning_rate=0.06)


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


def panel(markets: Mapping[str, CandleTable], *, leaking: bool = False) -> Panel:
    """A few features of all the coins; where `leaking`, the close of the open 4h candle too."""
    coins = [Coin(name, table) for name, table in markets.items()]
    made = build_panel(coins, coins[0].table, Question(QUARTER, FEATURES, SPEC, 1))
    names: tuple[str, ...] = USED
    columns = [made.features[:, FEATURES.indices(USED)]]
    if leaking:
        names = (*USED, "open_4h")
        columns.append(np.concatenate([open_candle_leak(t) for t in markets.values()])[:, None])
    features = replace(FEATURES, columns=names, readers={})
    return replace(
        made,
        question=replace(made.question, features=features),
        features=np.hstack(columns).astype(np.float32),
    )


def trained(table: Panel) -> Evaluation:
    """The measurements of pooled trees that learn from rows that do not overlap."""
    apart = table.open_ms // QUARTER.ms % SPEC.horizon.bars(QUARTER) == 0
    learned = replace(table, usable=table.usable & apart, weight=np.ones(table.label.size))
    choice = FamilyChoice("lightgbm_v1", settings=SMALL)
    plan = TrainingPlan(table.symbols, choice, splits=PLAN, seed=1)
    folds = folds_of(table, plan)
    rows, predictions, reached = [], [], []
    for fold in folds:
        part = rows_to_fit(learned, folds, fold.number)
        asked = out_of_sample(table, plan, folds, fold.number)
        rows.append(asked)
        predictions.append(fit_rows(learned, plan, part).predict_proba(table.features, asked.ends))
        keys = learned.keys(part.fit), table.keys(asked.ends)
        reached.append(references(table.label[part.fit], *keys, len(SPEC.classes)))
    found = Predicted(
        table.rows(*(np.concatenate(each) for each in zip(*rows, strict=True))),
        {MODEL: np.concatenate(predictions)},
        References(*(np.concatenate(each) for each in zip(*reached, strict=True))),
    )
    return measure(found, calibrations(found), trials=1, seed=0, draws=300).model


def test_a_market_with_a_weak_planted_direction_is_active_and_its_auc_found() -> None:
    tilted = {
        name: planted(coin, 0.055, seed) for seed, (name, coin) in enumerate(market(5).items())
    }
    got = trained(panel(tilted))
    assert got.direction.auc.value == pytest.approx(0.545, abs=0.012)
    assert judge(got, LABEL_A).verdict is Verdict.ACTIVE


def test_a_market_of_coin_flips_is_not_active() -> None:
    got = trained(panel(coin_flip(market(5), QUARTER, seed=3)))
    assert got.probabilities.skill_prior.low > 0.0  # volatility can be predicted, direction cannot
    assert got.direction.auc.value == pytest.approx(0.5, abs=0.015)
    assert judge(got, LABEL_A).verdict not in {Verdict.ACTIVE, Verdict.BLOCKED}


def test_a_model_fed_with_the_open_four_hour_candle_is_blocked() -> None:
    got = trained(panel(market(2), leaking=True))
    assert got.direction.auc.value > 0.7
    judgement = judge(got, LABEL_A)
    assert judgement.verdict is Verdict.BLOCKED
    assert judgement.reasons[0].startswith("direction AUC 0.")
