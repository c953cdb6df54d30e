"""How a paper account trades: its market, its costs, its exits, its size and its rules."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.fills import Costs


class Market(StrEnum):
    """Long only with coins bought, or both ways with contracts and funding."""

    SPOT = "spot"
    PERP = "perp"


class Sizing(StrEnum):
    """How much is risked on a signal."""

    FIXED_FRACTION = "fixed_fraction"
    VOLATILITY_TARGET = "volatility_target"
    KELLY = "kelly"


class SizingPlan(NamedTuple):
    """Shares of equity; each way of sizing reads its own."""

    method: Sizing
    risk: Decimal
    """fixed_fraction: lost at the stop. kelly: lost at the stop at most."""
    daily_volatility: Decimal
    """volatility_target: the standard deviation of a day that a position may bring."""
    kelly_fraction: Decimal
    """kelly: the part of the full bet."""


class ExitPlan(NamedTuple):
    """Where a position ends. Distances in ATR of the signal, from the price of the entry."""

    stop_atr: Decimal
    targets_atr: tuple[Decimal, Decimal, Decimal]
    parts: tuple[Decimal, Decimal, Decimal]
    """Of the amount, one for each target; what the first two leave goes at the third."""
    trail_atr: Decimal | None
    """After the first target the stop follows the best price at this distance; None: it stays."""
    bars: int | None
    """Candles after which it ends anyway; None: as many as the signal's horizon."""


class Rules(NamedTuple):
    """The rules of risk; None (or False) switches one off. Shares are of equity."""

    late: bool
    """Refuses signals that came late; without it an account trades the whole log, as a replay."""
    max_positions: int | None
    coin_exposure: Decimal | None
    total_exposure: Decimal | None
    correlated_positions: int | None
    """So many positions of one side may move together."""
    correlated_from: float
    """From this correlation of returns on."""
    cooldown_bars: int | None
    """Candles without a new position in a coin after a stop."""
    daily_loss: Decimal | None
    drawdown: Decimal | None
    """From the highest equity; beyond it nothing is opened until a person resumes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One account."""

    name: str
    market: Market
    start: Decimal
    costs: Costs
    sizing: SizingPlan
    exits: ExitPlan
    rules: Rules
    funding_bps: Decimal
    """What a long pays every eight hours where the exchange's rates are not known."""
