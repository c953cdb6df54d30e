"""From a configuration to a market and the instant at which its exchange opens."""

from __future__ import annotations

from pathlib import Path

from simulated_exchange.config import ConfigError, SimConfig
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.history import HistoryMarket
from simulated_exchange.intervals import INTERVALS, open_of
from simulated_exchange.market import Market


def open_market(config: SimConfig, machine_ms: int) -> tuple[Market, int]:
    """The market of `config` and its opening time; `machine_ms` is the machine's own.

    Raises ConfigError for unknown symbols, for a folder that does not hold them, and for a start
    or interval that its candles do not reach.
    """
    step_ms = config.step_ms
    if config.candles is None:
        start_ms = open_of(machine_ms, step_ms) if config.start_ms is None else config.start_ms
        return GeneratedMarket(config.symbols, step_ms, config.seed), start_ms
    market = HistoryMarket(Path(config.candles), config.symbols)
    if market.step_ms > step_ms:
        base = next(name for name, ms in INTERVALS.items() if ms == market.step_ms)
        raise ConfigError(
            f"the candles in {config.candles} are of {base}: {config.timeframe} "
            "candles cannot be made of them"
        )
    first_ms, last_ms = market.shared_span
    if config.start_ms is None:
        if first_ms > last_ms:
            raise ConfigError(
                f"the candles in {config.candles} have no time in common: name a start"
            )
        return market, open_of((first_ms + last_ms) // 2, step_ms)
    if config.start_ms > last_ms:
        raise ConfigError(
            f"start {config.start_ms} is after the last candles in {config.candles} ({last_ms}): "
            "nothing is left to replay, name an earlier start and an empty database"
        )
    return market, config.start_ms
