"""The executor that a run was asked for."""

from __future__ import annotations

from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.device import chosen_device
from crypto_bot.training.executors.executor import Executor, InProcess
from crypto_bot.training.executors.process import Processes
from crypto_bot.training.executors.ray_cluster import RayCluster
from crypto_bot.training.executors.stacked import Stacked
from crypto_bot.training.jobs import Draft
from crypto_bot.training.run_store import RunStore

IN_PROCESS = "in process"
"""One job after the other, where the command itself runs: the default of `train one`."""
PROCESS, STACKED, RAY = "process", "stacked", "ray"
NAMES = (PROCESS, STACKED, RAY)


def chosen_executor(name: str | None, device: str) -> str:
    """`name`, or what is fastest on `device`: one stacked computation on a GPU, else processes."""
    if name is not None:
        return name
    return STACKED if chosen_device(device).type == "cuda" else PROCESS


def executor_of(
    name: str,
    draft: Draft,
    store: RunStore,
    *,
    workers: int,
    ray_address: str | None = None,
    most: int | None = None,
) -> Executor:
    """With `workers` here, or those of a cluster, `most` at a time. Raises ConfigError."""
    match name:
        case "ray":
            if ray_address is None:
                raise ConfigError("--executor ray needs --ray_address HOST:PORT")
            return RayCluster(draft.study(store.panel), store, ray_address, most)
        case "stacked":
            return Stacked(draft, store, workers)
        case "in process":
            return InProcess(draft.study(store.panel), store)
        case _:
            return Processes(draft, store, workers)
