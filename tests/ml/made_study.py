"""Studies made on the spot: hourly candles of a few coins, a tiny network, two short folds."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.kernel import Series
from crypto_bot.features.labels import label_spec
from crypto_bot.features.sets import feature_set
from crypto_bot.ml.families import CNN_LSTM, FamilyChoice
from crypto_bot.ml.fit import NetSettings
from crypto_bot.ml.panel import Coin, Question, build_panel
from crypto_bot.ml.per_coin.desk import Desk
from crypto_bot.ml.per_coin.study import Draft
from crypto_bot.ml.rows import DAY_MS
from crypto_bot.ml.splits import SplitPlan
from crypto_bot.ml.walk import TrainingPlan, folds_of

HOUR = Timeframe.parse("1h")
DAYS = 140
QUESTION = Question(HOUR, feature_set("per_coin_v1"), label_spec("A"), 16)
SPLITS = SplitPlan(folds=2, test_days=20, validation_days=10, least_fit_days=20)
# No dropout: executors that draw its noise elsewhere can then be compared with one another.
POOL = NetSettings(
    epochs=4,
    up_epochs=2,
    batch_size=32,
    learning_rate=1e-2,
    epoch_examples=1_000,
    dropout=0.0,
    device="cpu",
    arithmetic="float32",
)
TUNING = replace(POOL, epochs=3, epoch_examples=NetSettings().epoch_examples)
GOOD = ("COIN0", "COIN1", "COIN2")
ONE_SIDED = "COIN3"
"""Its price only rises while the first fold is validated: no SHORT to learn from there."""


def candles(seed: int, rising_days: tuple[int, int] = (0, 0)) -> Series:
    """A wandering price whose steps swell and shrink; it climbs steadily on `rising_days`."""
    rng = np.random.default_rng(seed)
    n = 24 * DAYS
    calm = 0.004 * np.exp(0.6 * np.sin(np.arange(n) / 40.0))
    steps = calm * rng.standard_normal(n)
    climb = slice(*(24 * day for day in rising_days))
    steps[climb] = np.abs(steps[climb])
    close = 100.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(rng.standard_normal((2, n))) * calm * close
    table = np.column_stack(
        [
            opened,
            np.maximum(opened, close) + reach[0],
            np.minimum(opened, close) - reach[1],
            close,
            50.0 * np.exp(rng.standard_normal(n)),
        ]
    )
    return Series(np.arange(n) * HOUR.ms + 20_000 * DAY_MS, np.ascontiguousarray(table))


def begun(
    folder: Path, *, pool: NetSettings = POOL, tuning: NetSettings = TUNING
) -> tuple[Draft, Desk]:
    """A run of four coins of which one cannot be tuned, and its desk in `folder`."""
    coins = [Coin(symbol, candles(seed)) for seed, symbol in enumerate(GOOD)]
    coins.append(Coin(ONE_SIDED, candles(len(GOOD), rising_days=(80, 105))))
    symbols = tuple(coin.symbol for coin in coins)
    desk = Desk(folder)
    desk.begin({})
    panel = build_panel(coins, None, QUESTION, desk.panel)
    choice = FamilyChoice(CNN_LSTM, "tiny", 16, pool)
    plan = TrainingPlan(symbols, choice, tuning=tuning, splits=SPLITS, seed=3)
    folds = tuple(folds_of(panel, plan))
    return Draft(symbols, QUESTION, plan, folds, (), None, 1_800_000_000_000), desk
