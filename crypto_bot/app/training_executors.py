"""The executor that a run was asked for."""

from __future__ import annotations

from crypto_bot.ml.fit import chosen_device
from crypto_bot.ml.per_coin.desk import Desk
from crypto_bot.ml.per_coin.executors.executor import Executor
from crypto_bot.ml.per_coin.executors.process import Processes
from crypto_bot.ml.per_coin.executors.stacked import Stacked
from crypto_bot.ml.per_coin.study import Draft

PROCESS, STACKED = "process", "stacked"
NAMES = (PROCESS, STACKED)


def chosen_executor(name: str | None, device: str) -> str:
    """`name`, or what is fastest on `device`: one stacked computation on a GPU, else processes."""
    if name is not None:
        return name
    return STACKED if chosen_device(device).type == "cuda" else PROCESS


def executor_of(name: str, draft: Draft, desk: Desk, workers: int) -> Executor:
    """Ready to take jobs."""
    if name == STACKED:
        return Stacked(draft, desk, workers)
    return Processes(draft, desk, workers)
