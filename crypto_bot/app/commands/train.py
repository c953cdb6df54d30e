"""`crypto-bot train one` and `train all`: the models of the named coins, or of those of a file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from crypto_bot.app.commands.flags import settings_of
from crypto_bot.app.settings import load_symbols, require_symbols
from crypto_bot.app.training.executors import IN_PROCESS
from crypto_bot.app.training.flags import training_parser
from crypto_bot.app.training.run import Call, train


def train_one(argv: Sequence[str]) -> int:
    """As `train all` for the coins of `--symbol`: each must be trained, and in this process."""
    parser = training_parser("crypto-bot train one", "Trains the model of a coin.")
    parser.add_argument("--symbol", required=True, help="BTCUSDT, or several: BTCUSDT,ETHUSDT")
    parser.set_defaults(executor=IN_PROCESS, max_workers=1, pool="0", force=1)
    flags = parser.parse_args(argv)
    command = f"{parser.prog} {shlex.join(argv)}"
    settings, symbols = settings_of(flags), require_symbols(flags.symbol.split(","), "--symbol")
    return train(Call("one", command, flags, settings, symbols, must_train=True))


def train_all(argv: Sequence[str]) -> int:
    """As `run.train` returns. What cannot be trained is named in the summary of the run."""
    text = "Trains the models of every coin of a file."
    parser = training_parser("crypto-bot train all", text, "symbols_file")
    flags = parser.parse_args(argv)
    command = f"{parser.prog} {shlex.join(argv)}"
    settings = settings_of(flags)
    symbols = load_symbols(settings.symbols_file)
    return train(Call("all", command, flags, settings, symbols, must_train=False))
