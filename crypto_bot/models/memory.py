"""Memory where there is little of it: what is given back to the system, and what is not read."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt


def give_back(*mapped: npt.NDArray[Any]) -> None:
    """Gives back what is free, and the pages of `mapped` arrays that lie in files.

    glibc keeps freed memory for the process that freed it, half a gigabyte after a fit of LightGBM.
    What lies in a file is read from there again; nothing may have been written to such an array.
    """
    for array in mapped:
        file = _file_of(array)
        if file is not None and hasattr(mmap, "MADV_DONTNEED"):
            file.madvise(mmap.MADV_DONTNEED)
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


@contextmanager
def read_at_random(array: npt.NDArray[Any]) -> Iterator[None]:
    """Meanwhile, of an `array` that lies in a file no more is read than is asked for.

    A system reads on where a program has begun, up to megabytes; where windows are taken at random
    and memory is short, that throws out what would have been needed.
    """
    file = _file_of(array)
    if file is None or not hasattr(mmap, "MADV_RANDOM"):
        yield
        return
    file.madvise(mmap.MADV_RANDOM)
    try:
        yield
    finally:
        file.madvise(mmap.MADV_NORMAL)


def _file_of(array: npt.NDArray[Any]) -> mmap.mmap | None:
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
