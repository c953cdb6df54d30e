"""The page beside the API: who answers which address, and what a browser may do with it."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from io import BytesIO, StringIO
from typing import Any

import httpx
import pyarrow.parquet
import pytest
from fastapi import FastAPI
from nicegui import Client
from nicegui.testing.general import nicegui_reset_globals

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.mount import POLICY, Leaving, mount_page
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.log import LogFilter
from crypto_bot.ports import LoggedSignal, LogPosition
from tests.adapters.web.page.conftest import Engine, MakeBoard
from tests.adapters.web.page.made_log import QUARTER, fill
from tests.adapters.web.sockets import client

PAGES = ("/", "/coin", "/coin/BTCUSDT", "/coin/never", "/log", "/log?coin=eth&result=stop")
Serve = Callable[[Board], AbstractAsyncContextManager[httpx.AsyncClient]]

# NiceGUI looks at every object for its server, and one of torch complains of being looked at.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.distributed.reduce_op:FutureWarning")


@pytest.fixture
def serve(make_app: Callable[..., FastAPI], engine: Engine) -> Serve:
    @asynccontextmanager
    async def served(board: Board) -> AsyncIterator[httpx.AsyncClient]:
        app = make_app(queries=board.queries, health=engine.report)
        with nicegui_reset_globals():
            mount_page(app, board)
            try:
                async with app.router.lifespan_context(app), client(app) as opened:
                    yield opened
            finally:
                Client.page_routes.clear()  # else NiceGUI would unload the modules of our pages

    return served


@pytest.fixture
async def site(
    serve: Serve, make_board: MakeBoard, database: Database
) -> AsyncIterator[httpx.AsyncClient]:
    fill(database)
    async with serve(make_board()) as client:
        yield client


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_browser_that_leaves_before_its_answer_is_no_error(leaves: bool) -> None:
    """Starlette raises one without an answer; the server would log it with a traceback."""

    async def unanswered(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise RuntimeError("No response returned.")

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect" if leaves else "http.request"}

    async def send(message: Any) -> None:
        """Nothing is sent."""

    with nullcontext() if leaves else pytest.raises(RuntimeError):
        await Leaving(unanswered)({"type": "http"}, receive, send)


async def test_every_view_names_no_other_host_and_says_so_to_the_browser(
    site: httpx.AsyncClient,
) -> None:
    for path in PAGES:
        answer = await site.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.findall(r"(?:https?:)?//[a-z0-9][\w.-]*\.[a-z]{2,}", answer.text) == []
    assert "frame-ancestors 'none'" in POLICY
    assert "http" not in POLICY


async def test_the_api_keeps_its_answers_and_the_page_its_files(site: httpx.AsyncClient) -> None:
    unknown = await site.get("/api/nothing")
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})
    assert (await site.post("/api/predictions")).status_code == 405
    assert (await site.get("/api/predictions")).json()["count"] == 3
    assert (await site.get("/docs")).headers["content-security-policy"].startswith("default-src 'n")
    assert (await site.get("/healthz")).status_code == 200
    assert (await site.get("/metrics")).text.startswith("# HELP")
    css = await site.get("/assets/page/style.css")
    assert css.headers["content-type"].startswith("text/css")
    assert ":root[data-theme=dark]" in css.text
    assert (await site.get("/assets/page/ticker.js")).text.startswith("/* What the browser")
    assert (await site.get("/assets/page/mount.py")).status_code == 404
    assert Client.instances == {}, "none of these is a page"


async def test_an_unknown_address_is_a_page_for_a_person_and_json_for_a_program(
    site: httpx.AsyncClient,
) -> None:
    person = {"Accept": "text/html,*/*", "Cookie": "crypto_bot_theme=light"}
    for path in ("/nope<b>", "/coin/a/b", "/models/x"):
        page = await site.get(path, headers=person)
        assert page.status_code == 404
        assert 'data-theme="light"' in page.text
        assert '<a class="button" href="/">Overview</a>' in page.text
        assert "<b>" not in page.text
        assert (await site.get(path)).json() == {"detail": "Not Found"}
    unknown = await site.get("/api/predictions/NONE", headers=person)
    assert unknown.headers["content-type"] == "application/json"


async def test_foreign_hosts_and_pages_are_refused(site: httpx.AsyncClient) -> None:
    for path in ("/", "/assets/page/style.css", "/log.csv", "/_nicegui_ws/socket.io/"):
        answer = await site.get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 400, path
    answer = await site.post("/_nicegui_ws/socket.io/", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


async def test_the_bars_of_a_chart(site: httpx.AsyncClient) -> None:
    await site.get("/coin/BTCUSDT")
    newest = await site.get("/coin/BTCUSDT/bars?tf=15m")
    assert len(newest.json()["bars"]) == 60
    for asked, code in (("BTCUSDT/bars?tf=2h", 404), ("NEVER/bars?tf=1h", 404)):
        assert (await site.get(f"/coin/{asked}")).status_code == code
    for until in ("-1", "soon", "99999999999"):
        answer = await site.get(f"/coin/BTCUSDT/bars?tf=1h&until={until}")
        assert answer.status_code == 422, until


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(answer.text)))


async def test_a_download_is_what_the_filters_leave(site: httpx.AsyncClient) -> None:
    everything = rows_of(await site.get("/log.csv"))
    assert len(everything) == 180
    times = [row["candle_open"] for row in everything]
    assert times == sorted(times, reverse=True)
    some = await site.get("/log.csv?coin=eth&result=trade&to=2025-12-01T00:00Z")
    assert some.headers["content-disposition"] == 'attachment; filename="predictions.csv"'
    wanted = [
        row
        for row in everything
        if row["symbol"] == "ETHUSDT" and row["status"] and row["pred"] != "NO_TRADE"
    ]
    assert rows_of(some) == wanted != []
    misspelled = await site.get("/log.csv?result=won")
    assert misspelled.status_code == 422
    assert misspelled.json()["detail"] == "result: 'won' is not understood and left out"


async def test_a_download_may_be_empty_or_longer_than_one_read(
    serve: Serve, make_board: MakeBoard, database: Database
) -> None:
    async with serve(make_board()) as client:
        as_csv = await client.get("/log.csv")
        assert as_csv.text.startswith("id,symbol,tf,")
        assert rows_of(as_csv) == []
        as_parquet = await client.get("/log.parquet")
        assert pyarrow.parquet.read_table(BytesIO(as_parquet.content)).num_rows == 0
        fill(database, symbols=("BTCUSDT",), bars=2100)
        ids = [row["id"] for row in rows_of(await client.get("/log.csv"))]
        assert len(ids) == len(set(ids)) == 2100


class Broken(SqlPredictionQueries):
    """A store that has begun to fail."""

    def log_page(
        self, wanted: LogFilter, before: LogPosition | None, limit: int
    ) -> list[LoggedSignal]:
        raise StoreError("the disk is full")


async def test_a_view_that_fails_says_so(
    serve: Serve, make_board: MakeBoard, database: Database
) -> None:
    board = make_board()
    await board.renew()
    board.queries = Broken(database, QUARTER)
    async with serve(board) as client:
        answer = await client.get("/log")
        assert answer.status_code == 500
        assert "This view cannot be shown" in answer.text
        assert "disk" not in answer.text, "what went wrong stands in the engine's log"
