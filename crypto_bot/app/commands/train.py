"""`crypto-bot train one` and `train all`: the models of the named coins, or of those of a file."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from crypto_bot.app.commands.flags import settings_of
from crypto_bot.app.settings import Settings
from crypto_bot.app.shipped import SYMBOLS
from crypto_bot.app.symbols import load_symbols, require_symbols, symbols_in
from crypto_bot.app.training.executors import IN_PROCESS
from crypto_bot.app.training.flags import asked_recipe, training_parser
from crypto_bot.app.training.outputs import train_outputs
from crypto_bot.app.training.sources import Source, named_source, require_timeframe
from crypto_bot.domain.errors import ConfigError
from crypto_bot.recipes.plans import EACH, POOL_THEN_EACH
from crypto_bot.recipes.recipe import Recipe


def train_one(argv: Sequence[str]) -> int:
    """As `train all` for the coins of `--symbol`: each must be trained, and in this process."""
    parser = training_parser("crypto-bot train one", "Trains the model of a coin.")
    text = "BTCUSDT, or several: BTCUSDT,ETHUSDT (default: those of --data or --csv)"
    parser.add_argument("--symbol", help=text)
    parser.set_defaults(executor=IN_PROCESS, max_workers=1, force=1)
    flags = parser.parse_args(argv)
    command = f"{parser.prog} {shlex.join(argv)}"
    symbols: tuple[str, ...] = ()
    if flags.symbol is not None:
        symbols = symbols_in(flags.symbol, load_symbols(SYMBOLS), "--symbol")
        flags.symbol = ",".join(symbols)
    asked = _asked(flags, EACH)
    if not symbols and asked.source is None:
        raise ConfigError(
            f"--symbol is missing: name a coin such as BTCUSDT (see {parser.prog} --help)"
        )
    named = asked.source.symbols if asked.source else ()
    symbols = symbols or require_symbols(named, "--symbol")
    return train_outputs(
        *(asked.recipe, symbols),
        name="one",
        command=command,
        flags=flags,
        settings=asked.settings,
        must_train=True,
        source=asked.source,
    )


def train_all(argv: Sequence[str]) -> int:
    """As `train_outputs` returns. What cannot be trained is named in the summary of the run."""
    text = "Trains the models of every coin of a file, or of those that a recipe names."
    parser = training_parser("crypto-bot train all", text, "symbols_file")
    flags = parser.parse_args(argv)
    command = f"{parser.prog} {shlex.join(argv)}"
    asked = _asked(flags, POOL_THEN_EACH)
    named: tuple[str, ...] = ()
    if flags.symbols_file is None:
        named = asked.source.symbols if asked.source else asked.recipe.symbols
    symbols = named or load_symbols(asked.settings.symbols_file)
    return train_outputs(
        *(asked.recipe, symbols),
        name="all",
        command=command,
        flags=flags,
        settings=asked.settings,
        must_train=False,
        source=asked.source,
    )


class _Asked(NamedTuple):
    recipe: Recipe
    settings: Settings
    source: Source | None


def _asked(flags: argparse.Namespace, learn: str) -> _Asked:
    """The recipe with what the flags replace, and the settings with its timeframe."""
    source = named_source(flags)
    recipe = asked_recipe(flags, learn, source.recipe if source else None)
    flags.tf = require_timeframe(source, flags.tf or recipe.timeframe)
    return _Asked(recipe, settings_of(flags), source)
