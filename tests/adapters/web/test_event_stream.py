"""The event stream by itself: order, resuming, falling behind, threads."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from crypto_bot.adapters.web import EventStream, event_stream
from crypto_bot.adapters.web.event_stream import BATCH, MAX_LISTENERS
from crypto_bot.domain.outcome import Outcome
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import Commit, StoredSignal

MakeSignal = Callable[..., StoredSignal]
MakeOutcome = Callable[..., Outcome]


def parsed(chunk: bytes) -> list[dict[str, Any]]:
    """The events of a chunk; a comment or a retry is an event without data."""
    events = []
    for block in chunk.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if "data" in fields:
            fields["data"] = json.loads(fields["data"])
        events.append(fields)
    return events


async def take(frames: AsyncIterator[bytes], count: int) -> list[dict[str, Any]]:
    """The next `count` events with data."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(120):
        while len(found) < count:
            found += [event for event in parsed(await anext(frames)) if "data" in event]
    return found


def place(event: dict[str, Any]) -> str:
    """Its id without the time of its commit."""
    return str(event["id"]).rpartition("-")[0]


async def settled(stream: EventStream, signals: list[StoredSignal]) -> None:
    """Commits `signals` and lets the loop take them in."""
    stream.committed(signals, [])
    await asyncio.sleep(0)


async def test_outcomes_come_before_the_signals_of_their_cycle(
    stream: EventStream, make_signal: MakeSignal, make_outcome: MakeOutcome
) -> None:
    stream.open()
    frames = stream.frames(None)
    assert parsed(await anext(frames)) == [{"retry": "2000"}]
    first, second = make_signal(bar=0), make_signal(bar=5)
    stream.committed([second], [make_outcome(first)])
    outcome, signal = await take(frames, 2)
    assert (outcome["event"], place(outcome)) == ("outcome", "7-0")
    assert outcome["data"]["prediction_id"] == first.signal.id
    assert (signal["event"], place(signal)) == ("signal", "7-1")
    assert signal["data"]["candle_open_ms"] == second.signal.candle_open_ms
    assert signal["data"]["take_profits"] == [104.0, 106.0, 108.0]


async def test_what_was_before_is_not_told_to_who_does_not_ask(
    stream: EventStream, make_signal: MakeSignal
) -> None:
    stream.open()
    await settled(stream, [make_signal(bar=0)])
    frames = stream.frames(None)
    await anext(frames)
    await settled(stream, [make_signal(bar=1)])
    assert [place(event) for event in await take(frames, 1)] == ["7-1"]


@pytest.mark.parametrize(
    ("last", "ids"),
    [
        ("7-0", ["7-1", "7-2"]),
        ("7-1", ["7-2"]),
        ("6-1", ["7-0", "7-1", "7-2"]),  # of an earlier process: all that is remembered
        ("nonsense", ["7-0", "7-1", "7-2"]),
        ("7-x", ["7-0", "7-1", "7-2"]),
        ("7-²", ["7-0", "7-1", "7-2"]),
        ("", ["7-0", "7-1", "7-2"]),
    ],
)
async def test_a_listener_resumes_after_its_last_event(
    stream: EventStream, make_signal: MakeSignal, last: str, ids: list[str]
) -> None:
    stream.open()
    await settled(stream, [make_signal(bar=bar) for bar in range(3)])
    found = await take(stream.frames(last), len(ids))
    assert [place(event) for event in found] == ids


@pytest.mark.parametrize("last", ["7-2", "7-99", f"7-{'9' * 5000}"])
async def test_who_has_seen_all_waits_for_news(
    stream: EventStream, make_signal: MakeSignal, last: str
) -> None:
    stream.open()
    await settled(stream, [make_signal(bar=bar) for bar in range(3)])
    frames = stream.frames(last)
    await anext(frames)
    await settled(stream, [make_signal(bar=3)])
    assert [place(event) for event in await take(frames, 1)] == ["7-3"]


async def test_what_is_forgotten_is_skipped_and_the_rest_is_whole(
    stream: EventStream, make_signal: MakeSignal
) -> None:
    stream.open()
    await settled(stream, [make_signal(bar=bar) for bar in range(200)])
    found = await take(stream.frames("7-3"), 64)
    assert [place(event) for event in found] == [f"7-{n}" for n in range(136, 200)]


