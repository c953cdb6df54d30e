"""The event stream by itself: order, resuming, falling behind, threads."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from crypto_bot.adapters.web import EventStream, event_stream
from crypto_bot.adapters.web.event_stream import BATCH
from crypto_bot.adapters.web.schemas import SignalBody
from crypto_bot.domain.outcome import Outcome
from crypto_bot.ports import Commit, StoredSignal
from tests.adapters.web.conftest import make_outcome, make_signal


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


def bars(events: list[dict[str, Any]]) -> list[int]:
    """The candles of the signals, counted from the first of the fixture."""
    first_ms = 1_764_547_200_000
    return [(event["data"]["candle_open_ms"] - first_ms) // 900_000 for event in events]


async def commit(
    stream: EventStream,
    number: int,
    signals: list[StoredSignal],
    outcomes: Sequence[Outcome] = (),
) -> None:
    """Commits `signals` and lets the loop take them in."""
    stream.committed(Commit(number, signals, list(outcomes)))
    await asyncio.sleep(0)


async def listening(stream: EventStream, last: str | None = None) -> AsyncIterator[bytes]:
    """What a listener is sent after the first frame, which has the id to come back with."""
    stream.open()
    frames = stream.frames(last)
    await anext(frames)
    return frames


async def test_outcomes_come_before_the_signals_and_the_last_event_has_the_number(
    stream: EventStream,
) -> None:
    frames = await listening(stream)
    first, second = make_signal(bar=0), make_signal(bar=5)
    await commit(stream, 7, [second], [make_outcome(first)])
    outcome, signal = await take(frames, 2)
    assert (outcome["event"], outcome.get("id")) == ("outcome", None)
    assert outcome["data"]["prediction_id"] == first.signal.id
    assert (signal["event"], signal["id"]) == ("signal", "7")
    assert signal["data"] == json.loads(SignalBody.of(second).model_dump_json())


@pytest.mark.parametrize("last", [None, "", "nonsense", "²", "x-1", "9" * 5000, "99"])
async def test_without_a_known_commit_only_new_events_are_sent(
    stream: EventStream, last: str | None
) -> None:
    stream.open()
    await commit(stream, 1, [make_signal(bar=0)])
    frames = stream.frames(last)
    assert parsed(await anext(frames)) == [{"id": "1", "retry": "2000"}]
    await commit(stream, 2, [make_signal(bar=1)])
    assert bars(await take(frames, 1)) == [1]


async def test_a_listener_that_fell_behind_is_disconnected(stream: EventStream) -> None:
    frames = await listening(stream)
    await commit(stream, 1, [make_signal()])
    assert bars(await take(frames, 1)) == [0]
    await commit(stream, 2, [make_signal(bar=bar) for bar in range(66)])
    with pytest.raises(StopAsyncIteration):
        await anext(frames)


async def test_one_write_is_bounded_and_an_idle_stream_gets_heartbeats() -> None:
    stream = EventStream(memory=10_000, heartbeat_s=0.05)
    stream.open()
    await commit(stream, 1, [make_signal(bar=bar) for bar in range(3 * BATCH)])
    frames = await listening(stream, "0")
    assert [len(parsed(await anext(frames))) for _ in range(3)] == [BATCH] * 3
    assert [await anext(frames) for _ in range(2)] == [b": ping\n\n"] * 2


async def test_closing_ends_every_listener_at_once() -> None:
    stream = EventStream(heartbeat_s=3600)
    stream.open()
    waiting = [asyncio.ensure_future(Client().listen(stream)) for _ in range(3)]
    await asyncio.sleep(0)
    stream.close()
    async with asyncio.timeout(120):
        await asyncio.gather(*waiting)
    stream.committed(Commit(1, [make_signal()], []))  # nobody is left, and nothing happens


async def test_commits_of_another_thread_arrive_in_order() -> None:
    stream = EventStream()
    frames = await listening(stream)

    def commits() -> None:
        for bar in range(100):
            stream.committed(Commit(bar + 1, [make_signal(bar=bar)], []))

    thread = threading.Thread(target=commits)
    thread.start()
    assert bars(await take(frames, 100)) == list(range(100))
    thread.join()


def test_a_commit_before_the_start_or_after_the_end_of_the_loop_is_harmless() -> None:
    stream = EventStream()
    stream.committed(Commit(1, [make_signal()], []))

    async def run() -> None:
        stream.open()

    asyncio.run(run())
    stream.committed(Commit(1, [make_signal()], []))


class Store:
    """Commits as a database would have them, without one."""

    def __init__(self) -> None:
        self.kept: list[Commit] = []
        self.queried: list[tuple[int, int]] = []

    def newest(self) -> int:
        return max((commit.number for commit in self.kept), default=0)

    def commits(self, after: int, until: int, limit: int) -> list[Commit] | None:
        self.queried.append((after, until))
        found = [commit for commit in self.kept if after < commit.number <= until]
        return None if sum(len(commit.signals) for commit in found) > limit else found

    def span_ms(self, after: int, until: int) -> tuple[int, int]:
        found = [c.signals[0].created_ms for c in self.kept if after < c.number <= until]
        return found[0], found[-1]

    def number_at(self, at_ms: int) -> int:
        return max((c.number for c in self.kept if c.signals[0].created_ms <= at_ms), default=0)


class Engine:
    """Commits a bar of two coins at a time, to the store first; its process may be another one.

    A call of one coin is settled 4 bars later, and one of the other 16.
    """

    def __init__(self) -> None:
        self.store = Store()
        self._bar = 0
        self.start()

    def start(self, memory: int = 64) -> None:
        self.stream = EventStream(memory=memory, heartbeat_s=0.05)
        self.stream.recall(self.store)
        self.stream.open()

    async def commits(self, bars: int, *, observed: bool = True) -> None:
        for bar in range(self._bar, self._bar + bars):
            signals = [make_signal(coin, bar) for coin in ("BTCUSDT", "ETHUSDT")]
            outcomes = [
                make_outcome(make_signal(coin, bar - horizon))
                for coin, horizon in (("BTCUSDT", 4), ("ETHUSDT", 16))
                if bar >= horizon
            ]
            commit = Commit(3 * bar + 1, signals, outcomes)
            self.store.kept.append(commit)
            if observed:
                self.stream.committed(commit)
        self._bar += bars
        await asyncio.sleep(0)

    def everything(self) -> list[tuple[str, str]]:
        """In the order of the commits."""
        found: list[tuple[str, str]] = []
        for commit in self.store.kept:
            found += [("outcome", outcome.prediction_id) for outcome in commit.outcomes]
            found += [("signal", stored.signal.id) for stored in commit.signals]
        return found


class Client:
    """Listens for some events, is cut off, and comes back with its last id."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.received: list[tuple[str, str]] = []

    async def listen(self, stream: EventStream, count: int | None = None) -> None:
        """`count` events, or all there are."""
        async for chunk in stream.frames(self.last):
            for event in parsed(chunk):
                if event == {"": "ping"}:
                    return
                self.last = event.get("id", self.last)
                if "data" not in event:
                    continue
                body = event["data"]
                name = body.get("prediction_id") or body.get("since")
                name = name or f"{body['symbol']}:15m:{body['candle_open_ms']}"
                self.received.append((event["event"], name))
                if count is not None and (count := count - 1) == 0:
                    return


