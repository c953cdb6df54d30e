"""Days of the engine over made candles, by the shipped pool's model and by the rules alone."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.golden.commands import ROOT, crypto_bot
from tests.golden.made_market import QUARTER_MS, write_market

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
_DAY_MS = 96 * QUARTER_MS
_BARS = 81 * 96
_SINCE, _UNTIL = "2025-09-02T00:00", "2025-09-19T23:45"
"""The last seven days have the 1,000 trailing scores before them that a model's trade needs."""
_CALLS = 40
_PREDICTIONS = (
    *("id", "symbol", "tf", "candle_open_ms", "created_ms", "late", "pred", "confidence"),
    *("p_short", "p_no_trade", "p_long", "expected_bps", "cost_bps", "source", "model_version"),
    *("entry", "stop_loss", "tp1", "tp2", "tp3"),
)
_OUTCOMES = (
    *("prediction_id", "settled_ms", "status", "exit_price", "return_bps", "mfe_bps", "mae_bps"),
    *("label", "correct"),
)
_TOOK = re.compile(r" candles in [0-9.]+ s, [0-9,]+ a second")
_LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[.*")


def replayed(folder: Path) -> dict[str, Any]:
    """Both replays: `models` and `rules`, each as `_log` gives it, and what the commands print."""
    market = folder / "quarters"
    named = write_market(market, SYMBOLS, QUARTER_MS, _BARS)
    source = f"sqlite:///{folder / 'candles.db'}"
    crypto_bot(folder, "candles", "import", "--tf", "15m", "--database_url", source, str(market))
    held = {}
    for name, use_ml in (("models", "1"), ("rules", "0")):
        path = folder / f"{name}.db"
        chosen = (
            *("--tf", "15m", "--symbols_file", str(named)),
            *("--use_ml", use_ml, "--models_dir", str(ROOT / "models")),
        )
        printed = crypto_bot(
            folder,
            *("backtest", *chosen, "--device", "cpu", "--database_url", source),
            *("--since", _SINCE, "--until", _UNTIL, "--into", f"sqlite:///{path}"),
        )
        review = crypto_bot(folder, "review", *chosen, "--database_url", f"sqlite:///{path}")
        held[name] = {
            **_log(path),
            "printed": {
                "backtest": [
                    _TOOK.sub(" candles", line)
                    for line in printed.splitlines()
                    if not _LOGGED.match(line)
                ],
                "review": review.splitlines(),
            },
        }
    return held


def _log(path: Path) -> dict[str, Any]:
    """Rows and SHA-256 of each day of both tables, and of the reasons of the predictions.

    Of each the last day and, of predictions, the first calls of a side stand in full. Only the
    columns that CONTRACTS.md names, in the order of the key.
    """
    database = sqlite3.connect(path)
    at = "candle_open_ms"
    predictions = _rows(database, "predictions", _PREDICTIONS, f"{at}, symbol")
    reasons = _rows(database, "predictions", ("id", at, "reasons"), f"{at}, symbol")
    outcomes = _rows(database, "outcomes", _OUTCOMES, "settled_ms, prediction_id")
    database.close()
    calls = [row for row in predictions if row[_PREDICTIONS.index("pred")] != "NO_TRADE"]
    return {
        "predictions": {**_days(predictions, _PREDICTIONS.index(at)), "calls": calls[:_CALLS]},
        "reasons": _days(reasons, 1),
        "outcomes": _days(outcomes, _OUTCOMES.index("settled_ms")),
    }


def _days(rows: list[list[Any]], place: int) -> dict[str, Any]:
    """`rows` in the order of the time at `place`, by day."""
    days = {
        str(day): list(found)
        for day, found in groupby(rows, lambda row: int(row[place]) // _DAY_MS)
    }
    return {
        "rows": {day: len(found) for day, found in days.items()},
        "days_sha256": {
            day: hashlib.sha256(json.dumps(found).encode()).hexdigest()
            for day, found in days.items()
        },
        "last_day": days[max(days)],
    }


def _rows(
    database: sqlite3.Connection, table: str, columns: tuple[str, ...], order: str
) -> list[list[Any]]:
    found = database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}")
    return [list(row) for row in found]
