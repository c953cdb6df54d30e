"""Memory given back to the system: what the kernel counts before and after."""

import sys
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.models.memory import give_back, read_at_random

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
MIB = 1 << 20
BLOCK = 100_000
"""Less than what glibc takes from the system piece by piece."""


def resident(part: str) -> int:
    """Bytes of this process: `RssAnon` its own, `RssFile` from files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(part))


def test_what_was_freed_is_given_back() -> None:
    give_back()
    before = resident("RssAnon")
    blocks = [np.ones(BLOCK, np.uint8) for _ in range(1_000)]
    last = blocks[-1]  # on top of the heap: below it glibc keeps what is free
    del blocks
    kept = resident("RssAnon") - before
    assert kept > 80 * MIB
    give_back()
    assert resident("RssAnon") - before < 20 * MIB
    assert last.all()


def test_pages_of_a_file_are_given_back_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, np.arange(8 * MIB - 4, dtype=np.float32))
    rows = np.load(path, mmap_mode="c")
    total = rows.sum(dtype=np.float64)
    before = resident("RssFile")
    give_back(rows[100:].reshape(-1, 4))
    assert before - resident("RssFile") > 24 * MIB
    assert rows.sum(dtype=np.float64) == total


def test_an_array_of_no_file_stays_as_it_is() -> None:
    rows = np.arange(1_000)
    give_back(rows)
    assert np.array_equal(rows, np.arange(1_000))


def advised_random(path: Path) -> bool:
    """Whether the kernel is advised that the pages of the file are read at random."""
    words = Path("/proc/self/smaps").read_text()
    own = words[words.index(str(path)) :]
    return " rr " in own[own.index("VmFlags:") :].splitlines()[0]


def test_a_file_is_read_at_random_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, np.arange(1_000.0))
    rows = np.load(path, mmap_mode="c")
    assert not advised_random(path)
    with read_at_random(rows[3:]):
        assert advised_random(path)
        assert rows[7] == 7.0
    assert not advised_random(path)


def test_an_array_of_no_file_is_read_as_ever() -> None:
    rows = np.arange(10)
    with read_at_random(rows):
        assert rows.sum() == 45
