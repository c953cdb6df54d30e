"""Studies made on the spot: hourly candles of a few coins, a tiny network, two short folds."""

from dataclasses import replace
from pathlib import Path

from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.registered import DEFAULT, FamilyChoice
from crypto_bot.training.folds import folds_of
from crypto_bot.training.panel import Coin, build_panel
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.run_store import RunStore
from crypto_bot.training.study import Draft
from tests.training.made_market import QUESTION, SPLITS, candles

DAYS = 140
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


def begun(
    folder: Path, *, pool: NetSettings = POOL, tuning: NetSettings = TUNING
) -> tuple[Draft, RunStore]:
    """A run of four coins of which one cannot be tuned, and its store in `folder`."""
    coins = [Coin(symbol, candles(DAYS, seed)) for seed, symbol in enumerate(GOOD)]
    coins.append(Coin(ONE_SIDED, candles(DAYS, len(GOOD), rising_days=(80, 105))))
    symbols = tuple(coin.symbol for coin in coins)
    store = RunStore(folder)
    store.begin({})
    panel = build_panel(coins, None, QUESTION, store.panel)
    choice = FamilyChoice(DEFAULT, "tiny", pool)
    plan = TrainingPlan(symbols, choice, tuning=tuning, splits=SPLITS, seed=3)
    folds = tuple(folds_of(panel, plan))
    return Draft(symbols, QUESTION, plan, folds, (), None, 1_800_000_000_000), store
