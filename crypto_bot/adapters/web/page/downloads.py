"""Downloads of the prediction log, as filtered, in every format that is registered."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import StreamingResponse

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.log_filters import read_address
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.reports.log_export import LOG_FORMATS, log_lines


def serve_downloads(app: FastAPI, board: Board) -> None:
    """Adds `/log.csv`, `/log.parquet` and so on, with the filters of the log's own address."""
    for name in LOG_FORMATS.names():
        _serve(app, board, name)


def _serve(app: FastAPI, board: Board, name: str) -> None:
    headers = {"Content-Disposition": f'attachment; filename="predictions.{name}"'}

    @app.get(f"/log.{name}", include_in_schema=False)
    def download(request: Request) -> StreamingResponse:
        """Read page by page, each when the one before has been sent."""
        zone = Viewer.of(request.cookies).zone
        address = read_address(request.query_params, board.symbols, zone)
        if address.refused:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, "; ".join(address.refused))
        log_format = LOG_FORMATS.get(name)
        pages = log_lines(board.queries, address.wanted, address.before)
        return StreamingResponse(
            log_format.pieces(pages), media_type=log_format.media_type, headers=headers
        )
