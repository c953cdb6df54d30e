"""The flags of the training commands, and how they become a plan."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from math import inf
from pathlib import Path

from crypto_bot.app.commands.flags import Parser, add_settings, instant_of
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.executors import NAMES as EXECUTORS
from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.families.family import FitOptions
from crypto_bot.models.families.registered import (
    FAMILIES,
    FamilyChoice,
    newest_version,
    public_names,
)
from crypto_bot.training.panel import Question
from crypto_bot.training.plan import SplitPlan, TrainingPlan, spec_of, splits_for

_WINDOW_BARS = 16


def training_parser(prog: str, description: str, *settings: str) -> Parser:
    """The flags of a training command; those of the settings `settings` besides."""
    parser = Parser(prog=prog, description=description)
    add_settings(parser, *settings, "tf", "device", "models_dir", "database_url", "exchange")
    _add_model(parser.add_argument)
    _add_run(parser.add_argument)
    return parser


def _add_model(add: Callable[..., object]) -> None:
    """What the models are made from, and how."""
    fit, family, splits = FitOptions(), FamilyChoice(), SplitPlan()
    add("--candles", type=Path, help="folder or file of candles, instead of the database")
    text = "learn from candles before this (UTC), such as 2025-08-01: later ones stay unseen"
    add("--until", type=instant_of, help=text)
    for flag, default, text in (
        ("--epochs", fit.epochs, "epochs at most; the move head stops early"),
        ("--batch_size", fit.batch_size, "windows in a step"),
        ("--lr", fit.learning_rate, "highest learning rate"),
        ("--seed", 0, "of all random numbers: the same seed gives the same model"),
        ("--size", family.size, "of the model, where its family has sizes"),
        ("--window_bars", _WINDOW_BARS, "candles that the network sees"),
        ("--features", "per_coin_v2", "set of features"),
        ("--folds", splits.folds, f"walk-forward test folds, {splits.test_days} days or longer"),
    ):
        add(flag, type=type(default), default=default, help=f"{text} (default {default})")
    known = public_names()
    text = f"kind of model: {', '.join(known)} (default {known[0]})"
    add("--family", type=newest_version, metavar="NAME", default=family.name, help=text)
    add("--label", choices=LABELS.names(), default="A", help="what is predicted (default A)")
    text = (
        "1: learn from all the coins first, then continue with each; 0: each by itself; "
        "or also from the coins of a list such as ETHUSDT,SOLUSDT "
        "(default: train all 1, train one 0)"
    )
    add("--pool", default="1", help=text)


def _add_run(add: Callable[..., object]) -> None:
    """How the run goes."""
    add("--max_workers", type=int, help="jobs at a time (default: cores, as memory allows)")
    text = "how jobs are done (default: stacked on a GPU, else process; train one: in this process)"
    add("--executor", choices=EXECUTORS, help=text)
    text = "HOST:PORT of the cluster for --executor ray; this machine is one of its nodes"
    add("--ray_address", help=text)
    add("--mlflow", metavar="URI", help="also record each model to this MLflow server or store")
    text = "train models anew that are older than this, such as 30d (default) or 12h"
    add("--stale", type=duration_days, default=30.0, help=text)
    for flag, text in (
        ("--resume", "1: resume the unfinished run"),
        ("--force", "1: train all of them anew (default of train one)"),
        ("--dry_run", "1: print what would be done and how long it takes, and end"),
    ):
        add(flag, type=int, choices=(0, 1), default=0, help=text)


def training_plan(
    flags: argparse.Namespace, settings: Settings, judged: tuple[str, ...]
) -> TrainingPlan:
    """How the models of `judged` are made. Raises ConfigError for what cannot be done."""
    pooled = flags.pool != "0"
    options = FitOptions(flags.epochs, flags.batch_size, flags.lr, settings.device)
    kind = FAMILIES.get(flags.family)
    choice = FamilyChoice(flags.family, flags.size, kind.settings_for(options))
    question = question_of(flags, settings)
    choice.build(spec_of(question, choice), flags.seed)
    tuning = None
    if pooled and kind.capabilities.starts_from_model:
        tuning = kind.settings_for(options, fine_tuning=True)
    return TrainingPlan(
        judged=judged,
        family=choice,
        pooled=pooled,
        tuning=tuning,
        splits=splits_for(question, flags.folds),
        seed=flags.seed,
        cost_bps=settings.decision.cost_bps,
    )


def question_of(flags: argparse.Namespace, settings: Settings) -> Question:
    """Raises ConfigError for an unknown name."""
    features = feature_set(flags.features)
    if flags.window_bars < 1:
        raise ConfigError(f"--window_bars {flags.window_bars}: use 1 or more")
    return Question(settings.timeframe, features, LABELS.get(flags.label), flags.window_bars)


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
