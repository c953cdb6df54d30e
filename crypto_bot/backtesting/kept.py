"""The backtests that were run: the files of each in a folder of its own, the newest of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.instant import instant

FOLDER = "backtests"
REPORT, FIGURES, TRADES = "backtest.html", "backtest.json", "trades.csv"
MOST, MOST_BYTES = 60, 300_000_000


class Kept(NamedTuple):
    """One of them; `figures` are those of `--json`, plain values."""

    id: str
    figures: Mapping[str, Any]


class KeptBacktests:
    """Those in `folder`, which several processes may add to and read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Kept] = {}

    def keep(self, at_ms: int, files: Mapping[str, bytes]) -> None:
        """Adds one that was run at `at_ms`; the oldest go beyond `MOST`, or `MOST_BYTES` in all.

        Raises StoreError where it cannot be written.
        """
        name = instant(at_ms).replace(":", "")
        unfinished = self._folder / f".{name}"
        try:
            unfinished.mkdir(parents=True)
            for file, content in files.items():
                (unfinished / file).write_bytes(content)
            unfinished.rename(self._folder / name)
        except OSError as error:
            raise StoreError(f"the backtest cannot be kept in {self._folder}: {error}") from error
        left = MOST_BYTES
        for at, own in enumerate(self._folders()):
            with suppress(OSError):  # removed by another process meanwhile
                left -= sum(file.stat().st_size for file in own.iterdir())
            if at and (at >= MOST or left < 0):
                shutil.rmtree(own, ignore_errors=True)

    def newest(self) -> list[Kept]:
        """All of them, the newest first; what cannot be read is left out."""
        known, self._read = self._read, {}
        for own in self._folders():
            with suppress(OSError, ValueError):
                self._read[own.name] = known.get(own.name) or Kept(
                    own.name, json.loads((own / FIGURES).read_bytes())
                )
        return list(self._read.values())

    def file(self, id_: str, name: str) -> Path | None:
        """A file of one of them; None where there is no such one."""
        found = {own.name: own for own in self._folders()}.get(id_)
        if found is None or name not in {REPORT, FIGURES, TRADES}:
            return None
        path = found / name
        return path if path.is_file() else None

    def _folders(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        shown = (each for each in self._folder.iterdir() if not each.name.startswith("."))
        return sorted((each for each in shown if each.is_dir()), reverse=True)
