"""Puts the page on the application: its addresses, its files, its policy."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from importlib.resources import files
from typing import Annotated

import nicegui
import structlog
from fastapi import FastAPI, HTTPException, Query, Request, Response, status
from fastapi.responses import FileResponse, StreamingResponse
from nicegui import ui
from starlette.datastructures import MutableHeaders
from starlette.routing import Match, Mount, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.chart_pages import chart_page, timeframes
from crypto_bot.adapters.web.page.coin import state_of
from crypto_bot.adapters.web.page.figures import empty_state
from crypto_bot.adapters.web.page.frame import ASSETS, View, framed, shown_at
from crypto_bot.adapters.web.page.log_filters import read_address
from crypto_bot.adapters.web.page.palette import tokens
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.adapters.web.page.views import VIEWS
from crypto_bot.reports.log_export import LOG_FORMATS, log_lines
from crypto_bot.reports.trade_export import trades_csv

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; base-uri 'none'; form-action 'self'; object-src 'none'; "
    "frame-ancestors 'none'"
)
"""Vue compiles templates in the browser, hence `unsafe-eval`; no other host may be asked."""
_BUILD_S = 60.0
"""So long a view may take to build: on a busy machine that is more than NiceGUI's 3 s, after which
the answer would be an error."""
_RECONNECT_S = 30.0
"""So long a page that lost its connection, e.g. of a laptop that slept, goes on where it was."""
_log = structlog.get_logger(__name__)
# NiceGUI looks at every object for the server that runs it, also at one that torch warns of.
warnings.filterwarnings("ignore", ".*torch.distributed.reduce_op", FutureWarning)
_KINDS = {
    **dict.fromkeys(("style.css", "figures.css"), "text/css"),
    **dict.fromkeys(("ticker.js", "theme.js"), "text/javascript"),
}


def mount_page(app: FastAPI, board: Board, views: Sequence[View] = VIEWS) -> None:
    """Adds the page at `/`; to be called after every other route has been added."""
    folder = files(__package__)

    @app.get(ASSETS + "/{name}", include_in_schema=False)
    def asset(name: str) -> Response:
        if name not in _KINDS:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no '{name}' here")
        text = (folder / name).read_text("utf-8")
        body = tokens() + text if name == "style.css" else text
        return Response(body, media_type=_KINDS[name], headers={"Cache-Control": "no-cache"})

    for name in LOG_FORMATS.names():
        _serve_download(app, board, name)
    _serve_results(app, board)
    _serve_backtests(app, board)
    _serve_bars(app, board)
    _serve_trades(app, board)
    for view in views:
        _add(board, view, views)
    nicegui.app.on_startup(board.open)
    nicegui.app.on_shutdown(board.close)
    nicegui.app.on_page_exception(_failed)
    # Its bar for requests of the browser: none that it could show is made.
    nicegui.app.config.quasar_config["loadingBar"] = {"skipHijack": True}
    ui.run_with(
        app,
        title="Signal engine",
        language="en-US",
        dark=None,
        binding_refresh_interval=None,
        reconnect_timeout=_RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
    )
    # What is no page is refused by the application, not by NiceGUI: a wrong method with 405.
    mounted = app.router.routes.pop()
    assert isinstance(mounted, Mount)
    paths = [path for view in views for path in (view.path, *view.further)]
    app.router.routes.append(_PageMount(mounted.app, paths))
    app.add_middleware(Leaving)
    app.add_middleware(_Policy)


def _serve_download(app: FastAPI, board: Board, name: str) -> None:
    """Adds `/log.csv`, `/log.parquet` and so on, with the filters of the log's own address."""
    headers = {"Content-Disposition": f'attachment; filename="predictions.{name}"'}

    @app.get(f"/log.{name}", include_in_schema=False)
    def download(request: Request) -> StreamingResponse:
        """Read page by page, each when the one before has been sent."""
        zone = Viewer.of(request.cookies).zone
        address = read_address(request.query_params, board.symbols, zone)
        if address.refused:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, "; ".join(address.refused))
        kind = LOG_FORMATS.get(name)
        pages = log_lines(board.queries, address.wanted, address.before)
        return StreamingResponse(kind.pieces(pages), media_type=kind.media_type, headers=headers)


