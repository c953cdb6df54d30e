"""What is kept of each coin of a training run, while it is under way and after."""

from __future__ import annotations

from typing import Literal, NamedTuple

TrainingStatus = Literal["waiting", "training", "trained", "failed", "stopped"]
"""`stopped`: the run ended before this coin; `--resume 1` resumes it."""


class TrainingRecord(NamedTuple):
    """One coin of one run; `symbol` is `pool` for the network of all the coins.

    `phase` and `epoch` of `epochs` are what it was last doing. `seconds`: the work of its own jobs,
    added up over workers. Times in UTC ms. Measurements as in `metrics.json`; None is unknown.
    """

    run_id: str
    symbol: str
    tf: str
    status: TrainingStatus
    reason: str | None
    phase: str | None
    epoch: int | None
    epochs: int | None
    started_ms: int
    updated_ms: int
    finished_ms: int | None
    seconds: float
    code_version: str
    seed: int
    schema_hash: str
    first_open_ms: int
    last_open_ms: int
    candles: int
    hardware: str
    executor: str
    verdict: str | None = None
    model_version: str | None = None
    skill: float | None = None
    direction_auc: float | None = None
    ece: float | None = None
