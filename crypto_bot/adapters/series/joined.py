"""A series that two sources have: a history in files, and what is fetched since."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import merge
from operator import attrgetter

from crypto_bot.ports.market_data import Observation, Series


class Joined:
    """The observations of both; of two that were known at the same instant, the second's counts."""

    def __init__(self, first: Series, second: Series) -> None:
        self.name = second.name
        self._both = first, second

    def read(self, symbol: str, since_ms: int, until_ms: int) -> Sequence[Observation]:
        """See the port."""
        first, second = (each.read(symbol, since_ms, until_ms) for each in self._both)
        if not (first and second):
            return first or second
        return list(merge(first, second, key=attrgetter("known_ms")))
