"""`crypto-bot train one` and `train all`: the models of the named coins, or of those of a file."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from crypto_bot.app.commands.flags import settings_of
from crypto_bot.app.settings import Settings, load_symbols, require_symbols
from crypto_bot.app.training.executors import IN_PROCESS
from crypto_bot.app.training.flags import asked_recipe, training_parser
from crypto_bot.app.training.outputs import train_outputs
from crypto_bot.recipes.plans import EACH, POOL_THEN_EACH
from crypto_bot.recipes.recipe import Recipe


def train_one(argv: Sequence[str]) -> int:
    """As `train all` for the coins of `--symbol`: each must be trained, and in this process."""
    parser = training_parser("crypto-bot train one", "Trains the model of a coin.")
    parser.add_argument("--symbol", required=True, help="BTCUSDT, or several: BTCUSDT,ETHUSDT")
    parser.set_defaults(executor=IN_PROCESS, max_workers=1, force=1)
    flags = parser.parse_args(argv)
    command = f"{parser.prog} {shlex.join(argv)}"
    recipe, settings = _asked(flags, EACH)
    symbols = require_symbols(flags.symbol.split(","), "--symbol")
    return train_outputs(
        *(recipe, symbols),
        name="one",
        command=command,
        flags=flags,
        settings=settings,
        must_train=True,
    )


def train_all(argv: Sequence[str]) -> int:
    """As `train_outputs` returns. What cannot be trained is named in the summary of the run."""
    text = "Trains the models of every coin of a file, or of those that a recipe names."
    parser = training_parser("crypto-bot train all", text, "symbols_file")
    flags = parser.parse_args(argv)
    command = f"{parser.prog} {shlex.join(argv)}"
    recipe, settings = _asked(flags, POOL_THEN_EACH)
    named = recipe.symbols if flags.symbols_file is None else ()
    symbols = named or load_symbols(settings.symbols_file)
    return train_outputs(
        *(recipe, symbols),
        name="all",
        command=command,
        flags=flags,
        settings=settings,
        must_train=False,
    )


def _asked(flags: argparse.Namespace, learn: str) -> tuple[Recipe, Settings]:
    """The recipe with what the flags replace, and the settings with its timeframe."""
    return asked_recipe(flags, learn), settings_of(flags)
