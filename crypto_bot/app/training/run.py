"""`train one` and `train all`: from the flags of a command to published models and a summary."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rich.console import Console

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.market_data import fetch_series
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import symbols_in
from crypto_bot.app.training.candles import training_candles
from crypto_bot.app.training.executors import RAY, chosen_executor, executor_of
from crypto_bot.app.training.flags import require_writable
from crypto_bot.app.training.mlflow_runs import MlflowRuns
from crypto_bot.app.training.records import RecordedRun
from crypto_bot.app.training.screen import Screen, table_of
from crypto_bot.app.training.sources import Source
from crypto_bot.app.training.survey import Candidates, Survey, print_survey, survey
from crypto_bot.models.memory import give_back
from crypto_bot.recipes.plans import EACH, plan_of, question_of
from crypto_bot.recipes.recipe import Output, Recipe
from crypto_bot.training import summary
from crypto_bot.training.choice import Action, Wanted, counted
from crypto_bot.training.estimate import estimate, worker_bytes
from crypto_bot.training.events import Event, Observer, log_event
from crypto_bot.training.executors.executor import Executor
from crypto_bot.training.jobs import Draft, jobs_of
from crypto_bot.training.memory_budget import workers_for
from crypto_bot.training.panel import Question
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.run import Driver, prepare
from crypto_bot.training.run_store import RunStore, TrainerLock
from crypto_bot.training.summary import Line, Summary, lines_of, untrained_line

FAILED = 1
INTERRUPTED = 130


@dataclass(frozen=True)
class Call:
    """One run of a training command, for one output of a recipe.

    `name` is that of the command, for its unfinished run; `symbols` are its coins and the models
    folder of the `settings` is that of the output. `must_train`: a coin that cannot be trained is
    an error, not a line of the summary. `source`: a file that candles are read from.
    """

    name: str
    command: str
    flags: argparse.Namespace
    settings: Settings
    recipe: Recipe
    output: Output
    symbols: tuple[str, ...]
    must_train: bool
    source: Source | None = None

    @cached_property
    def question(self) -> Question:
        """What the models are asked."""
        return question_of(self.recipe, self.output, self.settings.timeframe)

    @property
    def simulated(self) -> bool:
        """Whether the candles are those of the simulated exchange."""
        if self.source is not None:
            return self.source.simulated
        return self.settings.simulated and self.flags.candles is None

    @cached_property
    def store(self) -> RunStore:
        """Of this command's unfinished run."""
        timeframe = self.question.timeframe.name
        return RunStore(self.settings.models_dir / ".training" / f"{self.name}-{timeframe}")

    def plan(self, judged: tuple[str, ...]) -> TrainingPlan:
        """How the models of `judged` are made. Raises ConfigError."""
        return plan_of(
            *(self.recipe, self.output, self.question, judged),
            device=self.settings.device,
            seed=self.flags.seed,
            cost_bps=self.settings.decision.cost_bps,
        )

    def workers(self, found: Survey) -> int:
        """How many jobs at a time this machine has the memory for."""
        rows = sum(coin.table.open_ms.size for coin in found.coins)
        columns = len(self.question.features.columns)
        return workers_for(self.flags.max_workers, worker_bytes(rows, columns))


class Ran(NamedTuple):
    """How a run ended; there is no summary where nothing was to be trained.

    `code`: 0 where every coin that could be trained was, 1 where one failed, 130 after Ctrl-C.
    """

    code: int
    summary: Summary | None = None
    events: tuple[Event, ...] = ()


def train(call: Call) -> Ran:
    """One run from candles to published models.

    A verdict that forbids serving is no failure: the model is stored with it. Raises ConfigError,
    and where a coin must be trained NotEnoughData and BadCandles, nothing written.
    """
    require_writable(call.settings.models_dir)
    lock = TrainerLock(call.settings.models_dir)
    try:
        found = _surveyed(call)
        return _dry_run(call, found) if call.flags.dry_run else _train(call, found)
    finally:
        lock.release()


