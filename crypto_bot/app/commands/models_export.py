"""`crypto-bot models export SYMBOL --to onnx|tflite --output DIR`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crypto_bot import __version__
from crypto_bot.app.commands.flags import path_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.candles import training_candles
from crypto_bot.app.training.survey import leader_of
from crypto_bot.domain.errors import ConfigError, NotEnoughData
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import feature_set
from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.export.example import EXAMPLES
from crypto_bot.models.export.parity import Parity, compared, probabilities
from crypto_bot.models.families.family import Features
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.statistics.rows import Floats
from crypto_bot.training.panel import Question, ready_rows

_WINDOWS = 1_000
"""On which file and model are compared: the newest of the candles."""
_SHOWN = 16
"""Windows that are written beside the file, for the example."""


def add_export(command: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    command.add_argument("--to", choices=EXAMPLES, required=True, help="the format")
    command.add_argument("--output", type=path_of, required=True, help="folder to write to")
    text = "folder or file of candles to compare on, instead of the database"
    command.add_argument("--candles", type=path_of, help=text)
    text = "for tflite: the Python of an environment with torch and litert-torch (default: this)"
    command.add_argument("--converter", type=path_of, default=Path(sys.executable), help=text)


def export_model(flags: argparse.Namespace, settings: Settings, model: PublishedModel) -> int:
    """Writes the file, its parity with the model and an example that reads it.

    Nothing is written where they differ. Raises ConfigError, NotEnoughData, ModelIncompatible.
    """
    form = flags.to
    able = FAMILIES.get(model.spec.family).capabilities.exports
    if form not in able:
        raise ConfigError(f"{model.spec.family} is exported to {', '.join(able) or 'nothing'}")
    windows = _windows(flags.candles, settings, model)
    content, found = _exported(form, model, windows, flags.converter)
    parity = compared(probabilities(model, windows), found, form)
    _write(flags.output, model, windows[-_SHOWN:], _Written(form, content, parity))
    screen().print(
        f"{model.version} -> {flags.output / f'model.{form}'}: {len(content):,} bytes, greatest "
        f"difference {parity.greatest:.2g} over {parity.windows:,} windows",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _exported(
    form: str, model: PublishedModel, windows: Features, converter: Path
) -> tuple[bytes, Floats]:
    """The content of the file, and its answers."""
    try:
        from crypto_bot.models.export import onnx_file, tflite_file  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error}: pip install 'crypto-bot[onnx]'") from error
    if form == "tflite":
        return tflite_file.to_tflite(model, windows, converter)
    content = onnx_file.to_onnx(model)
    return content, onnx_file.answers(content, windows)


def _windows(path: Path | None, settings: Settings, model: PublishedModel) -> Features:
    """The newest windows [n, window_bars, columns] of the model's coin; of the pool's first coin.

    Raises ConfigError, and NotEnoughData where there is not one whole window.
    """
    spec = model.spec
    features = feature_set(spec.features)
    held = training_candles(path, settings, None, features.series)
    trained = [symbol for symbol in model.meta.pooled_with if symbol in held.symbols]
    symbol = model.symbol or (trained or [*held.symbols, ""])[0]
    coin = held.read(symbol)
    question = Question(settings.timeframe, features, spec.label, spec.window_bars)
    leader = leader_of(question, [coin], held)
    made = batch(
        *(features, settings.timeframe, coin.table, leader),
        market_since_ms=coin.market_since_ms,
        dtype=np.float32,
    )
    bars = coin.table.open_ms // settings.timeframe.ms
    ends = np.flatnonzero(ready_rows(bars, made.valid, spec.window_bars))[-_WINDOWS:]
    if not ends.size:
        raise NotEnoughData(f"{symbol} has no {spec.window_bars} rows of {features.name} in a row")
    rows = np.asarray(made.rows, np.float32)
    return np.stack([rows[end + 1 - spec.window_bars : end + 1] for end in ends])


class _Written(NamedTuple):
    """A file in the format `form`, and how far it is from its model."""

    form: str
    content: bytes
    parity: Parity


def _write(folder: Path, model: PublishedModel, windows: Features, written: _Written) -> None:
    """Of two formats in one folder each keeps its own lines of `parity.json`."""
    form, content, parity = written
    noted = folder / "parity.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        formats: dict[str, Any] = json.loads(noted.read_text("utf-8")) if noted.exists() else {}
        formats[form] = {
            **parity._asdict(),
            "version": model.version,
            "bytes": len(content),
            "classes": model.spec.label.classes,
            "columns": model.spec.columns,
            "code_version": __version__,
        }
        (folder / f"model.{form}").write_bytes(content)
        np.save(folder / "windows.npy", windows)
        (folder / f"example_{form}.py").write_text(EXAMPLES[form], "utf-8")
        noted.write_text(json.dumps(formats, indent=2) + "\n", "utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"--output {folder}: {error}") from error
