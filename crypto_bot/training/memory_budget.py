"""How many workers there is room for: cores and memory, of the machine and of its container."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from crypto_bot.domain.errors import ConfigError, TrainingError

_ROOT = Path("/")


def workers_for(asked: int | None, bytes_each: int, root: Path = _ROOT) -> int:
    """How many workers fit: cores, memory, and what was asked for.

    `bytes_each`: what a worker takes beside the panel, which all of them share. `root`: where the
    machine is described. Raises ConfigError where none is asked for, TrainingError where none fits.
    """
    if asked is not None and asked < 1:
        raise ConfigError(f"--max_workers is {asked}: use 1 or more")
    groups = list(_control_groups(root))
    cores = min([len(os.sched_getaffinity(0)), *_core_limits(groups)])
    room = min([_available_bytes(root), *_memory_limits(groups)]) // bytes_each
    fit = min(cores if asked is None else asked, cores, room)
    if fit < 1:
        raise TrainingError(
            f"a worker needs {bytes_each / 2**30:.1f} GiB of free memory: close something, or "
            "train fewer coins"
        )
    return int(fit)


def _available_bytes(root: Path) -> int:
    """Memory that can be had without swapping: what is free, and what caches would give back."""
    try:
        content = (root / "proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return _table(content.replace(":", ""))["MemAvailable"] * 1024


def _control_groups(root: Path) -> Iterator[Path]:
    """The control groups (version 2) that this process is in: its own, and those around it."""
    try:
        content = (root / "proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return
    for line in content.splitlines():
        if line.startswith("0::/"):
            own = Path(line.removeprefix("0::/"))
            yield from (root / "sys/fs/cgroup" / each for each in (own, *own.parents))


def _memory_limits(groups: list[Path]) -> Iterator[int]:
    """What each group that has a limit may still take; its cached files would be given back."""
    for group in groups:
        try:
            most = int((group / "memory.max").read_text())
            held = int((group / "memory.current").read_text())
            parts = _table((group / "memory.stat").read_text())
        except (OSError, ValueError):  # the root has no limit, and others have "max"
            continue
        yield most - held + parts["active_file"] + parts["inactive_file"]


def _core_limits(groups: list[Path]) -> Iterator[int]:
    """Cores' worth of time that each group with a limit may take, one at least."""
    for group in groups:
        try:
            quota, period = (group / "cpu.max").read_text().split()
            yield max(1, int(quota) // int(period))
        except (OSError, ValueError):
            continue


def _table(content: str) -> dict[str, int]:
    """Lines of a name and a whole number."""
    return {line.split()[0]: int(line.split()[1]) for line in content.splitlines()}
