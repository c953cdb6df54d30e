"""Server-sent events: what was committed, told to whoever listens, from a bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from typing import NamedTuple

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from crypto_bot.adapters.web.bodies import Body
from crypto_bot.adapters.web.paper import PaperEventBody
from crypto_bot.adapters.web.schemas import HealthBody, MissedBody, OutcomeBody, SignalBody
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import CommitHistory, StoredSignal

MAX_LISTENERS = 64
BATCH = 64
"""Events in one write: what a stalled client can hold beyond the common memory."""
RECONNECT_MS = 2_000
MOST_AGAIN = 4_096
"""Signals that are told again to one listener; who missed more is told so, and reads the log."""
_AGAIN = "x"
_MARGIN_MS = 60_000
"""The engine's clock may have been corrected by so much meanwhile."""


class _Event:
    """Encoded when the first listener needs it; nobody listens to most of a catch-up."""

    __slots__ = ("_body", "_frame", "_kind", "_mark", "lacks_ms")

    def __init__(self, mark: str, kind: str, body: Callable[[], Body], lacks_ms: int) -> None:
        self.lacks_ms = lacks_ms
        """A memory that begins with this event lacks what was committed up to then."""
        self._mark = mark
        self._kind = kind
        self._body = body
        self._frame: bytes | None = None

    def frame(self) -> bytes:
        if self._frame is None:
            data = self._body().model_dump_json()
            self._frame = format_sse_event(data_str=data, event=self._kind, id=self._mark)
        return self._frame


class _Mark(NamedTuple):
    """The id of an event, `<epoch>-<number>-<at_ms>`.

    `at_ms`: when the newest signal was made that a listener has been told of when it has this event
    and all before. An event that is told again from the store has `_AGAIN` for a number.
    """

    epoch: str
    number: str
    at_ms: str

    @classmethod
    def parse(cls, text: str) -> _Mark:
        """A part that is missing or no number is empty."""
        epoch, number, at_ms = (*text.split("-"), "", "", "")[:3]
        return cls(epoch, _digits(number), _digits(at_ms))


