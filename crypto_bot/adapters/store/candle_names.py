"""Names of candle files as programs give them: symbol, timeframe and part."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe

SUFFIXES = (".parquet", ".csv")
_NAME = re.compile(
    r"(?P<base>[A-Z0-9]+)([_-](?P<quote>USD|USDT|USDC|BUSD|FDUSD|EUR|BTC|ETH|BNB))?"
    r"([_-](?P<step>[0-9]+(m|min|h|d|w|mo)))?([_-](?P<part>[0-9]{4}(-(0[1-9]|1[0-2])"
    r"(-(0[1-9]|[12][0-9]|3[01]))?)?))?",
    re.IGNORECASE,
)


class FileName(NamedTuple):
    """What a name says: `timeframe` and `part`, such as `15m` and `2026-01`, where it has them."""

    symbol: str
    timeframe: str | None
    part: str | None

    @classmethod
    def parse(cls, path: Path) -> FileName | None:
        """Of `BTCUSDT`, `SOL_USDT-15m` or `ethusdt-1h-2026-01`; None for any other kind of name."""
        found = _NAME.fullmatch(path.stem)
        if found is None:
            return None
        symbol = (found["base"] + (found["quote"] or "")).upper()
        step = found["step"]
        # Binance writes a month as 1M, and a minute as 1m.
        timeframe = "1mo" if step == "1M" else step and step.lower().replace("min", "m")
        return cls(symbol, timeframe, found["part"])


class CandleFolder(NamedTuple):
    """The candle files of a folder: of each symbol one, or its parts in the order of their names.

    `other_timeframes` are those of which the name says so; `unnamed` are not understood.
    """

    files: dict[str, list[Path]]
    other_timeframes: list[Path]
    unnamed: list[Path]


def symbol_of(path: Path) -> str | None:
    """The symbol in the name of a file; None where it is not understood."""
    found = FileName.parse(path)
    return None if found is None else found.symbol


def candle_folder(path: Path, timeframe: Timeframe) -> CandleFolder:
    """The candle files at `path`, a folder or one file.

    Raises ConfigError where there is none, and for two of one symbol that are no parts.
    """
    if path.is_file() and path.suffix in SUFFIXES:
        listed = [path]
    elif path.is_dir():
        shown = (file for file in path.iterdir() if not file.name.startswith("."))
        listed = sorted(file for file in shown if file.suffix in SUFFIXES)
    else:
        raise ConfigError(f"no candles at {path}: name a folder, or a .parquet or .csv file")
    if not listed:
        raise ConfigError(f"no candles at {path}: it holds no <SYMBOL>.parquet or <SYMBOL>.csv")
    found = CandleFolder({}, [], [])
    parts: dict[str, set[str | None]] = {}
    for file in listed:
        name = FileName.parse(file)
        if name is None:
            found.unnamed.append(file)
        elif name.timeframe not in {None, timeframe.name}:
            found.other_timeframes.append(file)
        else:
            held, seen = (
                found.files.setdefault(name.symbol, []),
                parts.setdefault(name.symbol, set()),
            )
            if held and (None in {name.part, *seen} or name.part in seen):
                raise ConfigError(
                    f"both {held[-1]} and {file}: remove one of them, or name them as parts, "
                    f"such as {name.symbol}-{timeframe.name}-2026-01{file.suffix}"
                )
            held.append(file)
            seen.add(name.part)
    return found
