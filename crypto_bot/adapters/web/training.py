"""Routes of training runs: results of each coin, and progress of a running one."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

from fastapi import FastAPI, HTTPException, Query, status
from pydantic import Field

from crypto_bot.adapters.web.bodies import Body, Json
from crypto_bot.adapters.web.schemas import Problem
from crypto_bot.domain.errors import JobError
from crypto_bot.domain.training_record import TrainingRecord
from crypto_bot.ports import TRAIN, Jobs, TrainingRecords


class Training(NamedTuple):
    """The records of training runs, and the jobs of which one makes another."""

    records: TrainingRecords
    jobs: Jobs


class TrainingRunBody(Body):
    """A run with its coins, `pool` for the model of all of them."""

    run_id: str = Field(examples=["2025-12-01T03:00:00.000Z"])
    tf: str
    under_way: bool = Field(description="Whether a coin has not ended; of a killed run too")
    started_ms: int
    code_version: str
    seed: int
    schema_hash: str
    hardware: str
    executor: str
    coins: list[Json[TrainingRecord]]

    @classmethod
    def of(cls, run: list[TrainingRecord]) -> Self:
        """The run as callers see it."""
        under_way = any(each.finished_ms is None for each in run)
        return cls(**run[0]._asdict(), under_way=under_way, coins=run)


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
        """Starts a run of every coin in a process of its own; 409 while a job is under way."""
        try:
            await known.jobs.start(TRAIN, {})
        except JobError as error:
            raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from error
        return TrainingStarted()
