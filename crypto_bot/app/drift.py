"""Watches whether the models still see, and do, what they learned: each hour and each day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import structlog

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.role_log import SqlRoleLog
from crypto_bot.app.market_data import open_series
from crypto_bot.app.settings import Settings
from crypto_bot.app.weekly_report import FOLDER, report_week
from crypto_bot.domain.alarm import Alarm, Drifted
from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.features.sets import feature_set
from crypto_bot.models import versions
from crypto_bot.models.registry import ModelRegistry
from crypto_bot.ports import Clock
from crypto_bot.reports.live_record import LiveRecord
from crypto_bot.reports.live_skill import LiveModel
from crypto_bot.serving.feature_windows import StoredFeatures
from crypto_bot.statistics.drift import WINDOW_BARS, Reference, drifted

HOLD_OFF_DAYS = 7
"""An alarm that stands is not raised again before."""
_NAMED = 3

_log = structlog.get_logger()


class DriftWatch:
    """The alarms that stand: `alarms`, in the log and as notices when they are raised."""

    def __init__(
        self,
        settings: Settings,
        symbols: Sequence[str],
        registry: ModelRegistry | None,
        notify: Callable[[Notice], None],
    ) -> None:
        self._settings, self._symbols, self._registry = settings, symbols, registry
        self._notify = notify
        self._raised: dict[tuple[Drifted, str | None], int] = {}
        self._of_inputs: list[Alarm] = []
        self._of_outcomes: list[Alarm] = []
        self.live: Sequence[LiveModel] = ()
        """Each model that answers, beside its tests; as of this day."""
        self.unwatched: Sequence[str] = ()
        """Coins whose model does not know what its inputs were like."""

    @property
    def alarms(self) -> Sequence[Alarm]:
        """Those that stand now."""
        return [*self._of_outcomes, *self._of_inputs]

    async def run(self, database: Database, clock: Clock, record: LiveRecord) -> None:
        """Until it is cancelled. Raises StoreError."""
        registry, day = self._registry, -1
        if registry is None:
            return
        archive = SqlCandleArchive(database, self._settings.timeframe)
        while True:
            now_ms = clock.now_ms()
            self._of_inputs = await asyncio.to_thread(self._inputs, registry, archive, now_ms)
            if now_ms // DAY_MS != day:
                day = now_ms // DAY_MS
                self._of_outcomes = await asyncio.to_thread(record.alarms, ("day", day))
                self.live = (await asyncio.to_thread(record.models, ("day", day))).models
                await asyncio.to_thread(self._report, database, now_ms, record)
            self._raise(now_ms)
            await clock.sleep(HOUR_MS)

    def _report(self, database: Database, now_ms: int, record: LiveRecord) -> None:
        roles = SqlRoleLog(database, self._settings.timeframe)
        folder = self._settings.models_dir / FOLDER
        try:
            notice = report_week(folder, now_ms, record, roles, self.alarms)
        except OSError as error:
            _log.warning("report.not_written", folder=str(folder), reason=str(error))
            return
        if notice is not None:
            _log.info("report.written", reason=notice.text)
            self._notify(notice)

    def _inputs(
        self, registry: ModelRegistry, archive: SqlCandleArchive, now_ms: int
    ) -> list[Alarm]:
        timeframe = self._settings.timeframe
        newest_ms = timeframe.last_closed(now_ms)
        span_ms = newest_ms - (WINDOW_BARS - 1) * timeframe.ms, newest_ms
        series = {**open_series(self._settings), **archive.series}
        alarms, unwatched = [], []
        for symbol in self._symbols:
            model = registry.find(symbol, newest_ms)
            if isinstance(model, SignalUnavailable):
                continue
            known = _known_inputs(registry.folder(model.symbol))
            if known is None:
                unwatched.append(symbol)
                continue
            features = feature_set(model.spec.features)
            stored = StoredFeatures(features, timeframe, self._symbols, archive.read, series)
            history = stored.history(symbol, *span_ms)
            if not history.run.size or history.run[-1] < WINDOW_BARS:
                continue
            words = [
                f"{features.columns[each.column]}: {each.measure} {each.times:.1f} times the "
                "largest in training"
                for each in drifted(history.rows.astype(np.float64), known)
            ]
            if words:
                alarms.append(Alarm(Drifted.INPUTS, symbol, "; ".join(words[:_NAMED])))
        self.unwatched = unwatched
        return alarms

    def _raise(self, now_ms: int) -> None:
        for alarm in self.alarms:
            key = alarm.what, alarm.symbol
            last_ms = self._raised.get(key)
            if last_ms is None or now_ms - last_ms > HOLD_OFF_DAYS * DAY_MS:
                self._raised[key] = now_ms
                _log.warning("model.drifted", reason=str(alarm))
                self._notify(Notice(Topic.MODEL, Level.WARNING, str(alarm)))


def _known_inputs(folder: Path) -> Reference | None:
    """Of the model that is served from `folder`."""
    from crypto_bot.models.inputs import inputs_of  # noqa: PLC0415 - torch: see ModelRegistry

    try:
        version = versions.current(folder)
        return None if version is None else inputs_of(version)
    except SignalUnavailable:  # it was changed in this moment
        return None
