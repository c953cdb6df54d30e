"""Horizons: how far ahead a prediction looks, in bars of its timeframe or in days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe


class Unit(StrEnum):
    """What a horizon counts."""

    BARS = "b"
    DAYS = "d"


@dataclass(frozen=True, slots=True)
class Horizon:
    """`count` bars or days; as text `4b` or `7d`. Raises ConfigError for a count below 1."""

    count: int
    unit: Unit = Unit.BARS

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"a horizon of {self.count}{self.unit}: use 1 or more")

    @classmethod
    def parse(cls, text: str) -> Horizon:
        """Of `4b` or `7d`. Raises ConfigError for any other text."""
        found = re.fullmatch(r"(\d{1,6})([bd])", text)
        if found is None:
            raise ConfigError(f"'{text}' is no horizon such as 4b (bars) or 7d (days)")
        return cls(int(found[1]), Unit(found[2]))

    def bars(self, timeframe: Timeframe) -> int:
        """Bars of `timeframe` until the end; a day is a whole number of each traded timeframe."""
        if self.unit is Unit.BARS:
            return self.count
        return self.count * DAY_MS // timeframe.ms

    def ms(self, timeframe: Timeframe) -> int:
        """Milliseconds from the close at which the prediction is made to the end."""
        return self.bars(timeframe) * timeframe.ms

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"
