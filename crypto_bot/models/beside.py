"""Work that pauses, and threads beside it: for code that leaves the interpreter free meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

_PAUSE_S = 0.1
_T = TypeVar("_T")


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """`count` threads that begin nothing more once this is left, and are not waited for."""
    pool = ThreadPoolExecutor(count, "beside")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def result_of(future: Future[_T]) -> Generator[None, None, _T]:
    """Pauses again and again until there is one; returns or raises what it is."""
    while not wait([future], timeout=_PAUSE_S).done:
        yield
    return future.result()


def to_the_end(work: Generator[None, None, _T]) -> _T:
    """Goes on after every pause; returns what `work` does."""
    while True:
        try:
            next(work)
        except StopIteration as ended:
            result: _T = ended.value
            return result
