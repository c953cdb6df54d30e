"""The service of paper trading: prices that fail, bugs, and a database that does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.adapters.exchange.stream import StreamedPrices
from crypto_bot.app.market import Market, open_market
from crypto_bot.app.paper import PaperLog, PaperService
from crypto_bot.app.settings import load
from crypto_bot.domain.errors import BadPrices, ExchangeUnavailable, StoreError
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.domain.quote import Funding, Instrument, Level, OrderBook, Quote
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import T0, TF_MS, D, instrument
from tests.engine.paper.paper_world import SYMBOLS, World, flat, made

ACCOUNTS = [{"name": "perp", "market": "perp", "trail_atr": 0}]


class RecordingSink:
    """A sink whose events can be awaited."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:
        self.events += events
        self._loop.call_soon_threadsafe(self.changed.set)

    async def next(self, kind: str) -> Event:
        """The first event of that kind, once there is one."""
        async with asyncio.timeout(120):
            while True:
                for event in self.events:
                    if event.kind.value == kind:
                        return event
                self.changed.clear()
                await self.changed.wait()


class Exchange:
    """Prices at the clock of the world; the first requests fail with `errors`."""

    def __init__(self, world: World, *errors: Exception) -> None:
        self._world = world
        self._errors = iter(errors)
        self.price = D(100)
        self.foreign: frozenset[str] = frozenset()
        """Coins whose quotes, and not books, have the price of something else."""
        self.listed: tuple[str, ...] = SYMBOLS

    def now_ms(self) -> int:
        return self._world.now_ms

    def real_seconds(self, duration_ms: int) -> float:
        return 0.0

    async def quotes(self) -> dict[str, Quote]:
        for error in self._errors:
            raise error
        prices = {s: self.price * (3 if s in self.foreign else 1) for s in SYMBOLS}
        at_ms = self._world.now_ms
        return {s: Quote(s, bid, bid + D("0.02"), at_ms) for s, bid in prices.items()}

    async def book(self, symbol: str) -> OrderBook:
        if symbol == "BUSDT":
            raise BadPrices("no book of this one")
        levels = (Level(self.price, D(10_000)),), (Level(self.price + D("0.02"), D(10_000)),)
        return OrderBook(symbol, *levels, self._world.now_ms)

    async def funding(self, symbol: str, since_ms: int, until_ms: int) -> list[Funding]:
        return [Funding(symbol, until_ms, D("0.001"))]

    def instruments(self) -> dict[str, Instrument]:
        return {symbol: instrument(symbol) for symbol in self.listed}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(url=f"sqlite:///{tmp_path / 'engine.db'}")
    world.close(0, flat(0))
    yield world
    world.database.close()


def service(
    world: World, sink: RecordingSink, fills: str = "quotes", **exchange: str
) -> PaperService:
    url = str(world.database.name)
    paper = {"accounts": ACCOUNTS, "fills": fills}
    given = {"paper": paper, "exchange": exchange, "database_url": url}
    sinks = (PaperLog(), sink)
    return PaperService(load(given), SYMBOLS, world.database, lambda: world.now_ms, sinks)


def market(exchange: Exchange) -> Market:
    return cast("Market", SimpleNamespace(clock=exchange, prices=exchange))


@asynccontextmanager
async def running(
    world: World, *errors: Exception, **exchange: str
) -> AsyncIterator[tuple[PaperService, RecordingSink]]:
    """A service that has opened its account; the first requests for prices fail."""
    sink = RecordingSink()
    paper = service(world, sink, **exchange)
    task = asyncio.create_task(paper.run(market(Exchange(world, *errors))))
    await sink.next("DEPOSIT")
    yield paper, sink
    task.cancel()


@pytest.mark.parametrize(("streams", "kind"), [(False, CcxtPrices), (True, StreamedPrices)])
async def test_prices_are_streamed_if_switched_on(*, streams: bool, kind: type) -> None:
    settings = load({"exchange": {"id": "kraken", "stream_prices": streams}})
    opened = open_market(settings, ["BTCUSDT"], None)
    assert type(opened.prices) is kind
    await opened.close()


async def test_failing_prices_are_retried_and_logged_once(world: World) -> None:
    down = ExchangeUnavailable("it is down")
    with capture_logs() as logs:
        async with running(world, down, down) as (paper, sink):
            calls = {"AUSDT": made("AUSDT", 1), "BUSDT": made("BUSDT", 1, Pred.SHORT)}
            paper.committed(world.close(1, flat(1), **calls), [])
            await sink.next("OPEN")
    assert [log["event"] for log in logs].count("quotes.failed") == 1
    opened = {e.symbol: e.price for e in sink.events if e.kind.value == "OPEN"}
    # A fills from its book; B has none: bid less 2 bp of slippage.
    assert opened == {"AUSDT": D("100.02"), "BUSDT": D("99.98")}
    assert [log["symbol"] for log in logs if log["event"] == "paper.opened"] == ["AUSDT", "BUSDT"]


