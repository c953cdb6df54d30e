"""The executor that a run was asked for."""

from __future__ import annotations

from typing import NamedTuple

from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.families.cnn_lstm.fit import chosen_device
from crypto_bot.training.executors.executor import Executor
from crypto_bot.training.executors.process import Processes
from crypto_bot.training.executors.ray_cluster import RayCluster
from crypto_bot.training.executors.stacked import Stacked
from crypto_bot.training.run_store import Desk
from crypto_bot.training.study import Draft

IN_PROCESS = "in process"
"""One job after the other, where the command itself runs: `train one`."""
PROCESS, STACKED, RAY = "process", "stacked", "ray"
NAMES = (PROCESS, STACKED, RAY)


def chosen_executor(name: str | None, device: str) -> str:
    """`name`, or what is fastest on `device`: one stacked computation on a GPU, else processes."""
    if name is not None:
        return name
    return STACKED if chosen_device(device).type == "cuda" else PROCESS


class Hands(NamedTuple):
    """Who does the work: `workers` of this machine, or of a cluster `most` at a time."""

    workers: int
    ray_address: str | None = None
    most: int | None = None


def executor_of(name: str, draft: Draft, desk: Desk, hands: Hands) -> Executor:
    """Ready to take jobs. Raises ConfigError."""
    if name == RAY:
        if hands.ray_address is None:
            raise ConfigError("--executor ray needs --ray_address HOST:PORT")
        return RayCluster(draft.study(desk.panel), desk, hands.ray_address, hands.most)
    if name == STACKED:
        return Stacked(draft, desk, hands.workers)
    return Processes(draft, desk, hands.workers)
