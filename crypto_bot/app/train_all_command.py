"""`crypto-bot train all`: the models of every coin of a file, in one run."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from rich.console import Console

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.flags import Parser, settings_of
from crypto_bot.app.logging import configure
from crypto_bot.app.settings import Settings, load_symbols
from crypto_bot.app.training_candles import training_candles
from crypto_bot.app.training_flags import (
    add_training,
    duration_days,
    question_of,
    require_writable,
    training_plan,
)
from crypto_bot.app.training_run import Invocation, TrainingRun
from crypto_bot.app.training_screen import table_of
from crypto_bot.app.training_survey import Survey, survey, tell
from crypto_bot.ml.panel import Question
from crypto_bot.ml.per_coin import report, summary
from crypto_bot.ml.per_coin.choice import Action, Wanted, counted
from crypto_bot.ml.per_coin.desk import Desk, TrainerLock
from crypto_bot.ml.per_coin.estimate import estimate, worker_bytes
from crypto_bot.ml.per_coin.executors.process import Processes, workers_for
from crypto_bot.ml.per_coin.run import lay_out
from crypto_bot.ml.per_coin.summary import Line, untrained_line
from crypto_bot.ml.walk import TrainingPlan

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
    symbols = load_symbols(settings.symbols_file)
    question = question_of(flags, settings)
    pooled = flags.pool == 1
    asked = training_plan(flags, settings, symbols, pooled=pooled)
    require_writable(settings.models_dir)
    lock = TrainerLock(settings.models_dir)
    try:
        clock = SystemClock()
        desk = Desk(settings.models_dir / ".training" / f"all-{question.timeframe.name}")
        wanted = Wanted(
            *(question, asked.family, asked.splits, flags.stale),
            force=flags.force == 1,
            now_ms=clock.now_ms(),
        )
        found = survey(
            *(training_candles(flags.candles, settings), symbols, wanted, settings.models_dir),
            pooled=pooled,
            begun=desk if flags.resume else None,
        )
        words = shlex.join([_PROG, *argv])
        trained = _Training(flags, settings, question, desk, clock=clock, command=words)
        return trained.dry_run(found) if flags.dry_run else trained.run(found)
    finally:
        lock.release()


def _parser() -> Parser:
    parser = Parser(prog=_PROG, description="Trains the models of every coin of a file.")
    add_training(parser, "symbols_file")
    given = parser.add_argument
    given("--max_workers", type=int, help="processes at most (default: cores, as memory allows)")
    given("--resume", type=int, choices=(0, 1), default=0, help="1: go on with a run that ended")
    told = "1 (default): learn from all the coins first, then go on with each; 0: each by itself"
    given("--pool", type=int, choices=(0, 1), default=1, help=told)
    told = "train models anew that are older than this, such as 30d (default) or 12h"
    given("--stale", type=duration_days, default=30.0, help=told)
    given("--force", type=int, choices=(0, 1), default=0, help="1: train all of them anew")
    told = "1: say what would be done and how long it takes, and end"
    given("--dry_run", type=int, choices=(0, 1), default=0, help=told)
    return parser


class _Training:
    """One call of the command, once it is known what there is."""

    def __init__(
        self,
        flags: argparse.Namespace,
        settings: Settings,
        question: Question,
        desk: Desk,
        *,
        clock: SystemClock,
        command: str,
    ) -> None:
        self._flags, self._settings, self._question = flags, settings, question
        self._desk, self._clock, self._command = desk, clock, command

    def dry_run(self, found: Survey) -> int:
        """Says what would be done."""
        estimated = None
        if found.judged:
            estimated = estimate(found.coins, self._question, self._plan(found))
        tell(Console(), found, estimated, self._workers(found))
        return 0

    def run(self, found: Survey) -> int:
        """Trains, and tells what came of it."""
        others = [untrained_line(each) for each in found.choices if each.action is not Action.TRAIN]
        sys.stdout.write(f"{counted(found.choices)}\n")
        for line in others:
            sys.stdout.write(f"{line.symbol}: {line.status}: {line.reason}\n")
        if not found.judged:
            return FAILED if any(line.status == "failed" for line in others) else 0
        return self._trained(found, others)

    def _trained(self, found: Survey, others: Sequence[Line]) -> int:
        resumed = bool(self._flags.resume) and self._desk.identity() is not None
        draft = lay_out(
            *(self._desk, found.coins, found.leader, self._question, self._plan(found)),
            now_ms=self._clock.now_ms(),
            resume=resumed,
        )
        run = TrainingRun(self._desk, self._settings.models_dir, self._clock)
        executor = Processes(draft, self._desk, self._workers(found))
        told = run.go(draft, executor, Invocation(self._command, "process", resumed), others)
        told = summary.in_order(told, [each.symbol for each in found.choices])
        console = Console()
        console.print(table_of(told.lines, told.finished_ms))
        path = summary.write(told, self._settings.models_dir, report.page(told))
        console.print(f"{path}\n{path.with_suffix('.html')}", soft_wrap=True, highlight=False)
        if run.interrupted or told.failed:
            console.print("What is finished is published; --resume 1 goes on with the rest.")
            return INTERRUPTED if run.interrupted else FAILED
        self._desk.clear()
        return 0

    def _plan(self, found: Survey) -> TrainingPlan:
        flags = self._flags
        return training_plan(flags, self._settings, found.judged, pooled=flags.pool == 1)

    def _workers(self, found: Survey) -> int:
        rows = sum(coin.series.open_ms.size for coin in found.coins)
        columns = len(self._question.features.columns)
        return workers_for(self._flags.max_workers, worker_bytes(rows, columns))
