"""`crypto-bot train one`: candles from the database or from files to a published model."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.adapters.store.candle_transfer import candle_paths
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.flags import Parser, add_settings, settings_of
from crypto_bot.app.logging import configure
from crypto_bot.app.settings import Settings
from crypto_bot.domain.candle import require_sound
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.kernel import Series, series
from crypto_bot.features.labels import label_spec
from crypto_bot.features.sets import feature_set
from crypto_bot.ml.artifact import publish
from crypto_bot.ml.families import NAMES, FamilyChoice
from crypto_bot.ml.fit import NetSettings, chosen_device
from crypto_bot.ml.model import TrainedModel
from crypto_bot.ml.nets.cnn_lstm import SIZES, Architecture
from crypto_bot.ml.panel import Coin, Question
from crypto_bot.ml.splits import SplitPlan
from crypto_bot.ml.training import train
from crypto_bot.ml.walk import TrainingPlan

_TUNING_RATE = 0.2
"""Learning rate of the fine-tuning, as a share of that of the pool."""
_TUNING_EPOCHS, _TUNING_UP_EPOCHS = 3, 1

Read = Callable[[str], Series]


def train_one(argv: Sequence[str]) -> int:
    """Trains, measures, judges and publishes. Raises the errors of what it does, nothing written.

    A verdict that forbids serving is no failure: the model is stored with it.
    """
    flags = _parser().parse_args(argv)
    settings = settings_of(flags)
    configure(settings.log.level, settings.log.format)
    plan, question = _plan(flags, settings), _question(flags, settings)
    coins, leader = _candles(flags, settings, plan.judged, question)
    _require_writable(settings.models_dir)
    models = train(coins, leader, question, plan, SystemClock().now_ms())
    for model in models.values():
        _say(model, publish(model, settings.models_dir))
    return 0


def _parser() -> Parser:
    parser = Parser(prog="crypto-bot train one", description="Trains the model of a coin.")
    parser.add_argument("--symbol", required=True, help="BTCUSDT, or several: BTCUSDT,ETHUSDT")
    add_settings(parser, "tf", "device", "models_dir", "database_url")
    parser.add_argument("--candles", type=Path, help="folder or file, instead of the database")
    parser.add_argument(
        "--pool",
        default="none",
        help="learn from other coins first, then go on with each by itself: all, or a list",
    )
    parser.add_argument("--epochs", type=int, default=NetSettings().epochs)
    parser.add_argument("--batch_size", type=int, default=NetSettings().batch_size)
    parser.add_argument("--lr", type=float, default=NetSettings().learning_rate)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=NAMES, default=FamilyChoice().name)
    parser.add_argument("--size", choices=tuple(SIZES), default=FamilyChoice().size)
    parser.add_argument("--window_bars", type=int, default=FamilyChoice().window_bars)
    parser.add_argument("--features", default="per_coin_v2", help="name of a feature set")
    parser.add_argument("--label", default="A", help="A, B or fixed")
    parser.add_argument("--folds", type=int, default=SplitPlan().folds)
    return parser


def _plan(flags: argparse.Namespace, settings: Settings) -> TrainingPlan:
    net = NetSettings(
        epochs=flags.epochs,
        up_epochs=min(flags.epochs, NetSettings().up_epochs),
        batch_size=flags.batch_size,
        learning_rate=flags.lr,
        device=settings.device,
    )
    chosen_device(net.device)
    tuning = None
    if flags.pool != "none":
        tuning = replace(
            net,
            learning_rate=net.learning_rate * _TUNING_RATE,
            epochs=min(flags.epochs, _TUNING_EPOCHS),
            up_epochs=_TUNING_UP_EPOCHS,
        )
    return TrainingPlan(
        judged=_symbols(flags.symbol),
        family=FamilyChoice(flags.family, flags.size, flags.window_bars, net),
        tuning=tuning,
        splits=SplitPlan(folds=flags.folds),
        seed=flags.seed,
        cost_bps=settings.decision.cost_bps,
    )


def _question(flags: argparse.Namespace, settings: Settings) -> Question:
    features = feature_set(flags.features)
    Architecture(flags.window_bars, (), ())  # refuses a window that does not fit
    return Question(settings.timeframe, features, label_spec(flags.label), flags.window_bars)


def _symbols(text: str) -> tuple[str, ...]:
    symbols = tuple(text.split(","))
    for symbol in symbols:
        if not symbol.isalnum() or not symbol.isupper():
            raise ConfigError(f"'{symbol}' is no symbol such as BTCUSDT")
    if len(set(symbols)) < len(symbols):
        raise ConfigError(f"{text}: a symbol is named twice")
    return symbols


def _candles(
    flags: argparse.Namespace, settings: Settings, judged: tuple[str, ...], question: Question
) -> tuple[list[Coin], Series | None]:
    """The coins to learn from, judged ones first, and the leader of the features."""
    if flags.candles is not None:
        return _chosen(flags.pool, judged, question, *_files(flags.candles, settings.timeframe))
    database = Database.open(settings.database_url)
    try:
        archive = SqlCandleArchive(database, settings.timeframe)
        stored = tuple(sorted(archive.newest_opens()))

        def read(symbol: str) -> Series:
            found = archive.read(symbol, 0, EVER_MS)
            if not found:
                raise ConfigError(
                    f"no {settings.tf} candles of {symbol} are stored: bring them with "
                    "'crypto-bot candles sync' or 'import', or name --candles"
                )
            return series(found)

        return _chosen(flags.pool, judged, question, stored, read)
    finally:
        database.close()


def _files(path: Path, timeframe: Timeframe) -> tuple[tuple[str, ...], Read]:
    """The symbols at `path`, and how one is read."""
    paths = candle_paths(path)

    def read(symbol: str) -> Series:
        if symbol not in paths:
            held = ", ".join(sorted(paths)[:5]) + (" …" if len(paths) > 5 else "")
            raise ConfigError(f"no candles of {symbol} at {path}: it holds {held}")
        columns = read_candles(paths[symbol])
        if not columns.are_sound(timeframe):
            require_sound(columns.candles(), timeframe, str(paths[symbol]))
        return Series(columns.open_ms, np.column_stack(columns[1:]))

    return tuple(paths), read


def _chosen(
    pool: str, judged: tuple[str, ...], question: Question, there: tuple[str, ...], read: Read
) -> tuple[list[Coin], Series | None]:
    others: tuple[str, ...] = ()
    if pool != "none":
        others = there if pool == "all" else _symbols(pool)
    symbols = dict.fromkeys((*judged, *others))
    coins = [Coin(symbol, read(symbol)) for symbol in symbols]
    led_by = question.features.leader
    if led_by is None:
        return coins, None
    known = {coin.symbol: coin.series for coin in coins}
    return coins, known[led_by] if led_by in known else read(led_by)


def _require_writable(folder: Path) -> None:
    """Raises ConfigError before hours are spent on what could not be published."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"models folder {folder} cannot be written ({error.strerror}): name another "
            "--models_dir"
        ) from error


def _say(model: TrainedModel, folder: Path) -> None:
    told = "; ".join(model.judgement.reasons)
    sys.stdout.write(
        f"{model.symbol} {model.version}: {model.judgement.verdict.value} ({told}) -> {folder}\n"
    )