async def test_a_listener_that_fell_behind_is_ended_not_fed_with_a_hole(
    stream: EventStream, make_signal: MakeSignal
) -> None:
    stream.open()
    frames = stream.frames(None)
    await anext(frames)
    await settled(stream, [make_signal()])
    assert [place(event) for event in await take(frames, 1)] == ["7-0"]
    await settled(stream, [make_signal(bar=bar) for bar in range(66)])
    with pytest.raises(StopAsyncIteration):
        await anext(frames)


async def test_one_write_is_bounded(make_signal: MakeSignal) -> None:
    stream = EventStream(epoch=1, memory=10_000)
    stream.open()
    await settled(stream, [make_signal(bar=bar) for bar in range(3 * BATCH)])
    frames = stream.frames("0-0")
    await anext(frames)
    assert [len(parsed(await anext(frames))) for _ in range(3)] == [BATCH] * 3


async def test_silence_is_filled_with_heartbeats(stream: EventStream) -> None:
    stream.open()
    frames = stream.frames(None)
    await anext(frames)
    assert [await anext(frames) for _ in range(2)] == [b": ping\n\n"] * 2


async def test_closing_ends_every_listener_at_once(make_signal: MakeSignal) -> None:
    stream = EventStream(epoch=1, heartbeat_s=3600)
    stream.open()
    waiting = [asyncio.ensure_future(collect(stream.frames(None))) for _ in range(3)]
    await asyncio.sleep(0)
    stream.close()
    async with asyncio.timeout(120):
        await asyncio.gather(*waiting)
    stream.committed([make_signal()], [])  # nobody is left, and nothing happens


async def collect(frames: AsyncIterator[bytes]) -> list[bytes]:
    return [frame async for frame in frames]


async def test_commits_of_another_thread_arrive_in_order(make_signal: MakeSignal) -> None:
    stream = EventStream(epoch=1)
    stream.open()
    frames = stream.frames(None)
    await anext(frames)
    signals = [make_signal(bar=bar) for bar in range(100)]
    thread = threading.Thread(
        target=lambda: [stream.committed([each], []) for each in signals]  # type: ignore[func-returns-value]  # a loop in a lambda
    )
    thread.start()
    found = await take(frames, 100)
    thread.join()
    assert [event["data"]["candle_open_ms"] for event in found] == [
        each.signal.candle_open_ms for each in signals
    ]


def test_a_commit_before_the_start_or_after_the_end_of_the_loop_is_harmless(
    make_signal: MakeSignal,
) -> None:
    stream = EventStream(epoch=1)
    stream.committed([make_signal()], [])

    async def run() -> None:
        stream.open()

    asyncio.run(run())
    stream.committed([make_signal()], [])


async def test_health_is_told_as_healthz_tells_it(stream: EventStream, engine: Any) -> None:
    stream.open()
    frames = stream.frames(None)
    await anext(frames)
    report: HealthReport = engine.report()
    stream.health_changed(report)
    (event,) = await take(frames, 1)
    assert event["event"] == "health"
    assert event["data"]["status"] == "starting"


def test_the_number_of_listeners_is_limited(stream: EventStream) -> None:
    held = [stream.listening() for _ in range(MAX_LISTENERS)]
    for each in held:
        assert not stream.full
        each.__enter__()
    assert stream.full
    held[0].__exit__(None, None, None)
    assert not stream.full


class Store:
    """Commits as a database would have them, without one."""

    def __init__(self) -> None:
        self.kept: list[Commit] = []
        self.asked: list[tuple[int, int]] = []

    def keep(self, signals: list[StoredSignal], outcomes: list[Outcome]) -> None:
        self.kept.append(Commit(signals[0].created_ms, signals, outcomes))

    def newest_ms(self) -> int:
        return max((commit.at_ms for commit in self.kept), default=0)

    def commits(self, since_ms: int, until_ms: int, limit: int) -> list[Commit] | None:
        self.asked.append((since_ms, until_ms))
        found = [commit for commit in self.kept if since_ms <= commit.at_ms <= until_ms]
        return None if sum(len(commit.signals) for commit in found) > limit else found


