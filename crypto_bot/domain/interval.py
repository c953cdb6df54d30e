"""An estimate with its 95 % interval: one type for training, record, paper trading and page."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, nan
from typing import NamedTuple, Self


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval; NaN where one is not known."""

    value: float = nan
    low: float = nan
    high: float = nan

    @classmethod
    def of(cls, held: Iterable[float | None]) -> Self:
        """Of value, low and high as JSON holds them: null is unknown."""
        return cls(*(number(each) for each in held))

    @property
    def is_estimated(self) -> bool:
        """Whether there is an estimate."""
        return isfinite(self.value)

    @property
    def is_bounded(self) -> bool:
        """Whether both ends are known."""
        return isfinite(self.low) and isfinite(self.high)


def number(held: float | None) -> float:
    """A number as JSON holds it: NaN for null."""
    return nan if held is None else held


UNKNOWN = Interval()
"""Too little is known even for an interval."""
