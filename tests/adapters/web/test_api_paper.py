"""/api/paper and its kill switch, over real accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web import EventStream
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.domain.signal import Pred
from crypto_bot.engine.paper.trading import PaperTrading
from tests.adapters.web.sockets import client
from tests.adapters.web.test_event_stream import take
from tests.domain.paper_accounts import plan
from tests.engine.paper.paper_world import M15, SYMBOLS, World, candle, flat, made

Make = Callable[..., FastAPI]


@pytest.fixture
def world() -> Iterator[World]:
    made_ = World(plan())
    yield made_
    made_.database.close()


@pytest.fixture
def paper(world: World, stream: EventStream) -> PaperTrading:
    """A long of A that reached its first target, and a short of B that is open."""
    paper = world.start()
    world.close(0, flat(0), AUSDT=made("AUSDT", 0), BUSDT=made("BUSDT", 0, Pred.SHORT))
    paper.advance()
    world.close(1, {**flat(1), "AUSDT": candle(1, 100, 102.5, 97, 97)})
    paper.advance()
    return paper


@pytest.fixture
def make(make_app: Make, world: World, paper: PaperTrading) -> Make:
    queries = SqlPredictionQueries(world.database, M15)
    return partial(make_app, queries=queries, coverage=Coverage(SYMBOLS, M15), paper=paper)


@pytest.fixture
async def api(make: Make) -> AsyncIterator[httpx.AsyncClient]:
    async with client(make()) as opened:
        yield opened


async def test_the_current_accounts(api: httpx.AsyncClient) -> None:
    body = (await api.get("/api/paper")).json()
    assert body["success"] is True
    assert body["kill_switch"] == {"on": False, "since_ms": None, "by": None, "reason": None}
    (account,) = body["accounts"]
    (held,) = account["open_positions"]
    (trade,) = account["closed_trades"]
    assert (held["symbol"], held["side"], held["entry"]) == ("BUSDT", "SHORT", 99.98)
    assert (trade["symbol"], trade["reason"], trade["entry"]) == ("AUSDT", "SL", 100.02)
    assert account["equity"] == pytest.approx(account["cash"] + held["unrealised"])
    assert account["statistics"]["win_rate"]["estimate"] is None, "one trade says nothing"


async def test_the_kill_switch_needs_a_confirmation(
    api: httpx.AsyncClient, paper: PaperTrading
) -> None:
    for body in ({}, {"confirm": "stop"}, {"confirm": "STOP", "more": 1}, {"confirm": "RESUME"}):
        reply = await api.post("/api/paper/stop", json=body)
        assert reply.status_code == 422
        assert "detail" in reply.json()
    assert not paper.kill_switch().on
    body = (await api.post("/api/paper/stop", json={"confirm": "STOP", "reason": "hot"})).json()
    assert (body["on"], body["by"], body["reason"]) == (True, "api", "hot")
    assert (await api.get("/api/paper")).json()["kill_switch"] == body
    assert (await api.post("/api/paper/resume", json={"confirm": "STOP"})).status_code == 422
    assert paper.kill_switch().on
    assert (await api.post("/api/paper/resume", json={"confirm": "RESUME"})).status_code == 200
    assert not paper.kill_switch().on


@pytest.mark.parametrize("path", ["/api/paper/stop", "/api/paper/resume"])
async def test_the_kill_switch_needs_access(
    path: str, make: Make, api: httpx.AsyncClient, paper: PaperTrading
) -> None:
    body = {"confirm": "STOP" if path.endswith("stop") else "RESUME"}
    foreign = await api.post(path, json=body, headers={"Origin": "http://elsewhere.example"})
    assert foreign.status_code == 403
    async with client(make(token="secret")) as guarded:
        assert (await guarded.post(path, json=body)).status_code == 401
        assert (await guarded.get("/api/paper")).status_code == 401
    assert paper.kill_switch().since_ms is None


async def test_fills_are_sent_as_events(stream: EventStream, world: World) -> None:
    stream.open()
    paper = world.start()
    world.reported.events.clear()
    world.close(0, flat(0), AUSDT=made("AUSDT", 0))
    paper.advance()
    world.close(1, flat(1))
    paper.advance()
    stream.traded(world.reported.events, [])
    frames = stream.frames("0-0")
    await anext(frames)
    deposit, opened = await take(frames, 2)
    assert {event["event"] for event in (deposit, opened)} == {"paper"}
    assert deposit["data"]["kind"] == "DEPOSIT"
    assert {"kind": "OPEN", "symbol": "AUSDT", "side": "LONG"}.items() <= opened["data"].items()
    stream.close()
