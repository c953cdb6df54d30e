"""Compiled functions: numba with one set of options and a cache no older than its sources."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function` compiled at its first call and cached on disk beside its source.

    IEEE arithmetic (no fastmath), so results do not depend on the order of evaluation; a division
    by zero gives inf or NaN; the GIL is released.
    """
    _drop_stale(Path(inspect.getfile(function)).parent)
    dispatcher: Callable[P, R] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return dispatcher


@cache  # once for each folder and process
def _drop_stale(folder: Path) -> None:
    """Removes cached code of `folder` that is older than any source in it or in `features`.

    numba looks at the file of the function alone, not at those of the functions that it calls: an
    edited indicator would stay in use inside the kernels that were compiled with it.
    """
    with suppress(OSError):  # a read-only installation: numba keeps its cache elsewhere
        sources = (*folder.glob("*.py"), *Path(__file__).parent.rglob("*.py"))
        edited = max(source.stat().st_mtime for source in sources)
        for index in (folder / "__pycache__").glob("*.nbi"):
            if index.stat().st_mtime < edited:
                index.unlink(missing_ok=True)
