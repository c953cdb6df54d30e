"""Training started by the daemon: by schedule or on request, in a process that outlives it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from crypto_bot.app.settings import Settings
from crypto_bot.app.training.crontab import crontab_trigger
from crypto_bot.domain.errors import ConfigError, TrainingError

TRAIN_ALL = (sys.executable, "-m", "crypto_bot.ml.per_coin.train_all")
_YIELDING = ("nice", "-n", "15")
_LOOK_S = 1.0

_log = structlog.get_logger()


class Retrainer:
    """Starts `train_all` with the daemon's settings, one at a time, and logs its end.

    It has a session of its own, the lowest priority, and a log beside the models. It outlives
    the daemon: see docs/adr/0012.
    """

    def __init__(self, settings: Settings, program: Sequence[str] = TRAIN_ALL) -> None:
        """Raises ConfigError for a schedule that is no cron expression."""
        self._settings = settings
        self._program = (*_YIELDING, *program, "--recipe", settings.recipe)
        schedule = settings.retrain.schedule
        try:
            self._trigger = None if schedule is None else crontab_trigger(schedule)
        except ValueError as error:
            raise ConfigError(
                f"settings: retrain.schedule = {schedule!r} is no cron expression such as "
                f"'0 3 * * 0', Sundays at 3:00 UTC ({error})"
            ) from error
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._watch: asyncio.Task[None] | None = None
        self.log = settings.models_dir / ".training" / "retrain.log"

    def open(self) -> None:
        """Keeps the schedule from here on; call it in the event loop."""
        if self._trigger is not None:
            self._scheduler.add_job(self._begin, self._trigger, misfire_grace_time=None)
            self._scheduler.start()

    def close(self) -> None:
        """Starts nothing more. A run under way continues."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._watch is not None:
            self._watch.cancel()

    async def start(self) -> None:
        """Begins a run. Raises TrainingError while one is under way, or where it cannot begin."""
        if self._watch is not None and not self._watch.done():
            raise TrainingError(f"a training run is under way: see {self.log}, or train status")
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                child = subprocess.Popen(  # noqa: ASYNC220, S603 - it returns at once; our own arguments
                    self._program,
                    env={**os.environ, **_environment(self._settings)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise TrainingError(f"training could not be started: {error}") from error
        _log.info("train.launched", pid=child.pid, log=str(self.log))
        self._watch = asyncio.create_task(self._watched(child))

    async def _begin(self) -> None:
        try:
            await self.start()
        except TrainingError as error:
            _log.warning("train.not_launched", reason=str(error))

    async def _watched(self, child: subprocess.Popen[bytes]) -> None:
        # Waiting in a thread would keep the daemon from ending.
        while (code := child.poll()) is None:  # noqa: ASYNC110 - see above
            await asyncio.sleep(_LOOK_S)
        log = _log.info if code == 0 else _log.warning
        log("train.finished", exit_code=code, log=str(self.log))


def train_command(settings: Settings) -> str:
    """What a person enters to train the models that an engine of these settings serves."""
    defaults = Settings.model_fields
    named = ["recipe", "tf", "device", "symbols_file", "models_dir"]
    if settings.database_url.startswith("sqlite:"):  # another address may hold a password
        named.append("database_url")
    flags = [
        f" --{name} {value}"
        for name in named
        if (value := getattr(settings, name)) != defaults[name].default
    ]
    return f"crypto-bot train all{''.join(flags)}"


def _environment(settings: Settings) -> dict[str, str]:
    """The settings that training shares with the engine. A database's password is no argument."""
    return {
        "CRYPTO_BOT_TF": settings.tf,
        "CRYPTO_BOT_DEVICE": settings.device,
        "CRYPTO_BOT_SYMBOLS_FILE": str(settings.symbols_file),
        "CRYPTO_BOT_DATABASE_URL": settings.database_url,
        "CRYPTO_BOT_EXCHANGE__ID": settings.exchange.id,
        "CRYPTO_BOT_EXCHANGE__MARKET_TYPE": settings.exchange.market_type,
        "CRYPTO_BOT_MODELS_DIR": str(settings.models_dir),
        "CRYPTO_BOT_DECISION__COST_BPS": str(settings.decision.cost_bps),
        "CRYPTO_BOT_LOG__FORMAT": "json",
    }
