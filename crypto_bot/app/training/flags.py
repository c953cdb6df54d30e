"""The flags of the training commands, and how they become a plan."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from crypto_bot.app.commands.flags import Parser, add_settings, instant_of, path_of, switch_of
from crypto_bot.app.training.executors import NAMES as EXECUTORS
from crypto_bot.domain.errors import ConfigError
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.families.registered import public_names
from crypto_bot.recipes.plans import EACH, POOL_THEN_EACH
from crypto_bot.recipes.recipe import (
    DEFAULT,
    Recipe,
    Schedule,
    WalkForward,
    overridden,
    recipe_from,
    serving,
)
from crypto_bot.recipes.shipped import names as recipe_names
from crypto_bot.recipes.shipped import recipe as recipe_of
from crypto_bot.training.plan import SplitPlan


def training_parser(prog: str, description: str, *settings: str) -> Parser:
    """The flags of a training command; those of the settings `settings` besides."""
    parser = Parser(prog=prog, description=description)
    add_settings(parser, *settings, "tf", "device", "models_dir", "database_url", "exchange")
    _add_sources(parser.add_mutually_exclusive_group().add_argument)
    _add_model(parser.add_argument)
    _add_run(parser.add_argument)
    return parser


def _add_sources(add: Callable[..., object]) -> None:
    """Where candles come from; without any of these, the database."""
    add("--candles", type=path_of, help="folder or file of candles, instead of the database")
    text = "a data set of crypto-bot data collect, with its recipe unless another one is named"
    add("--data", type=path_of, metavar="X.npz", help=text)
    text = "the CSV of one coin, whose symbol is that of --symbol or begins the name of the file"
    add("--csv", type=path_of, metavar="FILE", help=text)


def _add_model(add: Callable[..., object]) -> None:
    """What the models are made from, and how: a recipe, and flags that replace parts of it."""
    text = f"{', '.join(recipe_names())}, or the path of a file (default {DEFAULT})"
    add("--recipe", metavar="NAME_OR_PATH", help=text)
    text = "learn from candles before this (UTC), such as 2025-08-01: later ones stay unseen"
    add("--until", type=instant_of, help=text)
    text = "of all random numbers: the same seed gives the same model (default 0)"
    add("--seed", type=int, default=0, help=text)
    for flag, kind, text in (
        ("--epochs", int, "epochs at most; a fit may stop early"),
        ("--batch_size", int, "windows in a step"),
        ("--lr", float, "highest learning rate"),
        ("--size", str, "of the model, where its family has sizes"),
        ("--window_bars", int, "candles that a network sees"),
        ("--features", str, "set of features"),
        ("--folds", int, f"walk-forward test folds, {SplitPlan().test_days} days or longer"),
        ("--family", str, f"kind of model that answers: {', '.join(public_names())}"),
    ):
        add(flag, type=kind, help=f"{text} (default: the recipe's)")
    text = "the only label to predict (default: those of the recipe)"
    add("--label", choices=LABELS.names(), help=text)
    text = (
        "1: learn from all the coins first, then continue with each where the recipe does; 0: each "
        "by itself; or also from the coins of a list such as ETHUSDT,SOLUSDT "
        "(default: the recipe's, else train all 1, train one 0)"
    )
    add("--pool", help=text)


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
        add(flag, type=switch_of, metavar="{0,1}", default=0, help=text)


def asked_recipe(
    flags: argparse.Namespace, learn: str, collected: dict[str, Any] | None = None
) -> Recipe:
    """The recipe that was asked for, with what the flags replace. Raises ConfigError.

    `learn`: as the command does where neither says so. `collected`: the recipe of a data set, in
    place of the default one.
    """
    if flags.recipe is None and collected is not None:
        recipe = recipe_from(collected, "the recipe of the data set")
    else:
        recipe = recipe_of(flags.recipe or DEFAULT)
    changes: dict[str, Any] = {
        name: value
        for name, value in (("window_bars", flags.window_bars), ("features", flags.features))
        if value is not None
    }
    outputs = recipe.outputs if flags.label is None else (recipe.output_for(flags.label),)
    if flags.folds is not None:
        split = WalkForward(kind="walk_forward", folds=flags.folds)
        outputs = tuple(each.model_copy(update={"split": split}) for each in outputs)
    if flags.family is not None or flags.size is not None:
        changes |= serving(recipe, flags.family or recipe.serves, flags.size)
    return overridden(
        recipe,
        {
            **changes,
            "outputs": outputs,
            "schedule": _schedule(flags, recipe.schedule),
            "learn": _learn(flags.pool, recipe.learn, learn),
        },
    )


def _schedule(flags: argparse.Namespace, schedule: Schedule) -> Schedule:
    given = {
        "epochs": flags.epochs,
        "batch_size": flags.batch_size,
        "learning_rate": flags.lr,
    }
    return schedule.model_copy(update={k: v for k, v in given.items() if v is not None})


def _learn(pool: str | None, recipes: str | None, commands: str) -> str:
    if pool is None:
        return recipes or commands
    if pool == "0":
        return EACH
    return POOL_THEN_EACH if recipes in {None, EACH} else str(recipes)


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
