"""The calls of one model on many candles, as a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG, LabelSpec
from crypto_bot.domain.signal import Call, Pred, Signal

_SIDES = ("p_short", "p_no_trade", "p_long")
_MODEL, _LABEL = b"model_version", b"label"


def write_calls(path: Path, signals: Iterable[Signal]) -> None:
    """Writes the calls behind `signals`, which are all of one model. Raises ValueError, OSError."""
    rows = list(signals)
    models = {(each.model_version, each.label) for each in rows}
    if len(models) != 1:
        raise ValueError(f"calls of {len(models)} models: one is wanted")
    version, label = models.pop()
    assert version is not None
    assert label is not None
    columns = {
        "symbol": pa.array([each.symbol for each in rows]),
        "open_ms": pa.array([each.candle_open_ms for each in rows]),
        "pred": pa.array([each.pred.value for each in rows]),
        **{
            name: pa.array([each.distribution.probabilities[at] for each in rows])
            for at, name in enumerate(_SIDES)
        },
        "expected_bps": pa.array([each.expected_bps for each in rows], pa.float64()),
        "reasons": pa.array([each.reasons for each in rows], pa.list_(pa.string())),
    }
    known = {_MODEL: version.encode(), _LABEL: json.dumps(label.as_json()).encode()}
    table = pa.table(columns).replace_schema_metadata(known)
    parquet.write_table(table, path, compression="zstd", compression_level=19)


def read_calls(path: Path) -> dict[tuple[str, int], Call]:
    """The calls by symbol and candle open (UTC ms). Raises OSError, pyarrow.ArrowException."""
    table = parquet.read_table(path)
    version = table.schema.metadata[_MODEL].decode()
    label = LabelSpec.from_json(json.loads(table.schema.metadata[_LABEL]))
    columns = (table[name].to_pylist() for name in table.column_names)
    return {
        (symbol, open_ms): Call(
            pred=Pred(pred),
            reasons=tuple(reasons),
            distribution=Distribution(SHORT_NO_TRADE_LONG, tuple(sides)),
            expected_bps=expected_bps,
            model_version=version,
            label=label,
        )
        for symbol, open_ms, pred, *sides, expected_bps, reasons in zip(*columns, strict=True)
    }
