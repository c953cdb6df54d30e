"""The prediction log as a table for other programs: CSV and Parquet, a page of it at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import IO, Any

from crypto_bot.domain.instant import instant
from crypto_bot.domain.log import LogFilter
from crypto_bot.ports import LoggedSignal, LogPosition, PredictionQueries

_CHUNK = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a text that begins so."""

Line = dict[str, Any]


def log_lines(
    queries: PredictionQueries, wanted: LogFilter, before: LogPosition | None = None
) -> Iterator[list[Line]]:
    """All that the filter leaves, newest first, in pages. Raises StoreError."""
    while True:
        page = queries.log_page(wanted, before, _CHUNK)
        if page:
            yield [_line(each) for each in page]
        if len(page) < _CHUNK:
            return
        last = page[-1].stored.signal
        before = LogPosition(last.candle_open_ms, last.symbol)


def csv_text(pages: Iterator[list[Line]]) -> Iterator[str]:
    """The table in pieces. A text that a spreadsheet would run has a quote before it."""
    text = StringIO()
    writer = csv.DictWriter(text, _NAMES)
    writer.writeheader()
    for page in pages:
        writer.writerows({name: _plain(value) for name, value in line.items()} for line in page)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def write_parquet(pages: Iterator[list[Line]], file: IO[bytes]) -> None:
    """The table into an open file."""
    import pyarrow as pa  # noqa: PLC0415 - 60 MB: only where a file of it is asked for
    from pyarrow import parquet  # noqa: PLC0415 - as above

    schema = pa.schema([(name, pa.type_for_alias(_TYPES.get(name, "float64"))) for name in _NAMES])
    with parquet.ParquetWriter(file, schema) as writer:
        for page in pages:
            writer.write_table(pa.Table.from_pylist(page, schema))


def _line(line: LoggedSignal) -> Line:
    stored, outcome = line
    signal = stored.signal
    targets = signal.levels.take_profits or (None, None, None)
    return {
        "id": signal.id,
        "symbol": signal.symbol,
        "tf": signal.tf,
        "candle_open": instant(signal.candle_open_ms),
        "created": instant(stored.created_ms),
        "late": stored.late,
        "pred": signal.pred.value,
        "confidence": signal.confidence,
        "p_short": signal.probabilities.short,
        "p_no_trade": signal.probabilities.no_trade,
        "p_long": signal.probabilities.long,
        "expected_bps": signal.expected_bps,
        "cost_bps": signal.cost_bps,
        "source": signal.source.value,
        "model_version": signal.model_version,
        "entry": signal.levels.entry,
        "stop_loss": signal.levels.stop_loss,
        "tp1": targets[0],
        "tp2": targets[1],
        "tp3": targets[2],
        "atr": signal.atr,
        "horizon_bars": signal.horizon_bars,
        "reasons": "; ".join(signal.reasons),
        "declined": "; ".join(f"{each.source}: {each.reason}" for each in signal.declined),
        "settled": outcome and instant(outcome.settled_ms),
        "status": outcome and outcome.status.value,
        "exit_price": outcome and outcome.exit_price,
        "return_bps": outcome and outcome.return_bps,
        "mfe_bps": outcome and outcome.mfe_bps,
        "mae_bps": outcome and outcome.mae_bps,
        "label": outcome and outcome.label and str(outcome.label),
        "correct": outcome and outcome.correct,
    }


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


_TYPES = {
    **dict.fromkeys(("late", "correct"), "bool"),
    "horizon_bars": "int32",
    **dict.fromkeys(
        ("id", "symbol", "tf", "candle_open", "created", "pred", "source", "model_version"),
        "string",
    ),
    **dict.fromkeys(("reasons", "declined", "settled", "status", "label"), "string"),
}
"""All others are float64."""
_NAMES = (
    *("id", "symbol", "tf", "candle_open", "created", "late", "pred", "confidence", "p_short"),
    *("p_no_trade", "p_long", "expected_bps", "cost_bps", "source", "model_version", "entry"),
    *("stop_loss", "tp1", "tp2", "tp3", "atr", "horizon_bars", "reasons", "declined", "settled"),
    *("status", "exit_price", "return_bps", "mfe_bps", "mae_bps", "label", "correct"),
)
