"""The events of a run as rows of `training_runs`; what the database refuses stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Condition, Thread
from typing import Any

import structlog

from crypto_bot import __version__
from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.errors import ConfigError, StoreError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.training_record import TrainingRecord
from crypto_bot.features.sets import schema_hash
from crypto_bot.training.events import (
    EpochFinished,
    Event,
    JobFinished,
    JobStarted,
    ModelNotPublished,
    ModelPublished,
    RunStarted,
)
from crypto_bot.training.jobs import Job, Study
from crypto_bot.training.summary import POOL, hardware, published_line

_LAST_WRITE_S = 10.0
_AGAIN = "--resume 1 resumes it"
_KILLED = f"the run was killed: {_AGAIN}"
_STOPPED = f"the run was stopped: {_AGAIN}"

log = structlog.get_logger()


class RecordedRun:
    """The rows of one run. A thread of its own writes: a busy database holds no job up."""

    def __init__(
        self, url: str, key: EngineKey, study: Study, executor: str, clock: SystemClock
    ) -> None:
        self._clock = clock
        self._timeframe = study.panel.question.timeframe
        self._rows = _rows(study, executor, clock.now_ms())
        self._writer = _Writer(lambda: self._opened(url, key))

    def observe(self, event: Event) -> None:
        """Changes the row of the coin that `event` is about."""
        match event:
            case RunStarted(jobs):
                with_rows = {_symbol(job) for job in jobs}
                self._rows = {s: row for s, row in self._rows.items() if s in with_rows}
                self._writer.write(self._rows.values())
            case JobStarted(job):
                begun = {"phase": job.name, "epoch": None, "epochs": None}
                self._change(_symbol(job), status="training", **begun)
            case EpochFinished(job, report):
                epochs = {"epoch": report.epoch, "epochs": report.epochs}
                phase = f"{job.name} {report.head}"
                self._change(_symbol(job), status="training", phase=phase, **epochs)
            case JobFinished(job, seconds) if row := self._rows.get(_symbol(job)):
                self._change(row.symbol, seconds=row.seconds + seconds)
            case ModelPublished():
                line = published_line(event)
                self._end(
                    line.symbol,
                    status="trained",
                    reason=line.reason,
                    verdict=line.verdict,
                    model_version=line.version,
                    skill=line.skill.value if line.skill else None,
                    direction_auc=line.direction_auc.value if line.direction_auc else None,
                    ece=line.ece,
                )
            case ModelNotPublished(symbol, reason):
                self._end(symbol or POOL, status="failed", reason=reason)

    def close(self) -> None:
        """What has not ended has been stopped. Waits a moment for the last rows to be written."""
        for symbol, row in self._rows.items():
            if row.finished_ms is None:
                self._end(symbol, status="stopped", reason=_STOPPED)
        self._writer.close()

    def _end(self, symbol: str, **changed: Any) -> None:
        ended = {"phase": None, "epoch": None, "epochs": None}
        self._change(symbol, finished_ms=self._clock.now_ms(), **ended, **changed)

    def _change(self, symbol: str, **changed: Any) -> None:
        row = self._rows.get(symbol)
        if row is not None:  # jobs that all the coins share have no row where there is no pool
            self._rows[symbol] = row._replace(updated_ms=self._clock.now_ms(), **changed)
            self._writer.write([self._rows[symbol]])

    def _opened(self, url: str, key: EngineKey) -> tuple[Database, SqlTrainingRuns]:
        database = Database.open(url, key)
        runs = SqlTrainingRuns(database, self._timeframe)
        try:
            runs.stop_unfinished(_KILLED)
        except StoreError:
            database.close()
            raise
        return database, runs


class _Writer:
    """Writes the newest of each row as soon as the database takes it; warns once if it does not."""

    def __init__(self, opened: Callable[[], tuple[Database, SqlTrainingRuns]]) -> None:
        self._opened = opened
        self._news = Condition()
        self._pending: dict[str, TrainingRecord] = {}
        self._ending = self._warned = False
        self._thread = Thread(target=self._run, name="training records", daemon=True)
        self._thread.start()

    def write(self, rows: Iterable[TrainingRecord]) -> None:
        """Takes `rows`, and returns at once."""
        with self._news:
            self._pending |= {row.symbol: row for row in rows}
            self._news.notify()

    def close(self) -> None:
        """Ends when all is written, or the database has had its time."""
        with self._news:
            self._ending = True
            self._news.notify()
        self._thread.join(_LAST_WRITE_S)

    def _run(self) -> None:
        database: Database | None = None
        while batch := self._next():
            try:
                if database is None:
                    database, runs = self._opened()
                runs.put(list(batch.values()))
            except (StoreError, ConfigError) as error:
                self._refused(batch, error)
        if database is not None:
            database.close()

    def _next(self) -> dict[str, TrainingRecord]:
        """What is to be written; nothing at the end."""
        with self._news:
            self._news.wait_for(lambda: self._pending or self._ending)
            batch, self._pending = self._pending, {}
            return batch

    def _refused(self, batch: dict[str, TrainingRecord], error: Exception) -> None:
        """Keeps the rows for the next time that there is something to write."""
        if not self._warned:
            log.warning("train.not_recorded", reason=str(error))
            self._warned = True
        with self._news:
            if self._ending:
                return
            arrived = self._pending
            self._news.wait_for(lambda: self._pending or self._ending)
            self._pending = batch | arrived | self._pending


def _symbol(job: Job) -> str:
    return job.symbol or POOL


def _rows(study: Study, executor: str, now_ms: int) -> dict[str, TrainingRecord]:
    """A row for each coin that gets a model, and for the pool."""
    panel, plan = study.panel, study.plan
    opens = {
        symbol: panel.open_ms[panel.coin == panel.symbols.index(symbol)] for symbol in plan.judged
    }
    if plan.pooled:
        opens = {POOL: panel.open_ms, **opens}
    machine = hardware()
    return {
        symbol: TrainingRecord(
            run_id=instant(now_ms),
            symbol=symbol,
            tf=panel.question.timeframe.name,
            status="waiting",
            reason=None,
            phase=None,
            epoch=None,
            epochs=None,
            started_ms=now_ms,
            updated_ms=now_ms,
            finished_ms=None,
            seconds=0.0,
            code_version=__version__,
            seed=plan.seed,
            schema_hash=schema_hash(panel.question.features),
            first_open_ms=int(own.min()),
            last_open_ms=int(own.max()),
            candles=int(own.size),
            hardware=machine,
            executor=executor,
        )
        for symbol, own in opens.items()
    }
