"""An estimate with its 95 % interval: one type for training, record, paper trading and page."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, nan
from typing import Annotated, NamedTuple, Self

NAN_IS_UNKNOWN = "NaN is unknown"
Measured = Annotated[float, NAN_IS_UNKNOWN]
"""A number that may not be known, and is NaN then."""


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval; NaN where one is not known."""

    value: Measured = nan
    low: Measured = nan
    high: Measured = nan

    @classmethod
    def of(cls, held: Iterable[float | None]) -> Self:
        """Of value, low and high as JSON holds them: null is unknown."""
        return cls(*(number(each) for each in held))

    def scaled(self, factor: float, offset: float = 0.0) -> Self:
        """`factor` times each, plus `offset`; below 0 it exchanges the ends."""
        value, low, high = (factor * each + offset if isfinite(each) else nan for each in self)
        return type(self)(value, low, high) if factor >= 0 else type(self)(value, high, low)

    @property
    def bounds(self) -> Self:
        """The same ends without the estimate: there are too few rows for one."""
        return self._replace(value=nan)

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
