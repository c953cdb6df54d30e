"""`crypto-bot train one`: the models of the coins that are named."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from crypto_bot.app.commands.flags import settings_of
from crypto_bot.app.training.executors import IN_PROCESS
from crypto_bot.app.training.flags import symbols_in, training_parser
from crypto_bot.app.training.run import Call, train

_PROG = "crypto-bot train one"


def train_one(argv: Sequence[str]) -> int:
    """As `train all` for the coins of `--symbol`: each must be trained, and in this process."""
    parser = training_parser(_PROG, "Trains the model of a coin.")
    parser.add_argument("--symbol", required=True, help="BTCUSDT, or several: BTCUSDT,ETHUSDT")
    parser.set_defaults(executor=IN_PROCESS, max_workers=1, pool="0", force=1)
    flags = parser.parse_args(argv)
    settings, symbols = settings_of(flags), symbols_in(flags.symbol)
    command = f"{_PROG} {shlex.join(argv)}"
    return train(Call("one", command, flags, settings, symbols, must_train=True))
