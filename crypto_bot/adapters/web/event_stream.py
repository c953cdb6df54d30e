"""Server-sent events: commits, sent to every listener from a bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from crypto_bot.adapters.web.bodies import Body
from crypto_bot.adapters.web.paper import PaperEventBody
from crypto_bot.adapters.web.schemas import HealthBody, MissedBody, OutcomeBody, SignalBody
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import Commit, CommitHistory

MAX_LISTENERS = 64
BATCH = 64
"""Events in one write: what a stalled client can hold beyond the common memory."""
RECONNECT_MS = 2_000
MOST_AGAIN = 4_096
"""Signals that one listener is sent again; one that missed more reads the log."""

_Bodies = Sequence[tuple[str, Callable[[], Body]]]


@dataclass(slots=True)
class _Event:
    """Encoded when the first listener needs it; most of a catch-up has no listener."""

    kind: str
    body: Callable[[], Body]
    place: tuple[int, bool]
    """The number of its commit and False; of other events that of the commit before and True."""
    lacks: int
    """A memory that begins with this event lacks the commits up to this one."""
    commit: int | None
    _frame: bytes | None = None

    def frame(self) -> bytes:
        if self._frame is None:
            self._frame = _frame(self.kind, self.body(), self.commit)
        return self._frame


class EventStream:
    """Commits and events of the engine on one side, the listeners of `/api/stream` on the other.

    The id of an event is the number of its commit. The last event of a commit has it and the others
    have none, so that a client that is cut off in the midst of a commit asks for all of it again.

    All listeners read the same memory of the newest `memory` events, each at its own place, so a
    slow one costs nothing: when the memory has moved past its place it is disconnected. One that
    comes back with an id gets every commit after it: from the memory, and what that no longer has,
    or an earlier process committed, from the store. At least once: what is sent twice has the same
    signal or prediction id. `paper` and `health` events are sent again from the memory alone.
    """

    def __init__(self, *, memory: int = 2048, heartbeat_s: float = 15.0) -> None:
        self._events: deque[_Event] = deque(maxlen=memory)
        self._next = 0
        self._heartbeat_s = heartbeat_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._closed = False
        self._history: CommitHistory | None = None
        self._newest = 0
        self.listeners = 0

    def recall(self, history: CommitHistory) -> None:
        """Before the first commit: where to read what the memory no longer has. Reads the store."""
        self._history = history
        self._newest = history.newest()

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

    def committed(self, commit: Commit) -> None:
        """From any thread; there is no listener before `open` and after `close`."""
        if self._loop is None:
            self._newest = commit.number
        self._hand_over(_bodies(commit), commit.number)

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:  # noqa: ARG002 - a sink's
        """Fills and other cash changes of the paper accounts; from any thread."""
        shown = [event for event in events if event.kind is not Kind.STOP]
        self._hand_over([("paper", partial(PaperEventBody.of, event)) for event in shown])

    def health_changed(self, report: HealthReport) -> None:
        """From any thread."""
        self._hand_over([("health", partial(HealthBody.of, report))])

    @property
    def full(self) -> bool:
        """Whether the maximum number of listeners is reached."""
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
        """What a listener is sent: every commit after `last_event_id`, then the news."""
        try:
            after = await self._after(last_event_id)
            at, lacks = self._resume_at(after)
            # A client that is disconnected during its first commit resumes with this id.
            yield format_sse_event(retry=RECONNECT_MS, id=str(after))
            if after < lacks:
                async for frame in self._again(after, lacks):
                    yield frame
        except StoreError:
            return  # the client reconnects with the same id
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

    async def _after(self, last_event_id: str | None) -> int:
        """The commit after which a listener resumes; without an id of ours, the newest.

        Ids were once `<process>-<number>-<time in ms>`. A client that still has one resumes after
        the newest commit of that time.
        """
        text = last_event_id or ""
        if _is_number(text):
            return min(int(text), self._newest)
        process, _, rest = text.partition("-")
        at_ms = rest.rpartition("-")[2]
        if self._history is not None and _is_number(process) and _is_number(at_ms):
            return await asyncio.to_thread(self._history.number_at, int(at_ms))
        return self._newest

    def _resume_at(self, after: int) -> tuple[int, int]:
        """A place in the memory, and the newest commit that must be read from the store before it.

        Where the memory begins in the midst of a commit, the store has that one whole.
        """
        lacks = self._events[0].lacks if self._events else self._newest
        end = (max(after, lacks), False)
        passed = sum(event.place <= end for event in self._events)
        return self._oldest + passed, lacks

    async def _again(self, after: int, until: int) -> AsyncIterator[bytes]:
        """The commits in `(after, until]`, or the event that there are too many."""
        history = self._history
        if history is None:
            return
        commits = await asyncio.to_thread(history.commits, after, until, MOST_AGAIN)
        if commits is None:
            since_ms, until_ms = await asyncio.to_thread(history.span_ms, after, until)
            body = MissedBody(since=instant(since_ms), until=instant(until_ms))
            yield _frame("missed", body, until)
            return
        for commit in commits:
            bodies = _bodies(commit)
            yield b"".join(
                _frame(kind, body(), commit.number if left == 0 else None)
                for left, (kind, body) in zip(range(len(bodies))[::-1], bodies, strict=True)
            )

    def _hand_over(self, bodies: _Bodies, commit: int | None = None) -> None:
        loop = self._loop
        if loop is None or not (bodies or commit):
            return
        with suppress(RuntimeError):  # the loop has ended: there are no listeners
            loop.call_soon_threadsafe(self._append, bodies, commit)

    def _append(self, bodies: _Bodies, commit: int | None) -> None:
        before, self._newest = self._newest, commit or self._newest
        for left, (kind, body) in zip(range(len(bodies))[::-1], bodies, strict=True):
            is_first = left == len(bodies) - 1
            lacks = before if is_first else self._newest
            event_id = commit if left == 0 else None
            place = (self._newest, commit is None)
            self._events.append(_Event(kind, body, place, lacks, event_id))
            self._next += 1
        self._news.set()
        if not self._closed:
            self._news = asyncio.Event()


def _bodies(commit: Commit) -> _Bodies:
    return [
        *(("outcome", partial(OutcomeBody.of, outcome)) for outcome in commit.outcomes),
        *(("signal", partial(SignalBody.of, stored)) for stored in commit.signals),
    ]


def _frame(kind: str, body: Body, commit: int | None) -> bytes:
    event_id = None if commit is None else str(commit)
    return format_sse_event(data_str=body.model_dump_json(), event=kind, id=event_id)


def _is_number(text: str) -> bool:
    """Whether `text` is a valid commit number: decimal digits, limited in length."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


_DIGITS = 18


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
