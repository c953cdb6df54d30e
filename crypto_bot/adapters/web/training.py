"""Calls for training runs: what became of each coin, and how far a run under way is."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

from fastapi import FastAPI, HTTPException, Query, status
from pydantic import Field

from crypto_bot.adapters.web.bodies import Body
from crypto_bot.adapters.web.schemas import Problem
from crypto_bot.domain.errors import TrainingError
from crypto_bot.domain.training_record import TrainingRecord, TrainingStatus
from crypto_bot.ports import Trainer, TrainingRecords


class Training(NamedTuple):
    """What is known of training runs, and who starts one."""

    records: TrainingRecords
    trainer: Trainer


class TrainingCoinBody(Body):
    """One coin of a run, `pool` for the network of all; see `domain.training_record`."""

    symbol: str
    status: TrainingStatus
    reason: str | None
    phase: str | None = Field(description="What it was last doing")
    epoch: int | None
    epochs: int | None
    updated_ms: int = Field(description="UTC milliseconds")
    finished_ms: int | None
    seconds: float = Field(description="Work of its own jobs, added up over workers")
    first_open_ms: int
    last_open_ms: int
    candles: int
    verdict: str | None
    model_version: str | None
    skill: float | None = Field(description="Log-loss skill against the label frequencies")
    direction_auc: float | None
    ece: float | None


class TrainingRunBody(Body):
    """A run with its coins."""

    run_id: str = Field(examples=["2025-12-01T03:00:00.000Z"])
    tf: str
    under_way: bool = Field(description="Whether a coin has not ended; of a killed run too")
    started_ms: int
    code_version: str
    seed: int
    schema_hash: str
    hardware: str
    executor: str
    coins: list[TrainingCoinBody]

    @classmethod
    def of(cls, run: list[TrainingRecord]) -> Self:
        """The run as callers see it."""
        first = run[0]
        return cls(
            run_id=first.run_id,
            tf=first.tf,
            under_way=any(each.finished_ms is None for each in run),
            started_ms=first.started_ms,
            code_version=first.code_version,
            seed=first.seed,
            schema_hash=first.schema_hash,
            hardware=first.hardware,
            executor=first.executor,
            coins=[TrainingCoinBody.model_validate(each) for each in run],
        )


class TrainingBody(Body):
    """The newest runs, the newest first."""

    runs: list[TrainingRunBody]


class TrainingStarted(Body):
    """A run has been started; `GET /api/training` shows it once its candles are read."""

    success: Literal[True] = True


def serve_training(app: FastAPI, known: Training) -> None:
    """Adds `/api/training`."""

    @app.get("/api/training", tags=["models"])
    def training(limit: Annotated[int, Query(ge=1, le=100)] = 5) -> TrainingBody:
        """The newest training runs, one under way included."""
        return TrainingBody(
            runs=[TrainingRunBody.of(run) for run in known.records.newest_runs(limit)]
        )

    @app.post(
        "/api/training", tags=["models"], status_code=202, responses={409: {"model": Problem}}
    )
    async def start_training() -> TrainingStarted:
        """Starts a run of every coin in a process of its own; 409 while one is under way."""
        try:
            await known.trainer.start()
        except TrainingError as error:
            raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from error
        return TrainingStarted()
