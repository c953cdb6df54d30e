"""Compiled functions: numba with one set of options and a cache no older than its sources."""

from __future__ import annotations

import inspect
import logging
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

from numba import config, njit

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)  # unlike structlog before it is set up, on standard error


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function` compiled at its first call and cached on disk, beside its source where it may be.

    IEEE arithmetic (no fastmath), so results do not depend on the order of evaluation; a division
    by zero gives inf or NaN; the GIL is released.
    """
    _drop_stale(Path(inspect.getfile(function)).parent)
    try:
        return _dispatcher(function, kept=True)
    except RuntimeError:  # numba may write neither beside the source nor in a home folder
        return _dispatcher(function, kept=_has_private_folder())


def _dispatcher(function: Callable[P, R], *, kept: bool) -> Callable[P, R]:
    made: Callable[P, R] = njit(cache=kept, nogil=True, error_model="numpy")(function)
    return made


@cache  # said once: processes started by this one find the folder in their environment
def _has_private_folder() -> bool:
    """Whether compiled code is kept in a folder of this user's for temporary files."""
    folder = Path(tempfile.gettempdir()) / f"crypto-bot-{os.geteuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        found = None
    # Compiled code of someone else must not be run.
    is_own = found is not None and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    is_private = is_own and found is not None and not stat.S_IMODE(found.st_mode) & 0o077
    where = folder if is_private else "memory, anew at each start"
    _log.warning("the program's folder is read-only and there is no home: compiled into %s", where)
    if is_private:
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        config.reload_config()  # type: ignore[no-untyped-call]
        _drop_stale.cache_clear()
        _drop_stale(Path(__file__).parent)
    return is_private


@cache  # once for each folder and process
def _drop_stale(folder: Path) -> None:
    """Removes cached code of `folder` that is older than any source in it or in `features`.

    numba looks at the file of the function alone, not at those of the functions that it calls: an
    edited indicator would stay in use inside the kernels that were compiled with it.
    """
    with suppress(OSError):  # what may not be deleted is not written either
        sources = (*folder.glob("*.py"), *Path(__file__).parent.rglob("*.py"))
        edited = max(source.stat().st_mtime for source in sources)
        named = os.environ.get("NUMBA_CACHE_DIR")
        elsewhere = Path(named).rglob("*.nbi") if named else ()
        for index in (*(folder / "__pycache__").glob("*.nbi"), *elsewhere):
            if index.stat().st_mtime < edited:
                index.unlink(missing_ok=True)
