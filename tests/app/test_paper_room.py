"""The room of paper trading: prices that fail, bugs, and a database that does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from crypto_bot.app.market import Market
from crypto_bot.app.paper import PaperLog, PaperRoom
from crypto_bot.app.settings import load
from crypto_bot.domain.errors import BadPrices, ExchangeUnavailable, StoreError
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.domain.quote import Funding, Instrument, Level, OrderBook, Quote
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import T0, TF_MS, D, instrument
from tests.engine.paper.paper_world import SYMBOLS, World, flat, made

ACCOUNTS = [{"name": "perp", "market": "perp", "trail_atr": 0}]


class Heard:
    """A sink that can be waited for."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:
        self.events += events
        self._loop.call_soon_threadsafe(self.news.set)

    async def next(self, kind: str) -> Event:
        """The first event of that kind."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if event.kind.value == kind:
                        return event
                self.news.clear()
                await self.news.wait()


class Exchange:
    """Prices at the clock of the world; its first replies are errors."""

    def __init__(self, world: World, *, failures: int = 0) -> None:
        self._world = world
        self._failures = failures
        self.price = D(100)

    def now_ms(self) -> int:
        return self._world.now_ms

    def real_seconds(self, duration_ms: int) -> float:
        return 0.0

    async def quotes(self) -> dict[str, Quote]:
        if self._failures:
            self._failures -= 1
            raise ExchangeUnavailable("it is down")
        ask = self.price + D("0.02")
        return {s: Quote(s, self.price, ask, self._world.now_ms) for s in SYMBOLS}

    async def book(self, symbol: str) -> OrderBook:
        if symbol == "BUSDT":
            raise BadPrices("no book of this one")
        levels = (Level(self.price, D(10_000)),), (Level(self.price + D("0.02"), D(10_000)),)
        return OrderBook(symbol, *levels, self._world.now_ms)

    async def funding(self, symbol: str, since_ms: int, until_ms: int) -> list[Funding]:
        return [Funding(symbol, until_ms, D("0.001"))]

    def instruments(self) -> dict[str, Instrument]:
        return {symbol: instrument(symbol) for symbol in SYMBOLS}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made_ = World(url=f"sqlite:///{tmp_path / 'engine.db'}")
    made_.close(0, flat(0))
    yield made_
    made_.database.close()


def room(world: World, heard: Heard, **exchange: str) -> PaperRoom:
    url = str(world.database.name)
    given = {"paper": {"accounts": ACCOUNTS}, "exchange": exchange, "database_url": url}
    sinks = (PaperLog(), heard)
    return PaperRoom(load(given), SYMBOLS, world.database, lambda: world.now_ms, sinks)


def market(exchange: Exchange) -> Market:
    return cast("Market", SimpleNamespace(clock=exchange, prices=exchange))


async def test_prices_that_fail_are_waited_for_and_told_once(world: World) -> None:
    heard, exchange = Heard(), Exchange(world, failures=2)
    desk = room(world, heard)
    with capture_logs() as logs:
        running = asyncio.create_task(desk.run(market(exchange)))
        await heard.next("DEPOSIT")
        calls = {"AUSDT": made("AUSDT", 1), "BUSDT": made("BUSDT", 1, Pred.SHORT)}
        desk.committed(world.close(1, flat(1), **calls), [])
        await heard.next("OPEN")
        running.cancel()
    assert [log["event"] for log in logs].count("quotes.failed") == 1
    opened = {e.symbol: e.price for e in heard.events if e.kind.value == "OPEN"}
    # A from its book; B has none: the bid less 2 bp of slippage
    assert opened == {"AUSDT": D("100.02"), "BUSDT": D("99.98")}
    assert [log["symbol"] for log in logs if log["event"] == "paper.opened"] == ["AUSDT", "BUSDT"]


async def test_funding_is_asked_of_an_exchange_of_contracts(world: World) -> None:
    heard, exchange = Heard(), Exchange(world)
    desk = room(world, heard, market_type="swap")
    running = asyncio.create_task(desk.run(market(exchange)))
    await heard.next("DEPOSIT")
    desk.committed(world.close(1, flat(1), AUSDT=made("AUSDT", 1)), [])
    opened = await heard.next("OPEN")
    desk.committed(world.close(2, flat(2)), [])
    paid = await heard.next("FUNDING")
    running.cancel()
    assert paid.at_ms == T0 + 3 * TF_MS + 2000
    assert paid.cash == -D("0.001") * opened.amount * D("100.01")


async def test_the_stop_file_closes_all(world: World, tmp_path: Path) -> None:
    heard, exchange = Heard(), Exchange(world)
    desk = room(world, heard)
    running = asyncio.create_task(desk.run(market(exchange)))
    await heard.next("DEPOSIT")
    desk.committed(world.close(1, flat(1), AUSDT=made("AUSDT", 1)), [])
    await heard.next("OPEN")
    (tmp_path / "PAPER_STOP").touch()
    world.now_ms += 1000
    closed = await heard.next("CLOSE")
    running.cancel()
    assert (closed.reason, closed.price) == ("KILL", D(100))
    assert desk.kill_switch().by == "file"


async def test_a_bug_is_logged_and_the_accounts_rebuilt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crypto_bot.app.paper._RETRY_S", 0.0)
    heard, exchange = Heard(), Exchange(world)
    broken = iter([RuntimeError("a bug")])

    async def quotes() -> dict[str, Quote]:
        for error in broken:
            raise error
        return await Exchange.quotes(exchange)

    monkeypatch.setattr(exchange, "quotes", quotes)
    desk = room(world, heard)
    with capture_logs() as logs:
        running = asyncio.create_task(desk.run(market(exchange)))
        await heard.next("DEPOSIT")
        desk.committed(world.close(1, flat(1), AUSDT=made("AUSDT", 1)), [])
        await heard.next("OPEN")
        running.cancel()
    assert "paper.failed" in [log["event"] for log in logs]


async def test_a_database_that_fails_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    desk = room(world, heard)

    def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("crypto_bot.adapters.store.paper_store.SqlPaperStore.write", fails)
    with pytest.raises(StoreError, match="the disk is full"):
        async with asyncio.timeout(20):
            await desk.run(market(Exchange(world)))
