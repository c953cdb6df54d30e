"""What a process beside an engine settles in tests; a module of few imports."""

from __future__ import annotations

import sys
from collections.abc import MutableSequence, Sequence


def settle(argv: Sequence[str], counts: MutableSequence[int]) -> None:
    """Counts as `argv` says, and ends with the exit code that it ends with."""
    counts[0], counts[1] = int(argv[0]), int(argv[1])
    sys.exit(int(argv[2]))
