"""Data besides candles: values, each with the instant at which it became known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Observation(NamedTuple):
    """`value` became known at `known_ms` (UTC ms), which is no earlier than what it measures."""

    known_ms: int
    value: float


class Series(Protocol):
    """One kind of observation, such as funding rates, of a coin or of the whole market."""

    @property
    def name(self) -> str:
        """What feature sets call it."""

    def read(self, symbol: str, since_ms: int, until_ms: int) -> Sequence[Observation]:
        """What became known in `[since_ms, until_ms]`, ascending; empty where there is nothing.

        A series of the whole market gives the same for every symbol. Of observations that became
        known at the same instant the last one counts. Raises MarketDataError where what is stored
        cannot be read or cannot be true.
        """
