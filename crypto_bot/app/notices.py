"""Notices about the engine: from its sinks, and from watching its health."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog

from crypto_bot.adapters.notify.apprise_receiver import open_receivers
from crypto_bot.adapters.notify.channel import Post
from crypto_bot.app.service_settings import NotifySettings
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.notice import Level, Notice, QuietHours, zone_of
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.engine.health import HealthReport, Status
from crypto_bot.engine.paper.notices import PaperChanges
from crypto_bot.ports import ChannelCounts, Clock, ModelCatalog, PaperTrading, StoredSignal
from crypto_bot.reports.notices import HealthChanges, ModelChanges, of_signals, started, stopped
from crypto_bot.reports.outbox import Rules

_CHECK_S = 1.0
_CHECKS_PER_CATALOG = 60
"""Checks between two reads of the catalogue, which only reads changed files."""
_FLUSH_S = 0.8
"""Time for the last notices; the daemon ends within two seconds."""

_log = structlog.get_logger()


class Notices:
    """The engine's `Notifier`, sink and health watch; without a URL only the watch is active.

    `clock` is the real one, however fast the market's may be. Raises ConfigError for a URL
    that Apprise does not accept.
    """

    def __init__(self, settings: NotifySettings, clock: Clock) -> None:
        self._post = None
        if settings.urls is not None:
            receivers = open_receivers(settings.urls.get_secret_value())
            self._post = Post(receivers, rules(settings), clock)
        self._paper = PaperChanges()
        self._flushes: list[asyncio.Task[None]] = []
        self.models: Sequence[ModelEntry] = ()
        """The catalogue when it was last read; empty before the first cycle."""

    def notify(self, notice: Notice) -> None:
        if self._post is not None:
            self._post.notify(notice)

    def counts(self) -> list[ChannelCounts]:
        return [] if self._post is None else self._post.counts()

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 - a sink
        """Sends notices of the tradeable signals."""
        if self._post is not None:
            self._notify_all(of_signals(signals))

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:
        """Sends notices of paper fills, and of a breaker that stopped an account."""
        if self._post is not None:
            self._notify_all(self._paper.traded(events, refusals))

    def started(self, coins: int, timeframe: str, url: str) -> None:
        """Sends the notice that the API is up."""
        self.notify(started(coins=coins, timeframe=timeframe, url=url))

    async def watch(
        self,
        health: Callable[[], HealthReport],
        catalog: ModelCatalog,
        paper: PaperTrading,
        now_ms: Callable[[], int],
    ) -> None:
        """Sends notices of changes until it is cancelled; `now_ms` is the engine's clock.

        The models are checked only after the first cycle, which loads them.
        """
        changes, models = HealthChanges(), ModelChanges()
        checks = 0
        while True:
            try:
                report = health()
                self._notify_all(changes.seen(report, now_ms()))
                if self._post is not None:
                    switch = await asyncio.to_thread(paper.kill_switch)
                    self._notify_all(self._paper.switched(switch))
                if report.status is not Status.STARTING:
                    if checks % _CHECKS_PER_CATALOG == 0:
                        self.models = await asyncio.to_thread(catalog.entries)
                        self._notify_all(models.seen(self.models))
                    checks += 1
            except Exception:  # noqa: BLE001 - a job's edge: a bug must not end the watch
                _log.exception("notices.failed")
            await asyncio.sleep(_CHECK_S)

    def _notify_all(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self.notify(notice)

    def ending(self, failure: str | None) -> None:
        """Sends the notice that the engine ends, and starts to flush the queues."""
        self.notify(stopped(failure))
        if self._post is not None:
            self._post.close()
            self._flushes = [
                asyncio.create_task(asyncio.to_thread(channel.join, _FLUSH_S))
                for channel in self._post.channels
            ]

    async def close(self) -> None:
        """Waits until the queues are flushed or the time is over."""
        await asyncio.gather(*self._flushes)


def rules(settings: NotifySettings) -> Rules:
    """Level and quiet hours from the settings. Raises ConfigError."""
    quiet = None
    if settings.quiet_hours is not None:
        quiet = QuietHours.parse(settings.quiet_hours, settings.zone)
    return Rules(Level[settings.level.upper()], quiet, zone_of(settings.zone))
