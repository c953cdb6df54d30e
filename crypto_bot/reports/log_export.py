"""The prediction log as a table for other programs, a page of it at a time, in several formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from crypto_bot.domain.instant import instant
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.registry import Registry
from crypto_bot.ports import LoggedSignal, LogPosition, PredictionQueries

_CHUNK = 1000

Line = dict[str, Any]


class LogFormat(NamedTuple):
    """A file format: makes the pieces of the file of pages of lines, holding no more than one."""

    media_type: str
    pieces: Callable[[Iterator[list[Line]]], Iterator[bytes]]


LOG_FORMATS = Registry[LogFormat]("log format")
"""By the ending of the file's name."""
LOG_FORMATS.register("csv", "crypto_bot.reports.log_formats.csv_text:CSV")
LOG_FORMATS.register("parquet", "crypto_bot.reports.log_formats.parquet_file:PARQUET")


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


NAMES = (
    *("id", "symbol", "tf", "candle_open", "created", "late", "pred", "confidence", "p_short"),
    *("p_no_trade", "p_long", "expected_bps", "cost_bps", "source", "model_version", "entry"),
    *("stop_loss", "tp1", "tp2", "tp3", "atr", "horizon_bars", "reasons", "declined", "settled"),
    *("status", "exit_price", "return_bps", "mfe_bps", "mae_bps", "label", "correct"),
)
