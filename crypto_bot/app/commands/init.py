"""`crypto-bot init`: writes a settings file to start from."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from crypto_bot.app.commands.flags import Parser, path_of
from crypto_bot.app.settings import CONFIG_FILE
from crypto_bot.app.settings_file import settings_file
from crypto_bot.domain.errors import ConfigError


def init(argv: Sequence[str]) -> int:
    """Writes the file. Raises ConfigError where it exists already, or cannot be written."""
    text = "Writes a settings file with every setting, its meaning and its default."
    parser = Parser(prog="crypto-bot init", description=text)
    parser.add_argument(
        "path", nargs="?", type=path_of, default=CONFIG_FILE, help="default crypto_bot.toml"
    )
    path = parser.parse_args(argv).path
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(settings_file())
    except OSError as error:
        raise ConfigError(f"{path} is not written: {error.strerror}") from error
    sys.stdout.write(f"{path}: every setting with its default; remove a # to change one\n")
    return 0
