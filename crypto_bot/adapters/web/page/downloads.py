"""Downloads of the prediction log, as filtered: CSV and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import BytesIO, StringIO
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response, status
from fastapi.responses import StreamingResponse

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.log_filters import LogAddress, read_address
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.ports import LoggedSignal, LogPosition
from crypto_bot.services.health import instant

_CHUNK = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a text that begins so."""

Line = dict[str, Any]


def serve_downloads(app: FastAPI, board: Board) -> None:
    """Adds `/log.csv` and `/log.parquet`, with the filters of the log's own address."""

    def asked(request: Request) -> LogAddress:
        zone = Viewer.of(request.cookies).zone
        address = read_address(request.query_params, board.symbols, zone)
        if address.refused:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, "; ".join(address.refused))
        return address

    @app.get("/log.csv", include_in_schema=False)
    def as_csv(request: Request) -> StreamingResponse:
        text = _csv(_lines(board, asked(request)))
        return StreamingResponse(text, media_type="text/csv", headers=_named("csv"))

    @app.get("/log.parquet", include_in_schema=False)
    def as_parquet(request: Request) -> Response:
        body = _parquet(_lines(board, asked(request)))
        return Response(
            body, media_type="application/vnd.apache.parquet", headers=_named("parquet")
        )


def _named(kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="predictions.{kind}"'}


def _lines(board: Board, address: LogAddress) -> Iterator[list[Line]]:
    """All that the filters leave, newest first, in pages."""
    before = address.before
    while True:
        page = board.queries.log_page(address.wanted, before, _CHUNK)
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
        "label": outcome and outcome.label and outcome.label.value,
        "correct": outcome and outcome.correct,
    }


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


def _csv(pages: Iterator[list[Line]]) -> Iterator[str]:
    text = StringIO()
    writer = csv.DictWriter(text, _NAMES)
    writer.writeheader()
    for page in pages:
        writer.writerows({name: _plain(value) for name, value in line.items()} for line in page)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _parquet(pages: Iterator[list[Line]]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - 60 MB: only where a file of it is asked for
    from pyarrow import parquet  # noqa: PLC0415

    schema = pa.schema([(name, pa.type_for_alias(_TYPES.get(name, "float64"))) for name in _NAMES])
    file = BytesIO()
    with parquet.ParquetWriter(file, schema) as writer:
        for page in pages:
            writer.write_table(pa.Table.from_pylist(page, schema))
    return file.getvalue()
