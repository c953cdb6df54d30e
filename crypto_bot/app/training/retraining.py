"""Training that the daemon starts by itself, by a schedule: the job that a person can start too.

What it trains does not replace what is served: it is published as challengers, which have to prove
themselves (`app.promotion`).
"""

from __future__ import annotations

from datetime import UTC

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from crypto_bot.app.settings import Settings
from crypto_bot.app.training.crontab import crontab_trigger
from crypto_bot.domain.errors import ConfigError, JobError
from crypto_bot.ports import TRAIN, Jobs

_log = structlog.get_logger()


class Retrainer:
    """Keeps the schedule of the settings."""

    def __init__(self, settings: Settings, jobs: Jobs) -> None:
        """Raises ConfigError for a schedule that is no cron expression."""
        self._jobs = jobs
        schedule = settings.retrain.schedule
        try:
            self._trigger = None if schedule is None else crontab_trigger(schedule)
        except ValueError as error:
            raise ConfigError(
                f"settings: retrain.schedule = {schedule!r} is no cron expression such as "
                f"'0 3 * * 0', Sundays at 3:00 UTC ({error})"
            ) from error
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    def open(self) -> None:
        """Keeps the schedule from here on; call it in the event loop."""
        if self._trigger is not None:
            self._scheduler.add_job(self._begin, self._trigger, misfire_grace_time=None)
            self._scheduler.start()

    def close(self) -> None:
        """Starts nothing more. A run under way continues."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _begin(self) -> None:
        try:
            await self._jobs.start(TRAIN, {"role": "challenger"})
        except JobError as error:
            _log.warning("train.not_launched", reason=str(error))
