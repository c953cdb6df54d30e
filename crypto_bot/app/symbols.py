"""Which coins are meant: lists in files, and names on the command line."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from crypto_bot.app.shipped import SYMBOLS, shipped
from crypto_bot.app.suggestion import suggestion
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.symbol import symbol_named
from crypto_bot.domain.user_file import decoded


def load_symbols(path: Path) -> tuple[str, ...]:
    """Symbols of a JSON list, or of `{"symbols": [...]}`. Raises ConfigError.

    The shipped list, where `path` is the default one and there is no such file.
    """
    found = shipped(path) if path == SYMBOLS and not path.exists() else path
    try:
        content = json.loads(decoded(found.read_bytes()))
    except OSError as error:
        raise ConfigError(f"symbols file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"symbols file {path} is not JSON: {error}") from error
    symbols = content.get("symbols") if isinstance(content, dict) else content
    if not isinstance(symbols, list) or not symbols:
        raise ConfigError(f'symbols file {path}: expected a list such as ["BTCUSDT"], not empty')
    return require_symbols(symbols, f"symbols file {path}")


def require_symbols(symbols: Sequence[Any], source: str) -> tuple[str, ...]:
    """`symbols`, each valid and listed once. Raises ConfigError, naming their `source`."""
    for symbol in symbols:
        if not isinstance(symbol, str) or not symbol.isalnum() or not symbol.isupper():
            raise ConfigError(f"{source}: {symbol!r} is not a symbol such as BTCUSDT")
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ConfigError(f"{source}: listed more than once: {', '.join(twice)}")
    return tuple(symbols)


def symbols_in(text: str, known: Collection[str], source: str) -> tuple[str, ...]:
    """The symbols of `BTC,ETHUSDT`; one that is not `known`, such as a new coin, as it stands.

    Raises ConfigError for what is no symbol, or named twice.
    """
    names = [name.strip() for name in text.split(",")]
    return require_symbols([symbol_named(name, known) or name for name in names], source)


def known_symbols(text: str, known: Collection[str], source: str) -> tuple[str, ...]:
    """As `symbols_in`, where each must be `known`. Raises ConfigError, naming one that is not."""
    found = symbols_in(text.upper(), known, source)
    for symbol in found:
        if symbol not in known:
            has = suggestion(symbol, known) or f": {', '.join(sorted(known)) or 'there are none'}"
            raise ConfigError(f"{source}: no {symbol} here{has}")
    return found
