"""Downloads of the prediction log, as filtered: CSV and Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from fastapi import FastAPI, HTTPException, Request, Response, status
from fastapi.responses import StreamingResponse

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.log_filters import LogAddress, read_address
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.reports.log_export import Line, csv_text, log_lines, write_parquet


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
        text = csv_text(_lines(board, asked(request)))
        return StreamingResponse(text, media_type="text/csv", headers=_named("csv"))

    @app.get("/log.parquet", include_in_schema=False)
    def as_parquet(request: Request) -> Response:
        file = BytesIO()
        write_parquet(_lines(board, asked(request)), file)
        return Response(
            file.getvalue(), media_type="application/vnd.apache.parquet", headers=_named("parquet")
        )


def _named(kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="predictions.{kind}"'}


def _lines(board: Board, address: LogAddress) -> Iterator[list[Line]]:
    return log_lines(board.queries, address.wanted, address.before)
