"""How many workers fit, by what the system and a container's limits say."""

import os
from pathlib import Path

import pytest

from crypto_bot.domain.errors import ConfigError, TrainingError
from crypto_bot.training.memory_budget import workers_for

GIB = 2**30
CORES = len(os.sched_getaffinity(0))


def system(root: Path, available: int, group: str = "/") -> Path:
    """A machine with so much memory to be had, this process in `group`."""
    (root / "proc" / "self").mkdir(parents=True)
    found = f"MemTotal: 99 kB\nMemAvailable:   {available // 1024} kB\nHugePages_Total:       0\n"
    (root / "proc" / "meminfo").write_text(found)
    (root / "proc" / "self" / "cgroup").write_text(f"1:name=old:/x\n0::{group}\n")
    return root


def limited(
    root: Path, group: str, most: int, *, held: int = 0, cached: int = 0, cores: str = "max"
) -> None:
    folder = root / "sys/fs/cgroup" / group
    folder.mkdir(parents=True)
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{held}\n")
    stat = f"anon 5\nactive_file {cached // 2}\ninactive_file {cached - cached // 2}\n"
    (folder / "memory.stat").write_text(stat)
    (folder / "cpu.max").write_text(f"{cores} 100000\n")


def test_memory_and_cores_limit_the_workers(tmp_path: Path) -> None:
    root = system(tmp_path, 10 * GIB)
    asked = {None: CORES, 1: 1, 99: CORES}
    assert {most: workers_for(most, GIB, root) for most in asked} == asked
    assert workers_for(None, 10 * GIB, root) == 1
    with pytest.raises(TrainingError, match=r"a worker needs 10\.1 GiB of free memory"):
        workers_for(None, int(10.1 * GIB), root)
    with pytest.raises(ConfigError, match="--max_workers is 0: use 1 or more"):
        workers_for(0, GIB)
    assert workers_for(1, 2**20) == 1  # this machine


def test_a_container_has_less_than_its_machine(tmp_path: Path) -> None:
    root = system(tmp_path, 64 * GIB)
    limited(root, "", 2 * GIB, held=GIB, cached=GIB // 2)
    assert workers_for(None, 3 * GIB // 2, root) == 1
    with pytest.raises(TrainingError, match="free memory"):
        workers_for(None, 3 * GIB // 2 + 2, root)


def test_a_service_has_what_the_slice_around_it_leaves(tmp_path: Path) -> None:
    root = system(tmp_path, 64 * GIB, "/system.slice/bot.service")
    limited(root, "system.slice", GIB)
    (root / "sys/fs/cgroup/system.slice/bot.service").mkdir()
    (root / "sys/fs/cgroup/system.slice/bot.service/memory.max").write_text("max\n")
    assert workers_for(None, GIB, root) == 1


@pytest.mark.parametrize("cores", ["150000", "50000"])
def test_a_share_of_the_cores_is_a_limit(tmp_path: Path, cores: str) -> None:
    root = system(tmp_path, 64 * GIB)
    limited(root, "", 64 * GIB, cores=cores)
    assert workers_for(None, GIB, root) == 1
