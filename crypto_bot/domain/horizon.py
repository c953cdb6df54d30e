"""Horizons: how far ahead a prediction looks, in bars of its timeframe, hours or days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.timeframe import Timeframe


class Unit(StrEnum):
    """What a horizon counts."""

    BARS = "b"
    HOURS = "h"
    DAYS = "d"


_UNIT_MS = {Unit.HOURS: HOUR_MS, Unit.DAYS: DAY_MS}


@dataclass(frozen=True, slots=True)
class Horizon:
    """`count` bars, hours or days; as text `4b`, `4h` or `7d`.

    Raises ConfigError for a count below 1.
    """

    count: int
    unit: Unit = Unit.BARS

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"a horizon of {self.count}{self.unit}: use 1 or more")

    @classmethod
    def parse(cls, text: str) -> Horizon:
        """Of `4b`, `4h` or `7d`. Raises ConfigError for any other text."""
        found = re.fullmatch(r"(\d{1,6})([bhd])", text)
        if found is None:
            raise ConfigError(f"'{text}' is no horizon such as 4b (bars), 4h (hours) or 7d (days)")
        return cls(int(found[1]), Unit(found[2]))

    def bars(self, timeframe: Timeframe) -> int:
        """Bars of `timeframe` until the end. Raises ConfigError where those are not whole."""
        if self.unit is Unit.BARS:
            return self.count
        bars, rest_ms = divmod(self.count * _UNIT_MS[self.unit], timeframe.ms)
        if rest_ms:
            raise ConfigError(f"a horizon of {self} is no whole number of {timeframe.name} candles")
        return bars

    def ms(self, timeframe: Timeframe) -> int:
        """Milliseconds from the close at which the prediction is made to the end."""
        return self.bars(timeframe) * timeframe.ms

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"
