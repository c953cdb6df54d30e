"""What every job of a run shares."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.training.folds import FINAL, Fold, OutOfSample, Parts, out_of_sample, rows_to_fit
from crypto_bot.training.jobs import Job
from crypto_bot.training.panel import Coin, Panel, Question, load_panel
from crypto_bot.training.plan import TrainingPlan


@dataclass(frozen=True, slots=True)
class Draft:
    """A run without its panel, small enough to be sent to another process.

    `audited`: coins whose candles are searched for leaks, with `leader`, the series that the
    features compare with. `trained_ms`: the time that the models carry.
    """

    symbols: tuple[str, ...]
    question: Question
    plan: TrainingPlan
    folds: tuple[Fold, ...]
    audited: tuple[Coin, ...]
    leader: CandleTable | None
    trained_ms: int

    def study(self, folder: Path) -> Study:
        """With the panel that `build_panel` kept in `folder`."""
        panel = load_panel(folder, self.symbols, self.question)
        return Study(**{each.name: getattr(self, each.name) for each in fields(self)}, panel=panel)


@dataclass(frozen=True, slots=True)
class Study(Draft):
    """A run with its panel."""

    panel: Panel

    def rows_to_fit(self, job: Job) -> Parts:
        """The rows that `job` fits on and validates by: of its fold, and of its coin if any."""
        assert job.fold is not None
        rows = rows_to_fit(self.panel, self.plan, self.folds, job.fold)
        return rows if job.symbol is None else rows.where(self.panel.of(job.symbol))

    def out_of_sample(self, job: Job) -> OutOfSample:
        """The rows that `job` predicts out of sample."""
        assert job.fold is not None
        assert job.fold != FINAL
        rows = out_of_sample(self.panel, self.plan, self.folds, job.fold)
        if job.symbol is None:
            return rows
        own = self.panel.of(job.symbol)[rows.ends]
        return OutOfSample(rows.ends[own], rows.fold[own])
