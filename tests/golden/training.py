"""A small training run of every family over two made coins, as numbers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.golden.commands import train_all
from tests.golden.made_market import HOUR_MS, write_market

SYMBOLS = ("BTCUSDT", "ETHUSDT")
FAMILIES = {
    "cnn_lstm_v1": "per_coin_v2",
    "lightgbm_v1": "per_coin_v1",
    "logistic_v1": "per_coin_v1",
}
_SMALL = (
    *("--tf", "1h", "--epochs", "3", "--folds", "1", "--size", "tiny", "--device", "cpu"),
    *("--max_workers", "1", "--executor", "process"),
)
_BARS = 24 * 250
_PASSING = {"format", "code_version", "trained_ms", "version", "sha256"}
"""Keys of meta.json that change with the layout of the files, with the code or with time."""
_WEIGHTS = (".pth", ".txt")
_EVERY = 40


def trained(folder: Path, family: str) -> dict[str, Any]:
    """What `train_all` publishes for the pool and each coin: measurements, meta, weights, scores.

    `metrics` is metrics.json whole, `meta` meta.json without `_PASSING`, `weights` the SHA-256 of
    each file of weights (`logistic.json` as its numbers), `scores` the trailing scores: their
    number, every 40th and a SHA-256 of all.
    """
    market = folder / "hourly"
    named = write_market(market, SYMBOLS, HOUR_MS, _BARS)
    store = f"sqlite:///{folder / 'training.db'}"
    train_all(
        folder,
        *_SMALL,
        *("--family", family, "--features", FAMILIES[family]),
        *("--symbols_file", str(named), "--candles", str(market)),
        *("--models_dir", str(folder / "models"), "--database_url", store),
    )
    coins = {symbol: folder / "models" / "per_coin" / symbol / "1h" for symbol in SYMBOLS}
    published = {"pool": folder / "models" / "pool" / "1h", **coins}
    return {name: _model(path) for name, path in published.items()}


def _model(folder: Path) -> dict[str, Any]:
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    held: dict[str, Any] = {
        "metrics": json.loads((folder / "metrics.json").read_text("utf-8")),
        "meta": {name: value for name, value in meta.items() if name not in _PASSING},
        "weights_sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir())
            if path.suffix in _WEIGHTS
        },
    }
    coefficients = folder / "logistic.json"
    if coefficients.exists():
        held["coefficients"] = json.loads(coefficients.read_text("utf-8"))
    held["scores"] = _scores(json.loads((folder / "trailing.json").read_text("utf-8")))
    return held


def _scores(trailing: dict[str, list[Any]]) -> dict[str, Any]:
    content = json.dumps(trailing, sort_keys=True).encode()
    return {
        "n": len(trailing["score"]),
        "open_ms": trailing["open_ms"][::_EVERY],
        "score": trailing["score"][::_EVERY],
        "all_sha256": hashlib.sha256(content).hexdigest(),
    }
