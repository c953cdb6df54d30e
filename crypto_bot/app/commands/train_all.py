"""`crypto-bot train all`: the models of every coin of a file, in one run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from crypto_bot.app.commands.flags import settings_of
from crypto_bot.app.settings import load_symbols
from crypto_bot.app.training.flags import training_parser
from crypto_bot.app.training.run import Call, train

_PROG = "crypto-bot train all"


def train_all(argv: Sequence[str]) -> int:
    """As `run.train` returns. What cannot be trained is named in the summary of the run."""
    parser = training_parser(_PROG, "Trains the models of every coin of a file.", "symbols_file")
    flags = parser.parse_args(argv)
    settings = settings_of(flags)
    symbols = load_symbols(settings.symbols_file)
    command = f"{_PROG} {shlex.join(argv)}"
    return train(Call("all", command, flags, settings, symbols, must_train=False))