async def test_a_quote_that_is_not_believed_is_logged_once_and_neither_traded_nor_shown(
    world: World, tmp_path: Path
) -> None:
    sink, exchange = RecordingSink(), Exchange(world)
    exchange.foreign = frozenset({"AUSDT"})
    paper = service(world, sink)
    with capture_logs() as logs:
        task = asyncio.create_task(paper.run(market(exchange)))
        await sink.next("DEPOSIT")
        calls = {"AUSDT": made("AUSDT", 1), "BUSDT": made("BUSDT", 1, Pred.SHORT)}
        paper.committed(world.close(1, flat(1), **calls), [])
        await sink.next("OPEN")
        (tmp_path / "PAPER_STOP").touch()  # the next readings
        world.now_ms += 1000
        await sink.next("CLOSE")
        shown = paper.quotes()
        task.cancel()
    assert {event.symbol for event in sink.events if event.kind.value == "OPEN"} == {"BUSDT"}
    assert "AUSDT" not in shown
    refused = [log for log in logs if log["event"] == "quote.refused"]
    assert [log["symbol"] for log in refused] == ["AUSDT"]
    assert "where its order book is not" in refused[0]["reason"]


@pytest.mark.parametrize("fills", ["quotes", "candles"])
@pytest.mark.parametrize("when", ["listed again", "gone since the last start"])
async def test_a_coin_that_is_not_listed_at_a_start_is_traded_in_its_own_steps(
    when: str, fills: str, world: World
) -> None:
    sink, exchange = RecordingSink(), Exchange(world)
    if when == "gone since the last start":
        before = asyncio.create_task(service(world, sink, fills).run(market(exchange)))
        await sink.next("DEPOSIT")
        before.cancel()
    exchange.listed = ()
    paper = service(world, sink, fills)
    task = asyncio.create_task(paper.run(market(exchange)))
    await sink.next("DEPOSIT")
    if when == "listed again":
        exchange.listed = SYMBOLS
    paper.committed(world.close(1, flat(1), AUSDT=made("AUSDT", 1)), [])
    if fills == "candles":  # at the next open
        paper.committed(world.close(2, flat(2)), [])
    opened = await sink.next("OPEN")
    task.cancel()
    assert opened.amount % D("0.001") == 0, "of 0.0001 where a lot is assumed"
    assert opened.amount != 0


async def test_funding_is_fetched_for_perpetual_contracts(world: World) -> None:
    async with running(world, market_type="swap") as (paper, sink):
        paper.committed(world.close(1, flat(1), AUSDT=made("AUSDT", 1)), [])
        opened = await sink.next("OPEN")
        paper.committed(world.close(2, flat(2)), [])
        paid = await sink.next("FUNDING")
    assert paid.at_ms == T0 + 3 * TF_MS + 2000
    assert paid.cash == -D("0.001") * opened.amount * D("100.01")


async def test_the_stop_file_closes_every_position(world: World, tmp_path: Path) -> None:
    async with running(world) as (paper, sink):
        paper.committed(world.close(1, flat(1), AUSDT=made("AUSDT", 1)), [])
        await sink.next("OPEN")
        (tmp_path / "PAPER_STOP").touch()
        world.now_ms += 1000
        closed = await sink.next("CLOSE")
    assert (closed.reason, closed.price) == ("KILL", D(100))
    assert paper.kill_switch().by == "file"


async def test_an_unexpected_error_is_logged_and_the_accounts_are_rebuilt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crypto_bot.app.paper._RETRY_S", 0.0)
    with capture_logs() as logs:
        async with running(world, RuntimeError("a bug")) as (paper, sink):
            paper.committed(world.close(1, flat(1), AUSDT=made("AUSDT", 1)), [])
            await sink.next("OPEN")
    assert "paper.failed" in [log["event"] for log in logs]


async def test_a_store_error_ends_the_service(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = RecordingSink()
    paper = service(world, sink)

    def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("crypto_bot.adapters.store.paper_store.SqlPaperStore.write", fails)
    with pytest.raises(StoreError, match="the disk is full"):
        async with asyncio.timeout(120):
            await paper.run(market(Exchange(world)))
