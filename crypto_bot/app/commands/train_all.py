"""`crypto-bot train all`: the models of every coin of a file, in one run."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import NamedTuple

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.commands.flags import Parser, settings_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.logging import configure
from crypto_bot.app.settings import Settings, load_symbols
from crypto_bot.app.training.candles import training_candles
from crypto_bot.app.training.executors import NAMES, RAY, Hands, chosen_executor, executor_of
from crypto_bot.app.training.flags import (
    add_training,
    duration_days,
    question_of,
    require_writable,
    training_plan,
)
from crypto_bot.app.training.mlflow_runs import MlflowRuns
from crypto_bot.app.training.records import RecordedRun
from crypto_bot.app.training.run import Invocation, TrainingRun
from crypto_bot.app.training.screen import table_of
from crypto_bot.app.training.survey import Survey, survey, tell
from crypto_bot.models.memory import give_back
from crypto_bot.training import report, summary
from crypto_bot.training.choice import Action, Wanted, counted
from crypto_bot.training.estimate import estimate, worker_bytes
from crypto_bot.training.memory_budget import workers_for
from crypto_bot.training.panel import Question
from crypto_bot.training.run import lay_out
from crypto_bot.training.run_store import Desk, TrainerLock
from crypto_bot.training.study import Draft
from crypto_bot.training.summary import Line, untrained_line
from crypto_bot.training.walk import TrainingPlan

_PROG = "crypto-bot train all"
FAILED = 1
INTERRUPTED = 130


def train_all(argv: Sequence[str]) -> int:
    """0 where every coin that could be trained was, 1 where one failed, 130 after Ctrl-C.

    A verdict that forbids serving is no failure. Raises ConfigError, nothing written.
    """
    flags = _parser().parse_args(argv)
    settings = settings_of(flags)
    configure(settings.log.level, settings.log.format)
    call = _Call(flags, settings, question_of(flags, settings), load_symbols(settings.symbols_file))
    call.plan(call.symbols)  # refuses what cannot be done before anything is read or written
    require_writable(settings.models_dir)
    lock = TrainerLock(settings.models_dir)
    try:
        if flags.dry_run:
            return call.dry_run()
        return call.train(f"{_PROG} {shlex.join(argv)}")
    finally:
        lock.release()


def _parser() -> Parser:
    parser = Parser(prog=_PROG, description="Trains the models of every coin of a file.")
    add_training(parser, "symbols_file")
    given = parser.add_argument
    given("--max_workers", type=int, help="jobs at a time (default: cores, as memory allows)")
    told = "how jobs are done (default: stacked on a GPU, else process)"
    given("--executor", choices=NAMES, help=told)
    told = "HOST:PORT of the cluster for --executor ray; this machine is one of its nodes"
    given("--ray_address", help=told)
    given("--mlflow", metavar="URI", help="also record each model to this MLflow server or store")
    given("--resume", type=int, choices=(0, 1), default=0, help="1: go on with a run that ended")
    told = "1 (default): learn from all the coins first, then go on with each; 0: each by itself"
    given("--pool", type=int, choices=(0, 1), default=1, help=told)
    told = "train models anew that are older than this, such as 30d (default) or 12h"
    given("--stale", type=duration_days, default=30.0, help=told)
    given("--force", type=int, choices=(0, 1), default=0, help="1: train all of them anew")
    told = "1: say what would be done and how long it takes, and end"
    given("--dry_run", type=int, choices=(0, 1), default=0, help=told)
    return parser


class _Ready(NamedTuple):
    """A run that can begin: `others` are the lines of the coins that it leaves alone."""

    draft: Draft
    others: list[Line]
    workers: int
    resumed: bool


class _Call:
    """One call of the command."""

    def __init__(
        self,
        flags: argparse.Namespace,
        settings: Settings,
        question: Question,
        symbols: tuple[str, ...],
    ) -> None:
        self.symbols = symbols
        self._flags, self._settings, self._question = flags, settings, question
        self._clock = SystemClock()
        self._desk = Desk(settings.models_dir / ".training" / f"all-{question.timeframe.name}")

    def plan(self, judged: tuple[str, ...]) -> TrainingPlan:
        """How the models of `judged` are made. Raises ConfigError."""
        pooled = self._flags.pool == 1
        return training_plan(self._flags, self._settings, judged, pooled=pooled)

    def dry_run(self) -> int:
        """Says what would be done."""
        found = self._survey()
        estimated = None
        if found.judged:
            estimated = estimate(found.coins, self._question, self.plan(found.judged))
        tell(screen(), found, estimated, self._workers(found))
        return 0

    def train(self, command: str) -> int:
        """Trains, and tells what came of it."""
        ready = self._prepared()
        if isinstance(ready, int):
            return ready
        name = chosen_executor(self._flags.executor, self._settings.device)
        flags = self._flags
        also = [MlflowRuns(flags.mlflow, ready.draft.plan)] if flags.mlflow else []
        hands = Hands(ready.workers, flags.ray_address, flags.max_workers)
        executor = executor_of(name, ready.draft, self._desk, hands)
        record = self._record(ready.draft, name)
        run = TrainingRun(self._desk, self._settings.models_dir, self._clock, [record, *also])
        workers = executor.slots if name == RAY else ready.workers
        asked = Invocation(command, name, workers, ready.resumed)
        give_back()  # the candles are on the desk
        try:
            ran = run.go(ready.draft, executor, asked, ready.others)
        finally:
            record.close()
        told = summary.in_order(ran, self.symbols)
        console = screen()
        console.print(table_of(told.lines, told.finished_ms))
        path = summary.write(told, self._settings.models_dir, report.page(told))
        console.print(f"{path}\n{path.with_suffix('.html')}", soft_wrap=True, highlight=False)
        if run.interrupted or told.failed:
            console.print("What is finished is published; --resume 1 goes on with the rest.")
            return INTERRUPTED if run.interrupted else FAILED
        self._desk.clear()
        return 0

    def _record(self, draft: Draft, executor: str) -> RecordedRun:
        """The run in the database."""
        study = draft.study(self._desk.panel)
        return RecordedRun(self._settings.database_url, study, executor, self._clock)

    def _prepared(self) -> _Ready | int:
        """A run whose panel is laid out; an exit code where there is nothing to train."""
        found = self._survey()
        others = [untrained_line(each) for each in found.choices if each.action is not Action.TRAIN]
        sys.stdout.write(f"{counted(found.choices)}\n")
        for line in others:
            sys.stdout.write(f"{line.symbol}: {line.status}: {line.reason}\n")
        if not found.judged:
            return FAILED if any(line.status == "failed" for line in others) else 0
        workers = self._workers(found)
        resumed = bool(self._flags.resume) and self._desk.identity() is not None
        draft = lay_out(
            *(self._desk, found.coins, found.leader, self._question, self.plan(found.judged)),
            now_ms=self._clock.now_ms(),
            resume=resumed,
        )
        return _Ready(draft, others, workers, resumed)

    def _survey(self) -> Survey:
        flags, asked = self._flags, self.plan(self.symbols)
        wanted = Wanted(
            *(self._question, asked.family, asked.splits, flags.stale),
            force=flags.force == 1,
            now_ms=self._clock.now_ms(),
        )
        return survey(
            training_candles(flags.candles, self._settings, flags.until),
            self.symbols,
            wanted,
            self._settings.models_dir,
            pooled=asked.pooled,
            begun=self._desk if flags.resume else None,
        )

    def _workers(self, found: Survey) -> int:
        rows = sum(coin.series.open_ms.size for coin in found.coins)
        columns = len(self._question.features.columns)
        return workers_for(self._flags.max_workers, worker_bytes(rows, columns))