def _serve_results(app: FastAPI, board: Board) -> None:
    """Adds `/jobs/ID`, the file that a job has made."""

    @app.get("/jobs/{job_id}", include_in_schema=False)
    def result(job_id: str) -> FileResponse:
        for job in board.jobs.newest() if board.jobs else ():
            if job.id == job_id and job.result is not None:
                return FileResponse(job.result, filename=job.result.name)
        raise HTTPException(status.HTTP_404_NOT_FOUND)


def _serve_backtests(app: FastAPI, board: Board) -> None:
    """Adds `/backtests/ID/NAME`, a file of a backtest that is kept."""

    @app.get("/backtests/{id_}/{name}", include_in_schema=False)
    def file(id_: str, name: str) -> FileResponse:
        path = board.backtests.file(id_, name) if board.backtests else None
        if path is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such file of a backtest")
        return FileResponse(path, filename=f"{id_}-{name}")


def _serve_bars(app: FastAPI, board: Board) -> None:
    """Adds what the chart of a coin reads, `/coin/{symbol}/bars`, a span at a time."""

    @app.get("/coin/{symbol}/bars", include_in_schema=False)
    def bars(
        symbol: str, tf: str, until: Annotated[int | None, Query(ge=0, le=2**33)] = None
    ) -> Response:
        """The whole bars that open before `until` (seconds), or the newest."""
        shown = next((each for each in timeframes(board.timeframe) if each.name == tf), None)
        state = state_of(board, symbol)
        if shown is None or state is None:
            raise HTTPException(
                status.HTTP_404_NOT_FOUND, f"there is no chart of '{symbol}' in '{tf}'"
            )
        page = chart_page(board, state, shown, None if until is None else until * 1000)
        text = json.dumps(page, allow_nan=False, separators=(",", ":"))
        return Response(text, media_type="application/json", headers={"Cache-Control": "no-cache"})


def _serve_trades(app: FastAPI, board: Board) -> None:
    """Adds `/paper.csv`: the closed trades of `account`."""
    headers = {"Content-Disposition": 'attachment; filename="trades.csv"'}

    @app.get("/paper.csv", include_in_schema=False)
    def trades(account: str) -> StreamingResponse:
        paper = board.paper
        names = [each.name for each in paper.accounts()] if paper else []
        if paper is None or account not in names:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such paper account")
        pieces = trades_csv(paper, account)
        return StreamingResponse(pieces, media_type="text/csv", headers=headers)


def _add(board: Board, view: View, views: Sequence[View]) -> None:
    async def page(request: Request) -> None:
        viewer = Viewer.of(request.cookies)
        await board.newest()
        with framed(board, viewer, views, view):
            await view.build(board, viewer, {**request.query_params, **request.path_params})

    for path in (view.path, *view.further):
        ui.page(path, response_timeout=_BUILD_S)(page)


def _failed(error: Exception) -> None:
    """What is shown in place of a view that could not be built."""
    _log.error("page.failed", error=f"{type(error).__name__}: {error}")
    ui.add_head_html(f'<link rel="stylesheet" href="{shown_at(ASSETS)}/style.css">')
    why = "The engine goes on, and its log says why. Load the page again to try once more."
    with empty_state("This view cannot be shown", why, kind="view panel empty"):
        ui.link("Overview", "/")


class _PageMount(Mount):
    def __init__(self, app: ASGIApp, paths: Sequence[str]) -> None:
        super().__init__("/", app)
        self._paths = [compile_path(path)[0] for path in paths]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope["path"] if scope["type"] in {"http", "websocket"} else ""
        if path.startswith("/_nicegui") or any(each.match(path) for each in self._paths):
            return super().matches(scope)
        return Match.NONE, {}


class _Policy:
    """Says to the browser what the page may do, with every answer that is HTML."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", POLICY)
                    headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await self._app(scope, receive, with_policy)


class Leaving:
    """A browser that leaves before its answer is there is no error, though Starlette raises one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_left = False

        async def watched() -> Message:
            nonlocal has_left
            message = await receive()
            has_left = has_left or message["type"] == "http.disconnect"
            return message

        try:
            await self._app(scope, watched, send)
        except RuntimeError:
            if not has_left:
                raise
