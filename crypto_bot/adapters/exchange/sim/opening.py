"""From a configuration to a market and the instant at which its exchange opens."""

from __future__ import annotations

from pathlib import Path

from crypto_bot.adapters.exchange.sim.config import SimConfig
from crypto_bot.adapters.exchange.sim.generated import GeneratedMarket
from crypto_bot.adapters.exchange.sim.history import HistoryMarket
from crypto_bot.adapters.exchange.sim.market import Market
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe


def open_market(config: SimConfig, machine_ms: int) -> tuple[Market, int]:
    """The market of `config` and its opening time; `machine_ms` is the machine's own.

    Raises ConfigError for unknown symbols, for a folder that does not hold them, and for a start
    or interval that its candles do not reach.
    """
    timeframe = Timeframe.parse(config.timeframe)
    if config.candles is None:
        start_ms = timeframe.open_of(machine_ms) if config.start_ms is None else config.start_ms
        return GeneratedMarket(config.symbols, timeframe, config.seed), start_ms
    market = HistoryMarket(Path(config.candles), config.symbols)
    if market.timeframe.ms > timeframe.ms:
        raise ConfigError(
            f"the candles in {config.candles} are of {market.timeframe.name}: {timeframe.name} "
            "candles cannot be made of them"
        )
    first_ms, last_ms = market.shared_span
    if config.start_ms is None:
        if first_ms > last_ms:
            raise ConfigError(
                f"the candles in {config.candles} have no time in common: name a start"
            )
        return market, timeframe.open_of((first_ms + last_ms) // 2)
    if config.start_ms > last_ms:
        raise ConfigError(
            f"start {config.start_ms} is after the last candles in {config.candles} ({last_ms}): "
            "nothing is left to replay, name an earlier start and an empty database"
        )
    return market, config.start_ms