@pytest.fixture
async def served() -> Engine:
    return Engine()


@pytest.mark.parametrize("seed", range(12))
async def test_reconnecting_listeners_miss_nothing_despite_restarts(
    served: Engine, seed: int
) -> None:
    """Random cuts in the midst of commits, restarts, and a memory of a few events."""
    dice, client, first = random.Random(seed), Client(), Client()
    await served.commits(1)
    first.last = client.last = "0"  # from before anything
    for _ in range(30):
        await served.commits(dice.randrange(4))
        if dice.random() < 0.5:
            await client.listen(served.stream, dice.randrange(1, 12))
        if dice.random() < 0.4:
            await served.commits(dice.randrange(3), observed=False)  # the process was killed
            served.start(memory=dice.choice((3, 8, 64)))
    await client.listen(served.stream)
    await first.listen(served.stream)
    assert first.received == served.everything(), "in the order of the commits"
    assert set(client.received) == set(served.everything())


async def test_within_one_process_nothing_but_the_commit_of_the_cut_is_sent_twice(
    served: Engine,
) -> None:
    client = Client()
    await served.commits(1)
    client.last = "0"
    await client.listen(served.stream, 1)
    for _ in range(20):
        await served.commits(1)
        await client.listen(served.stream)
    twice = {name for name in client.received if client.received.count(name) > 1}
    assert twice == {("signal", "BTCUSDT:15m:1764547200000")}
    assert served.store.queried == []


async def test_a_listener_that_missed_too_much_gets_the_time_span(
    served: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MOST_AGAIN", 10)
    client = Client()
    await served.commits(1)
    client.last = "1"
    await served.commits(20, observed=False)
    served.start()
    await served.commits(1)
    await client.listen(served.stream)
    assert client.received[0] == ("missed", "2025-12-01T00:30:02.113Z")
    assert [kind for kind, _ in client.received[1:]] == ["outcome", "outcome", "signal", "signal"]
    again = len(client.received)
    await client.listen(served.stream)
    assert len(client.received) == again


@pytest.mark.parametrize("old", ["1764540000000-17-{}", "1764540000000-x-{}"])
async def test_an_id_of_an_earlier_version_resumes_by_its_time(served: Engine, old: str) -> None:
    client = Client()
    await served.commits(10)
    client.last = old.format(served.store.kept[6].signals[0].created_ms)
    await client.listen(served.stream)
    expected = [stored.signal.id for commit in served.store.kept[7:] for stored in commit.signals]
    assert [name for kind, name in client.received if kind == "signal"] == expected