class EventStream:
    """A sink of the engine on one side, the listeners of `/api/stream` on the other.

    All listeners read the same memory of the newest `memory` events, each at its own place, so a
    slow one costs nothing: when the memory has moved past its place it is disconnected. Whoever
    comes back with the id of an event gets everything after it: from the memory, and what that has
    no more, or an earlier process told, from the store. At least once: what is told twice has the
    same signal or prediction id. `epoch` tells the ids of this process from those of another.
    """

    def __init__(self, epoch: int, *, memory: int = 2048, heartbeat_s: float = 15.0) -> None:
        self._epoch = epoch
        self._events: deque[_Event] = deque(maxlen=memory)
        self._next = 0
        self._heartbeat_s = heartbeat_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._closed = False
        self._history: CommitHistory | None = None
        self._made_ms = 0
        self.listeners = 0

    def recall(self, history: CommitHistory) -> None:
        """Before the first commit: where to read what the memory has no more."""
        self._history = history
        self._made_ms = history.newest_ms()

    def open(self) -> None:
        """From here on events are kept; to be called in the event loop of the server."""
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """Ends every stream; to be called in the event loop of the server."""
        self._closed = True
        self._loop = None
        self._news.set()

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """From any thread; before `open` and after `close` nobody can be listening."""
        told: list[tuple[str, Callable[[], Body]]] = []
        told += [("outcome", partial(OutcomeBody.of, outcome)) for outcome in outcomes]
        told += [("signal", partial(SignalBody.of, stored)) for stored in signals]
        self._hand_over(told, max((stored.created_ms for stored in signals), default=0))

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:  # noqa: ARG002 - a sink's
        """Fills of the paper accounts, and what moved their cash otherwise; from any thread."""
        told = [event for event in events if event.kind is not Kind.STOP]
        self._hand_over([("paper", partial(PaperEventBody.of, event)) for event in told], 0)

    def health_changed(self, report: HealthReport) -> None:
        """From any thread."""
        self._hand_over([("health", partial(HealthBody.of, report))], 0)

    @property
    def full(self) -> bool:
        """Whether one more listener is one too many."""
        return self.listeners >= MAX_LISTENERS

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Counts a listener."""
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1

    async def frames(self, last_event_id: str | None) -> AsyncIterator[bytes]:
        """What a listener is sent: all that came after `last_event_id`, then the news."""
        at, again_ms = self._resume_at(last_event_id)
        yield format_sse_event(retry=RECONNECT_MS)
        if again_ms is not None:
            try:
                async for frame in self._again(again_ms):
                    yield frame
            except StoreError:
                return  # it comes again, and asks for the same
        while not self._closed and at >= self._oldest:
            if at < self._next:
                skipped = at - self._oldest
                batch = list(islice(self._events, skipped, skipped + BATCH))
                at += len(batch)
                yield b"".join(event.frame() for event in batch)
                continue
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await self._news.wait()
            except TimeoutError:
                yield KEEPALIVE_COMMENT

    @property
    def _oldest(self) -> int:
        return self._next - len(self._events)

    def _resume_at(self, last_event_id: str | None) -> tuple[int, int | None]:
        """A place in the memory, and from when on the store is needed before it, if it is."""
        if last_event_id is None:
            return self._next, None
        mark = _Mark.parse(last_event_id)
        at = 0
        if mark.epoch == str(self._epoch) and mark.number:
            at = min(int(mark.number) + 1, self._next)
            if at >= self._oldest:
                return at, None
        return max(at, self._oldest), int(mark.at_ms) if mark.at_ms else None

    async def _again(self, since_ms: int) -> AsyncIterator[bytes]:
        """What was committed from `since_ms` up to the oldest event of the memory."""
        if self._history is None:
            return
        until_ms = self._events[0].lacks_ms if self._events else self._made_ms
        commits = await asyncio.to_thread(
            self._history.commits, since_ms - _MARGIN_MS, until_ms, MOST_AGAIN
        )
        if commits is None:
            body = MissedBody(since=instant(since_ms), until=instant(until_ms))
            commits = []
            yield self._told_again("missed", body, until_ms)
        for commit in commits:
            bodies: list[tuple[str, Body]] = []
            bodies += [("outcome", OutcomeBody.of(outcome)) for outcome in commit.outcomes]
            bodies += [("signal", SignalBody.of(stored)) for stored in commit.signals]
            # Whoever is cut off in the midst of a commit must get all of it again.
            for at_ms, part in ((commit.at_ms - 1, bodies[:-1]), (commit.at_ms, bodies[-1:])):
                if part:
                    yield b"".join(self._told_again(kind, body, at_ms) for kind, body in part)

    def _told_again(self, kind: str, body: Body, at_ms: int) -> bytes:
        mark = f"{self._epoch}-{_AGAIN}-{at_ms}"
        return format_sse_event(data_str=body.model_dump_json(), event=kind, id=mark)

    def _hand_over(self, told: Sequence[tuple[str, Callable[[], Body]]], made_ms: int) -> None:
        loop = self._loop
        if loop is None or not told:
            return
        with suppress(RuntimeError):  # the loop ended since: nobody is listening any more
            loop.call_soon_threadsafe(self._append, told, made_ms)

    def _append(self, told: Sequence[tuple[str, Callable[[], Body]]], made_ms: int) -> None:
        before_ms, self._made_ms = self._made_ms, max(self._made_ms, made_ms)
        for number, (kind, body) in enumerate(told, 1):
            # Whoever has not heard all of a commit has heard of nothing but what was before it,
            # and a memory that has not all of it has nothing of it.
            heard_ms = self._made_ms if number == len(told) else before_ms
            mark = f"{self._epoch}-{self._next}-{heard_ms}"
            lacks_ms = before_ms if number == 1 else self._made_ms
            self._events.append(_Event(mark, kind, body, lacks_ms))
            self._next += 1
        self._news.set()
        if not self._closed:
            self._news = asyncio.Event()


def _digits(text: str) -> str:
    """The number that `text` writes, no longer than any of ours; else nothing."""
    return text[:18] if text.isascii() and text.isdigit() else ""


class EventResponse(StreamingResponse):
    """One listener, counted for as long as it is connected."""

    media_type = "text/event-stream"

    def __init__(self, stream: EventStream, last_event_id: str | None) -> None:
        super().__init__(
            stream.frames(last_event_id),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._stream.listening():
            await super().__call__(scope, receive, send)
