"""The flags of the training commands, and how they become a plan."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from math import inf
from pathlib import Path

from crypto_bot.app.commands.flags import add_settings, instant_of
from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.labels import label_spec
from crypto_bot.models.families.by_name import CNN_LSTM, NAMES, FamilyChoice
from crypto_bot.models.families.cnn_lstm.fit import NetSettings, chosen_device
from crypto_bot.models.families.cnn_lstm.net import SIZES, Architecture
from crypto_bot.training.folds import SplitPlan
from crypto_bot.training.panel import Question
from crypto_bot.training.walk import TrainingPlan

_TUNING_RATE = 0.2
"""Learning rate of the fine-tuning, as a share of that of the pool."""
_TUNING_EPOCHS, _TUNING_UP_EPOCHS = 3, 1


def add_training(parser: argparse.ArgumentParser, *settings: str) -> None:
    """What models are made of, and how; with the flags `settings` besides."""
    add_settings(parser, *settings, "tf", "device", "models_dir", "database_url")
    net, family = NetSettings(), FamilyChoice()
    given = parser.add_argument
    given("--candles", type=Path, help="folder or file of candles, instead of the database")
    told = "learn from candles before this (UTC), such as 2025-08-01: later ones stay unseen"
    given("--until", type=instant_of, help=told)
    told = f"epochs at most; the move head stops early (default {net.epochs})"
    given("--epochs", type=int, default=net.epochs, help=told)
    told = f"windows in a step (default {net.batch_size})"
    given("--batch_size", type=int, default=net.batch_size, help=told)
    told = f"highest learning rate (default {net.learning_rate:g})"
    given("--lr", type=float, default=net.learning_rate, help=told)
    told = "of all random numbers: the same seed gives the same model (default 0)"
    given("--seed", type=int, default=0, help=told)
    told = f"kind of model (default {family.name})"
    given("--family", choices=NAMES, default=family.name, help=told)
    told = f"of the network (default {family.size})"
    given("--size", choices=tuple(SIZES), default=family.size, help=told)
    told = f"candles that the network sees (default {family.window_bars})"
    given("--window_bars", type=int, default=family.window_bars, help=told)
    given("--features", default="per_coin_v2", help="set of features (default per_coin_v2)")
    given("--label", default="A", help="what is asked: A, B or fixed (default A)")
    splits = SplitPlan()
    told = f"walk-forward test folds of {splits.test_days} days (default {splits.folds})"
    given("--folds", type=int, default=splits.folds, help=told)


def training_plan(
    flags: argparse.Namespace, settings: Settings, judged: tuple[str, ...], *, pooled: bool
) -> TrainingPlan:
    """Raises ConfigError for what cannot be done."""
    net = NetSettings(
        epochs=flags.epochs,
        up_epochs=min(flags.epochs, NetSettings().up_epochs),
        batch_size=flags.batch_size,
        learning_rate=flags.lr,
        device=settings.device,
    )
    chosen_device(net.device)
    tuning = None
    if pooled and flags.family == CNN_LSTM:
        tuning = replace(
            net,
            learning_rate=net.learning_rate * _TUNING_RATE,
            epochs=min(flags.epochs, _TUNING_EPOCHS),
            up_epochs=_TUNING_UP_EPOCHS,
        )
    return TrainingPlan(
        judged=judged,
        family=FamilyChoice(flags.family, flags.size, flags.window_bars, net),
        pooled=pooled,
        tuning=tuning,
        splits=SplitPlan(folds=flags.folds),
        seed=flags.seed,
        cost_bps=settings.decision.cost_bps,
    )


def question_of(flags: argparse.Namespace, settings: Settings) -> Question:
    """Raises ConfigError for an unknown name, and a window that does not fit."""
    features = feature_set(flags.features)
    Architecture(flags.window_bars, (), ())
    return Question(settings.timeframe, features, label_spec(flags.label), flags.window_bars)


def duration_days(text: str) -> float:
    """Days of such as `30d` or `12h`. Raises ArgumentTypeError."""
    unit = {"d": 1.0, "h": 1.0 / 24.0}.get(text[-1:])
    try:
        days = float(text[:-1]) * (unit or 0.0)
    except ValueError:
        days = 0.0
    if not 0.0 < days < inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration such as 30d or 12h")
    return days


def require_writable(folder: Path) -> None:
    """Raises ConfigError before hours are spent on what could not be published."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise ConfigError(
            f"models folder {folder} cannot be written ({error.strerror}): name another "
            "--models_dir"
        ) from error


def symbols_in(text: str) -> tuple[str, ...]:
    """Symbols separated by commas. Raises ConfigError."""
    symbols = tuple(text.split(","))
    for symbol in symbols:
        if not symbol.isalnum() or not symbol.isupper():
            raise ConfigError(f"'{symbol}' is no symbol such as BTCUSDT")
    if len(set(symbols)) < len(symbols):
        raise ConfigError(f"{text}: a symbol is named twice")
    return symbols
