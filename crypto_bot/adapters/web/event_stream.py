"""Server-sent events: what was committed, told to whoever listens, from a bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from crypto_bot.adapters.web.paper import PaperEventBody
from crypto_bot.adapters.web.schemas import Body, HealthBody, OutcomeBody, SignalBody
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.ports import StoredSignal
from crypto_bot.services.health import HealthReport

MAX_LISTENERS = 64
BATCH = 64
"""Events in one write: what a stalled client can hold beyond the common memory."""
RECONNECT_MS = 2_000


class _Event:
    """Encoded when the first listener needs it; nobody listens to most of a catch-up."""

    __slots__ = ("_body", "_frame", "_kind", "_mark")

    def __init__(self, mark: str, kind: str, body: Callable[[], Body]) -> None:
        self._mark = mark
        self._kind = kind
        self._body = body
        self._frame: bytes | None = None

    def frame(self) -> bytes:
        if self._frame is None:
            data = self._body().model_dump_json()
            self._frame = format_sse_event(data_str=data, event=self._kind, id=self._mark)
        return self._frame


class EventStream:
    """A sink of the engine on one side, the listeners of `/api/stream` on the other.

    All listeners read the same memory of the newest `memory` events, each at its own place, so a
    slow one costs nothing: when the memory has moved past its place it is disconnected, and resumes
    with what is left. `epoch` tells the ids of this process from those of an earlier one.
    """

    def __init__(self, epoch: int, *, memory: int = 2048, heartbeat_s: float = 15.0) -> None:
        self._epoch = epoch
        self._events: deque[_Event] = deque(maxlen=memory)
        self._next = 0
        self._heartbeat_s = heartbeat_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._closed = False
        self.listeners = 0

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
        self._hand_over(told)

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:  # noqa: ARG002 - a sink's
        """Fills of the paper accounts, and what moved their cash otherwise; from any thread."""
        told = [event for event in events if event.kind is not Kind.STOP]
        self._hand_over([("paper", partial(PaperEventBody.of, event)) for event in told])

    def health_changed(self, report: HealthReport) -> None:
        """From any thread."""
        self._hand_over([("health", partial(HealthBody.of, report))])

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
        """What a listener is sent: all after `last_event_id` that is remembered, then the news."""
        at = self._resume_at(last_event_id)
        yield format_sse_event(retry=RECONNECT_MS)
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

    def _resume_at(self, last_event_id: str | None) -> int:
        if last_event_id is None:
            return self._next
        epoch, _, number = last_event_id.partition("-")
        if epoch != str(self._epoch) or not (number.isascii() and number.isdigit()):
            return self._oldest
        return min(max(int(number[:18]) + 1, self._oldest), self._next)

    def _hand_over(self, told: Sequence[tuple[str, Callable[[], Body]]]) -> None:
        loop = self._loop
        if loop is None or not told:
            return
        with suppress(RuntimeError):  # the loop ended since: nobody is listening any more
            loop.call_soon_threadsafe(self._append, told)

    def _append(self, told: Sequence[tuple[str, Callable[[], Body]]]) -> None:
        for kind, body in told:
            self._events.append(_Event(f"{self._epoch}-{self._next}", kind, body))
            self._next += 1
        self._news.set()
        if not self._closed:
            self._news = asyncio.Event()


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
