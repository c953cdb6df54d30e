"""The event stream by itself: order, resuming, falling behind, threads."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from crypto_bot.adapters.web import EventStream
from crypto_bot.adapters.web.event_stream import BATCH, MAX_LISTENERS
from crypto_bot.domain.outcome import Outcome
from crypto_bot.ports import StoredSignal
from crypto_bot.services.health import HealthReport

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
    async with asyncio.timeout(5):
        while len(found) < count:
            found += [event for event in parsed(await anext(frames)) if "data" in event]
    return found


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
    assert (outcome["event"], outcome["id"]) == ("outcome", "7-0")
    assert outcome["data"]["prediction_id"] == first.signal.id
    assert (signal["event"], signal["id"]) == ("signal", "7-1")
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
    assert [event["id"] for event in await take(frames, 1)] == ["7-1"]


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
    assert [event["id"] for event in found] == ids


@pytest.mark.parametrize("last", ["7-2", "7-99", f"7-{'9' * 5000}"])
async def test_who_has_seen_all_waits_for_news(
    stream: EventStream, make_signal: MakeSignal, last: str
) -> None:
    stream.open()
    await settled(stream, [make_signal(bar=bar) for bar in range(3)])
    frames = stream.frames(last)
    await anext(frames)
    await settled(stream, [make_signal(bar=3)])
    assert [event["id"] for event in await take(frames, 1)] == ["7-3"]


async def test_what_is_forgotten_is_skipped_and_the_rest_is_whole(
    stream: EventStream, make_signal: MakeSignal
) -> None:
    stream.open()
    await settled(stream, [make_signal(bar=bar) for bar in range(200)])
    found = await take(stream.frames("7-3"), 64)
    assert [event["id"] for event in found] == [f"7-{n}" for n in range(136, 200)]


async def test_a_listener_that_fell_behind_is_ended_not_fed_with_a_hole(
    stream: EventStream, make_signal: MakeSignal
) -> None:
    stream.open()
    frames = stream.frames(None)
    await anext(frames)
    await settled(stream, [make_signal()])
    assert [event["id"] for event in await take(frames, 1)] == ["7-0"]
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
    async with asyncio.timeout(1):
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
