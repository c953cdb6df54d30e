"""What all open pages share: the newest snapshot, made once after a cycle, and where to read on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from nicegui import Event

from crypto_bot.adapters.web.page.readings import Readings, Sources, read, repriced
from crypto_bot.adapters.web.page.snapshot import EMPTY, Snapshot, snapshot_of
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.outcome import Outcome
from crypto_bot.engine.health import Status
from crypto_bot.ports import StoredSignal
from crypto_bot.reports.live_record import LiveRecord

BEAT_S = 5.0
"""Interval of the events that show an open page that the server is there."""
_STARTING_S = 1.0
"""The same while the engine starts and says how far it is."""
_REST_S = 0.5
"""Before each snapshot: a round has committed the rest of its coins by then, undisturbed."""
_MANY_COINS = 64
"""Of more the calls of a week are read for a second and longer, of 512 coins for 6 s."""

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class Board(Sources):
    """A sink of the engine on one side, the open pages on the other.

    `changed` is emitted for a new snapshot, `beaten` as time passes; both in the event loop that
    `open` was called in.
    """

    snapshot: Snapshot = field(default=EMPTY, init=False)
    changed: Event[[]] = field(default_factory=Event, init=False)
    beaten: Event[[]] = field(default_factory=Event, init=False)

    def __post_init__(self) -> None:
        self.record = LiveRecord(self.queries, self.catalog, self.now_ms)
        self._readings: Readings | None = None
        self._renewing = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def committed(
        self,
        signals: Sequence[StoredSignal],  # noqa: ARG002 - the port's; all is read from the store
        outcomes: Sequence[Outcome],  # noqa: ARG002
    ) -> None:
        """From any thread; before `open` nobody can be looking."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended since: nobody is looking any more
                self._loop.call_soon_threadsafe(self._news.set)

    def open(self) -> None:
        """From here on pages are updated; to be called in the event loop of the server."""
        self._loop = asyncio.get_running_loop()
        self._news.set()
        self._tasks = [
            asyncio.create_task(self._follow(), name="page"),
            asyncio.create_task(self._beat(), name="page beat"),
        ]

    async def close(self) -> None:
        """Ends the updates."""
        self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def renew(self) -> None:
        """Makes a snapshot of what is stored now, and updates the pages. Raises StoreError."""
        async with self._renewing:
            self._news.clear()
            version = self.snapshot.version + 1
            headline = await asyncio.to_thread(self.record.headline, version)
            self._readings = await asyncio.to_thread(read, self, headline, self._readings)
            await self._show(self._readings, version)

    async def reprice(self) -> None:
        """The same at the prices and the health of now, without reading the store's log."""
        async with self._renewing:
            if self._readings is not None:
                now = await asyncio.to_thread(repriced, self, self._readings)
                await self._show(now, self.snapshot.version)

    async def _show(self, readings: Readings, version: int) -> None:
        self.snapshot = await asyncio.to_thread(
            snapshot_of, readings, before=self.snapshot, version=version
        )
        self.changed.emit()
        self.beaten.emit()

    async def newest(self) -> Snapshot:
        """The snapshot of what is stored now: nobody looking, none is made after a cycle.

        Of many coins the first is without their record, which follows while somebody looks.
        Raises StoreError.
        """
        if len(self.symbols) > _MANY_COINS and self.snapshot.version == 0:
            if self.snapshot is EMPTY or not self._renewing.locked():
                await self._begin()
        elif self._news.is_set() or self.snapshot is EMPTY:
            await self.renew()
        return self.snapshot

    async def _begin(self) -> None:
        async with self._renewing:
            if self.snapshot.version == 0:
                unread = self.record.unread()
                self._readings = await asyncio.to_thread(read, self, unread, self._readings)
                await self._show(self._readings, version=0)

    def next_close_ms(self) -> int:
        """When the candle of now closes."""
        return self.timeframe.close_of(self.timeframe.open_of(self.now_ms()))

    def good_ms(self) -> int:
        """Up to when what the pages show is known to be current."""
        report = self.health()
        good_ms = self.now_ms() - (report.lag_ms or 0)
        down_ms = report.health.exchange_down_since_ms
        return good_ms if down_ms is None else min(good_ms, down_ms)

    async def _follow(self) -> None:
        """A snapshot after each cycle and each change of health or prices, while somebody looks.

        None before: reading the live record would cost every start time and memory.
        """
        shown_for: tuple[object, ...] = ()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._news.wait()
            await asyncio.sleep(_REST_S)
            report = self.health()
            now = (report.status, report.reasons, self.quotes())
            if not (self.changed.callbacks and (self._news.is_set() or now != shown_for)):
                continue
            is_news, shown_for = self._news.is_set(), now
            try:
                await (self.renew() if is_news else self.reprice())
            except StoreError as error:
                _log.error("page.failed", error=str(error))

    async def _beat(self) -> None:
        while True:
            self.beaten.emit()
            is_starting = self.health().status is Status.STARTING
            await asyncio.sleep(_STARTING_S if is_starting else BEAT_S)
