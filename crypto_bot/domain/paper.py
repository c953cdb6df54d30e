"""The plan of a paper account: market, costs, exits, sizing and risk rules."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.fills import Costs


class Market(StrEnum):
    """Spot: long only. Perp: both sides, with perpetual contracts and funding."""

    SPOT = "spot"
    PERP = "perp"


class Sizing(StrEnum):
    """Sizing methods."""

    FIXED_FRACTION = "fixed_fraction"
    VOLATILITY_TARGET = "volatility_target"
    KELLY = "kelly"


class SizingPlan(NamedTuple):
    """Parameters as shares of equity; each method uses its own."""

    method: Sizing
    risk: Decimal
    """fixed_fraction: loss at the stop. kelly: maximum loss at the stop."""
    daily_volatility: Decimal
    """volatility_target: daily standard deviation of a position."""
    kelly_fraction: Decimal
    """kelly: fraction of the full Kelly bet."""


class ExitPlan(NamedTuple):
    """Exit rules. Distances in ATR of the signal, from the entry price."""

    stop_atr: Decimal
    targets_atr: tuple[Decimal, Decimal, Decimal]
    parts: tuple[Decimal, Decimal, Decimal]
    """Shares of the amount for each target; the third takes what the first two leave."""
    trail_atr: Decimal | None
    """Distance of the trailing stop after the first target; None: no trailing."""
    bars: int | None
    """Candles after which the position is closed; None: the signal's horizon."""


class Rules(NamedTuple):
    """Risk rules; None (or False) switches one off. Shares are of equity."""

    late: bool
    """Refuses late signals; without it an account trades the whole log, as in a replay."""
    within_costs: bool
    """Refuses signals whose first target is not further away than a round trip costs."""
    max_positions: int | None
    coin_exposure: Decimal | None
    total_exposure: Decimal | None
    correlated_positions: int | None
    """Maximum number of correlated positions of one side."""
    correlated_from: float
    """Correlation of returns from which positions count as correlated."""
    cooldown_bars: int | None
    """Number of candles after a stop without a new position in the coin."""
    daily_loss: Decimal | None
    drawdown: Decimal | None
    """From the highest equity; beyond it nothing is opened until trading is resumed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one account."""

    name: str
    market: Market
    start: Decimal
    costs: Costs
    sizing: SizingPlan
    exits: ExitPlan
    rules: Rules
    funding_bps: Decimal
    """Funding paid by longs every eight hours if the exchange's rates are unknown."""
