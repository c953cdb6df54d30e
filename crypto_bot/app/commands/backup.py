"""`crypto-bot backup PATH`: copies the database while the engine runs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from crypto_bot.adapters.store.backup import back_up
from crypto_bot.app.commands.flags import Parser, add_settings, path_of, settings_of
from crypto_bot.domain.instant import instant


def backup(argv: Sequence[str]) -> int:
    """Writes the copy and prints its contents. Raises ConfigError, StoreError."""
    text = "Copies the database and checks the copy."
    parser = Parser(prog="crypto-bot backup", description=text)
    add_settings(parser, "database_url")
    parser.add_argument("path", type=path_of, help="the file to write; must not exist")
    flags = parser.parse_args(argv)
    copied = back_up(settings_of(flags).database_url, flags.path)
    newest = copied.newest_open_ms
    until = "" if newest is None else f" up to the candle of {instant(newest)}"
    Console(soft_wrap=True).print(
        f"{flags.path}: {copied.predictions:,} predictions{until}, "
        f"{copied.size_bytes / 1e6:,.1f} MB, integrity check passed",
        markup=False,
        highlight=False,
    )
    return 0
