"""Training that the daemon starts by itself: where no model may answer, by age, alarm, schedule.

What it trains does not replace a model that answers: it is published as challengers, which have to
prove themselves (`app.promotion`). Where none may answer they are served at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from crypto_bot.app.schedule import look_s
from crypto_bot.app.settings import RetrainSettings, Settings
from crypto_bot.app.training.crontab import crontab_trigger
from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.errors import ConfigError, JobError, SignalUnavailable
from crypto_bot.domain.instant import DAY_MS, HOUR_MS, instant
from crypto_bot.models.catalog import read_card
from crypto_bot.models.registry import ModelRegistry, challengers_dir
from crypto_bot.ports import CANDLES, TRAIN, Clock, Job, Jobs

HOLD_OFF_DAYS = 7
"""After a training, before the next that nobody asked for."""
_HISTORY_DAYS = "1095"
_CHALLENGERS = challengers_dir(Path()).name

_log = structlog.get_logger()
Registries = tuple[ModelRegistry | None, ModelRegistry | None]
"""Of the champions and of the challengers; None where models are off."""
Step = tuple[str, dict[str, str]]
"""A kind of job, and what is chosen in its form."""


class Standing(NamedTuple):
    """Of the models of all coins. Times are those at which their data ended."""

    answering: int
    """Coins for which a model may answer."""
    oldest_ms: int | None
    """Of the coin whose youngest model, champion or challenger, is the oldest."""
    trained_ms: int | None
    """Of the youngest model that was published, whatever its verdict."""


def standing(registries: Registries, symbols: Sequence[str], newest_ms: int) -> Standing:
    """As the models folders are now, for the candle that opens at `newest_ms`."""
    youngest, published = dict[str, int](), list[int]()
    for registry in filter(None, registries):
        for symbol in symbols:
            found = registry.find(symbol, newest_ms)
            if not isinstance(found, SignalUnavailable):
                ends_ms = found.span.last_open_ms
                youngest[symbol] = max(ends_ms, youngest.get(symbol, ends_ms))
        cards = (read_card(registry.folder(each)) for each in (None, *symbols))
        published += [card.last_open_ms for card in cards if card is not None]
    ends = youngest.values()
    return Standing(len(ends), min(ends, default=None), max(published, default=None))


def due(
    now: Standing, rules: RetrainSettings, newest_ms: int, alarms: Sequence[Alarm] = ()
) -> str | None:
    """Why the models are to be trained, in words; None where they need not be."""
    if now.trained_ms is not None and newest_ms - now.trained_ms < HOLD_OFF_DAYS * DAY_MS:
        return None
    if now.oldest_ms is None:
        return None if rules.first is False else "no model may answer: the rules do until one may"
    if newest_ms - now.oldest_ms > rules.stale_days * DAY_MS:
        until = instant(now.oldest_ms)[:10]
        return f"the data of a model ended on {until}, more than {rules.stale_days:g} days ago"
    return str(alarms[0]) if rules.on_drift and alarms else None


def next_step(jobs: Sequence[Job], ago_ms: Callable[[Job], float]) -> Step | None:
    """What is next in a training: the history, then the training itself; None: to wait.

    A job that failed or was killed is begun again after an hour, and goes on where it was. A
    history that fails twice is trained from as far as it is there, and a training that fails twice
    begins anew. What a person stopped, and what is done, is left alone for a day.

    `jobs`: the newest first. `ago_ms`: how long ago one ended, by the market's clock.
    """
    if jobs and jobs[0].under_way:
        return None
    history = CANDLES, {"days": _HISTORY_DAYS}
    own = [job for job in jobs if job.kind in {CANDLES, TRAIN}]
    if not own or ago_ms(own[0]) > DAY_MS:
        return history
    last = own[0]
    fails = [job.state == "failed" for job in own[:2] if job.kind == last.kind]
    again = fails == [True, True]
    if last.state == "stopped" or (last.kind == TRAIN and not fails[0]):
        return None
    if fails[0] and not (again and last.kind == CANDLES):
        if ago_ms(last) < HOUR_MS:
            return None
        if last.kind == CANDLES:
            return history
    resumed = last.kind == TRAIN and not again
    return TRAIN, {"role": "challenger", "resume": str(int(resumed))}


def unfinished(jobs: Sequence[Job]) -> bool:
    """Whether the last training of challengers failed or was killed, for the first time.

    Some of its models may be published, so that no other training is due.
    """
    own = [job for job in jobs if job.kind in {CANDLES, TRAIN}]
    failed = [job.kind == TRAIN and job.state == "failed" for job in own[:2]]
    return failed[:1] == [True] and failed != [True, True] and _CHALLENGERS in own[0].command


class Retrainer:
    """Starts the jobs of a training when it is due."""

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        registries: Registries,
        symbols: Sequence[str],
        *,
        machine: Clock,
        alarms: Callable[[], Sequence[Alarm]] = tuple,
    ) -> None:
        """`machine`: whose time the schedule means. Raises ConfigError for one that is none."""
        self._alarms = alarms
        self._settings, self._rules, self._jobs = settings, settings.retrain, jobs
        self._registries, self._symbols, self._machine = registries, symbols, machine
        self._by_itself = registries[0] is not None and (
            not settings.simulated or self._rules.first is True
        )
        schedule = self._rules.schedule
        try:
            self._trigger = None if schedule is None else crontab_trigger(schedule)
        except ValueError as error:
            raise ConfigError(
                f"settings: retrain.schedule = {schedule!r} is no cron expression such as "
                f"'0 3 * * 0', Sundays at 3:00 UTC ({error})"
            ) from error
        self._next = self._following()
        self._scheduled = False
        self._because: str | None = None

    async def run(self, clock: Clock) -> None:
        """Until it is cancelled; `clock` is the market's."""
        while True:
            await self.look(clock)
            await asyncio.sleep(look_s(clock))

    async def look(self, clock: Clock) -> None:
        """Starts what is due now."""
        because = await asyncio.to_thread(self._due, clock.now_ms())
        jobs = await asyncio.to_thread(self._jobs.newest)
        if because is None and self._by_itself and unfinished(jobs):
            because = "a training ended before all of its models were published"
        if because is None:
            self._because = None
            return
        step = next_step(jobs, lambda job: self._ago_ms(job, clock))
        if step is None:
            return
        if because != self._because:
            _log.info("train.due", reason=because)
            self._because = because
        try:
            await self._jobs.start(*step)
        except JobError as error:
            _log.warning("train.not_launched", reason=str(error))
            return
        self._scheduled = self._scheduled and step[0] != TRAIN

    def _due(self, now_ms: int) -> str | None:
        at = self._at_machine()
        if self._next is not None and at >= self._next:
            self._next, self._scheduled = self._following(), True
        if self._scheduled:
            return f"the schedule says so: {self._rules.schedule}"
        if not self._by_itself:
            return None
        newest_ms = self._settings.timeframe.last_closed(now_ms)
        now = standing(self._registries, self._symbols, newest_ms)
        return due(now, self._rules, newest_ms, self._alarms())

    def _following(self) -> datetime | None:
        now = self._at_machine()
        found: datetime | None = self._trigger and self._trigger.get_next_fire_time(None, now)
        return found

    def _at_machine(self) -> datetime:
        return datetime.fromtimestamp(self._machine.now_ms() / 1000, UTC)

    def _ago_ms(self, job: Job, clock: Clock) -> float:
        real_ms = self._machine.now_ms() - job.started_ms - 1000 * job.seconds
        return real_ms / (1000 * clock.real_seconds(1))
