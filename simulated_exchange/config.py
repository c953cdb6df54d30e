"""The configuration of a simulated exchange."""

from __future__ import annotations

from dataclasses import dataclass

from simulated_exchange.intervals import INTERVALS


class ConfigError(ValueError):
    """A configuration that cannot be served; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class SimConfig:
    """One simulated exchange. Raises ConfigError for a value that is out of range.

    `timeframe` is the base interval of a generated market; for a folder of candles, whose base is
    read from its files, the shortest one a client will ask for. `start_ms` is the simulated time at
    which the exchange opens; None is the machine's time, or for a folder the middle of the span
    that all `symbols` share. `fault_rate` is the rate of every kind of fault by itself.
    """

    symbols: tuple[str, ...]
    timeframe: str = "15m"
    speed: float = 1.0
    start_ms: int | None = None
    seed: int = 7
    candles: str | None = None
    fault_rate: float = 0.0
    fault_seed: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        if not self.symbols:
            raise ConfigError("the simulated exchange has no symbols: name at least one")
        if not 0.0 < self.speed <= 1e6:
            raise ConfigError(f"speed {self.speed} is not in 0..1000000: 1 is real time")
        if not 0.0 <= self.fault_rate <= 1.0:
            raise ConfigError(f"fault_rate {self.fault_rate} is not in 0..1")
        if min(self.seed, self.fault_seed) < 0:
            raise ConfigError("seeds count from 0: a negative one was given")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port {self.port} is not in 0..65535: 0 takes a free one")

    @property
    def step_ms(self) -> int:
        """Length of `timeframe`."""
        return INTERVALS[self.timeframe]
