"""Timeframes: the grid of candle opens, in UTC milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS, MINUTE_MS

_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440, "1w": 10_080}
_MONDAY_MS = 4 * 1440 * MINUTE_MS  # 1970-01-05: the epoch was a Thursday, weeks open on Mondays

TRADED = ("1m", "5m", "15m", "1h", "4h", "1d")


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A candle length such as `15m`. Candles open at its multiples; weeks open on Mondays."""

    name: str
    ms: int

    @classmethod
    def parse(cls, name: str) -> Timeframe:
        """`name` is one of `TRADED`. Raises ConfigError for any other."""
        if name not in TRADED:
            raise ConfigError(f"unknown timeframe '{name}': use one of {', '.join(TRADED)}")
        return cls(name, _MINUTES[name] * MINUTE_MS)

    def higher(self, count: int = 4) -> tuple[Timeframe, ...]:
        """The next `count` longer timeframes, shortest first; fewer where the ladder ends at 1w."""
        names = list(_MINUTES)
        above = names[names.index(self.name) + 1 :][:count]
        return tuple(Timeframe(name, _MINUTES[name] * MINUTE_MS) for name in above)

    @property
    def season(self) -> str:
        """The part of the time with a seasonal volatility: `time of day`, or `weekday` (1d)."""
        return "weekday" if self.ms >= DAY_MS else "time of day"

    @property
    def _origin_ms(self) -> int:
        return _MONDAY_MS if self.name == "1w" else 0

    def open_of(self, at_ms: int) -> int:
        """Open time of the candle that contains the instant `at_ms`."""
        return at_ms - (at_ms - self._origin_ms) % self.ms

    def last_closed(self, now_ms: int) -> int:
        """Open time of the newest candle that is closed at `now_ms`."""
        return self.open_of(now_ms) - self.ms

    def on_grid(self, open_ms: int) -> bool:
        """Whether a candle may open at `open_ms`."""
        return (open_ms - self._origin_ms) % self.ms == 0

    def close_of(self, open_ms: int) -> int:
        """The instant at which the candle that opens at `open_ms` is closed."""
        return open_ms + self.ms