class Engine:
    """Commits a bar of two coins at a time, to the store first; its process may be another one."""

    def __init__(self, make_signal: MakeSignal, make_outcome: MakeOutcome) -> None:
        self.store = Store()
        self._make_signal, self._make_outcome = make_signal, make_outcome
        self._bar = 0
        self.start(epoch=1)

    def start(self, epoch: int, memory: int = 64) -> None:
        self.stream = EventStream(epoch, memory=memory, heartbeat_s=0.05)
        self.stream.recall(self.store)
        self.stream.open()

    async def commits(self, bars: int) -> None:
        for bar in range(self._bar, self._bar + bars):
            signals = [self._make_signal(coin, bar) for coin in ("BTCUSDT", "ETHUSDT")]
            before = [self._make_signal(coin, bar - 4) for coin in ("BTCUSDT", "ETHUSDT")]
            outcomes = [self._make_outcome(each) for each in before] if bar >= 4 else []
            self.store.keep(signals, outcomes)
            self.stream.committed(signals, outcomes)
        self._bar += bars
        await asyncio.sleep(0)

    def everything(self) -> set[tuple[str, str]]:
        signals = [("signal", each.signal.id) for commit in self.store.kept for each in commit[1]]
        outcomes = [
            ("outcome", each.prediction_id) for commit in self.store.kept for each in commit[2]
        ]
        return {*signals, *outcomes}


class Client:
    """Listens for some events, is cut off, and comes back with the id of the last."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.heard: list[tuple[str, str]] = []

    async def listen(self, stream: EventStream, count: int | None = None) -> None:
        """`count` events, or all there are."""
        async for chunk in stream.frames(self.last):
            for event in parsed(chunk):
                if event == {"": "ping"}:
                    return
                if "data" not in event:
                    continue
                self.last = event["id"]
                body = event["data"]
                told = body.get("prediction_id") or body.get("since")
                told = told or f"{body['symbol']}:15m:{body['candle_open_ms']}"
                self.heard.append((event["event"], told))
                if count is not None and (count := count - 1) == 0:
                    return


@pytest.fixture
async def served(make_signal: MakeSignal, make_outcome: MakeOutcome) -> Engine:
    return Engine(make_signal, make_outcome)


@pytest.mark.parametrize("seed", range(12))
async def test_who_comes_back_misses_nothing_however_often_anybody_restarts(
    served: Engine, seed: int
) -> None:
    """Random cuts in the midst of commits, restarts, and a memory of a few events."""
    dice, client, first = random.Random(seed), Client(), Client()
    await served.commits(1)
    first.last = client.last = "0-x-1"  # from before anything
    for epoch in range(2, 30):
        await served.commits(dice.randrange(4))
        if dice.random() < 0.5:
            await client.listen(served.stream, dice.randrange(1, 12))
        if dice.random() < 0.4:
            await served.commits(dice.randrange(3))  # committed, and told to nobody
            served.start(epoch, memory=dice.choice((3, 8, 64)))
    await client.listen(served.stream)
    await first.listen(served.stream)
    assert set(client.heard) == served.everything()
    assert set(first.heard) == served.everything()
    signals = [told.rpartition(":")[2] for kind, told in first.heard if kind == "signal"]
    assert signals == sorted(signals), "in the order of the commits"


async def test_within_one_process_nothing_is_told_twice(served: Engine) -> None:
    client = Client()
    await served.commits(1)
    client.last = "0-x-1"
    await client.listen(served.stream, 1)
    for _ in range(20):
        await served.commits(1)
        await client.listen(served.stream, 2)
    await client.listen(served.stream)
    twice = {told for told in client.heard if client.heard.count(told) > 1}
    assert twice <= {("signal", "BTCUSDT:15m:1764547200000")}, "but for the commit it was cut in"
    assert len(served.store.asked) <= 2


async def test_who_missed_too_much_is_told_where_it_stands(
    served: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MOST_AGAIN", 10)
    client = Client()
    await served.commits(1)
    client.last = "0-x-1764548102113"
    await served.commits(20)
    served.start(epoch=2)
    await served.commits(1)
    await client.listen(served.stream)
    assert client.heard[0] == ("missed", "2025-12-01T00:15:02.113Z")
    assert [kind for kind, _ in client.heard[1:]] == ["outcome", "outcome", "signal", "signal"]
    again = len(client.heard)
    await client.listen(served.stream)
    assert len(client.heard) == again
