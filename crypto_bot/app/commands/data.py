"""`crypto-bot data collect`: candles, features and labels of a recipe in one file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.candle_sync import fetch_history
from crypto_bot.app.commands.flags import Parser, add_settings, instant_of, path_of, settings_of
from crypto_bot.app.commands.progress import numbered
from crypto_bot.app.market_data import fetch_series
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols, symbols_in
from crypto_bot.app.training.candles import training_candles
from crypto_bot.app.training.collect import Collection, collect
from crypto_bot.domain.errors import ConfigError
from crypto_bot.recipes.plans import question_of
from crypto_bot.recipes.recipe import DEFAULT, Output, Recipe
from crypto_bot.recipes.shipped import recipe as recipe_of
from crypto_bot.training.quality import words

FAILED = 1
_SUFFIX = ".npz"


def data(argv: Sequence[str]) -> int:
    """0 where every coin is in the data set, 1 where one was left out. Raises ConfigError."""
    flags = _parser().parse_args(argv)
    recipe = recipe_of(flags.recipe)
    settings = settings_of(flags)
    output = _output(recipe, flags.horizon)
    question = question_of(recipe, output, settings.timeframe)
    if flags.output.suffix != _SUFFIX:
        raise ConfigError(f"--output {flags.output}: name a file that ends in {_SUFFIX}")
    symbols = _symbols(flags.symbols, recipe, settings)
    if flags.candles is None:
        _fetch(settings, symbols, flags.since)
    fetch_series(settings, symbols, (each.series for each in question.features.series))
    held = training_candles(flags.candles, settings, flags.until, question.features.series)
    wanted = Collection(
        *(recipe, output, question, symbols, flags.since, flags.until),
        source=str(flags.candles or settings.exchange.id),
        simulated=settings.simulated and flags.candles is None,
        path=flags.output,
    )
    with numbered(len(symbols)) as on_coin:
        found = collect(wanted, held, on_coin)
    sys.stdout.writelines(f"{line}\n" for line in words(found))
    sys.stdout.write(f"{wanted.path}\n{wanted.quality_path}\n")
    return FAILED if found.left_out else 0


def _parser() -> Parser:
    parser = Parser(prog="crypto-bot data", description="Data sets for training.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    command = commands.add_parser("collect", help="windows and labels of a recipe in one .npz")
    add_settings(command, "tf", "database_url", "exchange", "exchange_url")
    add = command.add_argument
    add("--recipe", metavar="NAME_OR_PATH", default=DEFAULT, help="whose features and label")
    add("--horizon", help="of the recipe's outputs, such as 14d (default: the first)")
    add("--symbols", help="such as BTCUSDT,ETHUSDT (default: those of the recipe)")
    add("--since", type=instant_of, help="first candle, such as 2023-01-01 (UTC)")
    add("--until", type=instant_of, help="candles before this (UTC)")
    text = "folder or file of candles; else the database, to which missing coins are fetched"
    add("--candles", type=path_of, help=text)
    add("--output", type=path_of, required=True, metavar="X.npz", help="the file to write")
    return parser


def _output(recipe: Recipe, horizon: str | None) -> Output:
    if horizon is None:
        return recipe.outputs[0]
    found = next((each for each in recipe.outputs if each.horizon == horizon), None)
    if found is None:
        known = ", ".join(each.horizon for each in recipe.outputs)
        raise ConfigError(f"--horizon {horizon}: recipe {recipe.name} has {known}")
    return found


def _symbols(named: str | None, recipe: Recipe, settings: Settings) -> tuple[str, ...]:
    if named is not None:
        return symbols_in(named, load_symbols(settings.symbols_file), "--symbols")
    return recipe.symbols or load_symbols(settings.symbols_file)


def _fetch(settings: Settings, symbols: Sequence[str], since_ms: int | None) -> None:
    """Fetches the history of coins of which the database has no candle."""
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        archive = SqlCandleArchive(database, settings.timeframe)
        known = archive.newest_opens()
        missing = [symbol for symbol in symbols if symbol not in known]
        if not missing:
            return
        if since_ms is None:
            raise ConfigError(
                f"no candles of {', '.join(missing)} are stored: name --since to fetch them"
            )
        with numbered(len(missing)) as on_coin:

            def arrived(symbol: str, candles: int, gaps: int) -> None:
                on_coin(symbol, f"{candles:,} candles, {gaps} gaps")

            problems = fetch_history(settings, archive, missing, since_ms, arrived)
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
