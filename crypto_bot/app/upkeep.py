"""What is done while the engine runs: its database is kept, and its models are looked after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.retention import Retention
from crypto_bot.adapters.store.role_log import SqlRoleLog
from crypto_bot.app.drift import DriftWatch
from crypto_bot.app.promotion import Promotion
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.retraining import Registries, Retrainer
from crypto_bot.domain.errors import SignalUnavailable, TrainingError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.notice import Notice
from crypto_bot.models import versions
from crypto_bot.ports import Clock, Jobs
from crypto_bot.reports.live_record import LiveRecord

_DAY_S = 86_400

_log = structlog.get_logger()


class Upkeep:
    """Roles, drift and training of the models, and the size of the database."""

    def __init__(
        self,
        settings: Settings,
        symbols: Sequence[str],
        registries: Registries,
        *,
        jobs: Jobs,
        machine: Clock,
        notify: Callable[[Notice], None],
    ) -> None:
        """`registries` as `Retrainer` takes them. Raises ConfigError for a wrong schedule."""
        self._settings, self._symbols, self._registries = settings, symbols, registries
        self.jobs, self._notify = jobs, notify
        self.drift = DriftWatch(settings, symbols, registries[0], notify)
        self._retrainer = Retrainer(
            *(settings, jobs, registries, symbols),
            machine=machine,
            alarms=lambda: self.drift.alarms,
        )

    async def run(self, database: Database, clock: Clock, record: LiveRecord) -> None:
        """Until it is cancelled. Raises StoreError, also where the file is damaged."""
        champions, challengers = self._registries
        tended = [
            self._stored(database, clock),
            self.drift.run(database, clock, record),
            self._retrainer.run(clock),
        ]
        if champions is not None and challengers is not None:
            promotion = Promotion(
                champions=champions,
                challengers=challengers,
                symbols=self._symbols,
                timeframe=self._settings.timeframe,
                roles=SqlRoleLog(database, self._settings.timeframe),
                clock=clock,
                stages=self._settings.retrain.stages,
                notify=self._notify,
            )
            tended.append(promotion.run())
        await asyncio.gather(*tended)

    async def _stored(self, database: Database, clock: Clock) -> None:
        """Deletes old predictions and models, and checks the file."""
        retention = Retention(database, self._settings.timeframe)
        keep_ms = self._settings.store.keep_days * DAY_MS
        while True:
            deleted = await asyncio.to_thread(retention.delete_before, clock.now_ms() - keep_ms)
            if deleted:
                _log.info("predictions.deleted", n=deleted)
            await asyncio.to_thread(self._trim)
            await asyncio.sleep(_DAY_S)
            await asyncio.to_thread(database.check)

    def _trim(self) -> None:
        """Keeps the versions of the models within their budget."""
        from crypto_bot.models.artifact import folder_of, published  # noqa: PLC0415 - torch

        roots = [each.models_dir for each in self._registries if each is not None]
        folders = [folder_of(root, *name) for root in roots for name in published(root)]
        try:
            gone = versions.trim(folders, int(self._settings.models.most_gb * 1e9))
        except (SignalUnavailable, TrainingError) as error:
            _log.warning("models.not_trimmed", reason=str(error))
            return
        if gone:
            _log.info("models.trimmed", n=len(gone))