def _surveyed(call: Call) -> Survey:
    flags, plan = call.flags, call.plan(call.symbols)
    wanted = Wanted(
        *(call.question, plan.family, plan.splits, flags.stale),
        force=flags.force == 1,
        now_ms=SystemClock().now_ms(),
    )
    series = call.question.features.series
    if call.source is None:
        held = training_candles(flags.candles, call.settings, flags.until, series)
    else:
        held = call.source.candles(call.question.features, call.settings, flags.until)
    others: tuple[str, ...] = ()
    if flags.pool not in {None, "0", "1"}:
        others = symbols_in(flags.pool, held.symbols, "--pool")
    elif call.must_train and call.recipe.learn != EACH:
        others = held.symbols
    if flags.data is None:
        coins = dict.fromkeys((*call.symbols, *others))
        fetch_series(call.settings, coins, (each.series for each in series))
    return survey(
        *(held, Candidates(call.symbols, others, call.must_train)),
        *(wanted, call.settings.models_dir),
        pooled=plan.pooled,
        begun=call.store if flags.resume else None,
    )


def _dry_run(call: Call, found: Survey) -> Ran:
    estimated = None
    if found.judged:
        estimated = estimate(found.coins, call.question, call.plan(found.judged))
    print_survey(screen(), found, estimated, call.workers(found))
    return Ran(0)


def _train(call: Call, found: Survey) -> Ran:
    others = _left_out(found)
    if not found.judged:
        return Ran(FAILED if any(line.status == "failed" for line in others) else 0)
    clock, settings, flags = SystemClock(), call.settings, call.flags
    workers = call.workers(found)
    resumed = bool(flags.resume) and call.store.identity() is not None
    draft = prepare(
        *(call.store, found.coins, found.leader, call.question, call.plan(found.judged)),
        now_ms=clock.now_ms(),
        resume=resumed,
        simulated=call.simulated,
    )
    name = chosen_executor(flags.executor, settings.device)
    more = [MlflowRuns(flags.mlflow, draft.plan).observe] if flags.mlflow else []
    address, most = flags.ray_address, flags.max_workers
    executor = executor_of(name, draft, call.store, workers=workers, ray_address=address, most=most)
    began_ms, began_s = clock.now_ms(), clock.seconds()
    events: list[Event] = []
    study = draft.study(call.store.panel)
    rows = RecordedRun(settings.database_url, settings.engine_key, study, name, clock)
    with closing(rows):
        del study
        give_back()  # the candles are in the run store
        observers: list[Observer] = [events.append, rows.observe, *more]
        interrupted = _go(call, draft, executor, observers)
    ran = Summary(
        started_ms=began_ms,
        finished_ms=clock.now_ms(),
        seconds=clock.seconds() - began_s,
        command=call.command,
        resumed=resumed,
        hardware=summary.hardware(),
        workers=executor.slots if name == RAY else workers,
        executor=name,
        plan=draft.plan,
        lines=summary.in_order([*lines_of(events), *others], call.symbols),
    )
    return Ran(_finish(ran, interrupted=interrupted), ran, tuple(events))


def _left_out(found: Survey) -> list[Line]:
    """Prints what happens to the coins; the lines of those that are not trained."""
    others = [untrained_line(each) for each in found.choices if each.action is not Action.TRAIN]
    sys.stdout.write(f"{counted(found.choices)}\n")
    for line in others:
        sys.stdout.write(f"{line.symbol}: {line.status}: {line.reason}\n")
    return others


def _go(call: Call, draft: Draft, executor: Executor, observers: Sequence[Observer]) -> bool:
    """Trains until all is done, or the user interrupts it; whether that was so.

    What is finished stays published.
    """
    console = Console()
    live = Screen(console, SystemClock().seconds) if console.is_terminal else None
    shown = live.observe if live else log_event
    try:
        with _terminated_is_interrupted(), live or nullcontext():
            Driver(
                jobs_of(draft.plan, len(draft.folds)),
                executor,
                call.store,
                call.settings.models_dir,
                [*observers, shown],
            ).run()
    except KeyboardInterrupt:
        return True
    finally:
        executor.close()
    return False


def _finish(ran: Summary, *, interrupted: bool) -> int:
    """Prints what became of the coins; the exit code."""
    screen().print(table_of(ran.lines, ran.finished_ms))
    if interrupted or ran.failed:
        screen().print("What is finished is published; --resume 1 resumes the rest.")
        return INTERRUPTED if interrupted else FAILED
    return 0


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
