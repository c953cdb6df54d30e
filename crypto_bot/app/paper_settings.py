"""Settings of paper trading, and the plans made from them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from crypto_bot.domain.fills import Costs
from crypto_bot.domain.paper import ExitPlan, Market, Plan, Rules, Sizing, SizingPlan
from crypto_bot.domain.user_file import at_home

UserPath = Annotated[Path, AfterValidator(at_home)]
"""A path that may begin with `~`."""

_SWITCHES = {"0": False, "1": True, "false": False, "true": True}


def _switched(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() not in _SWITCHES:
        raise PydanticCustomError("switch", "use 1 or 0")
    return _SWITCHES[value.lower()]


Switch = Annotated[bool, BeforeValidator(_switched)]
"""On or off. Of the words that stand for it in other programs, such as `yes`, none is guessed."""

LONGEST_S = 86_400.0
"""Of every wait that is a setting: timers and sockets refuse what is far beyond."""

_TAKER_BPS = {Market.SPOT: Decimal(10), Market.PERP: Decimal(5)}
_MAKER_BPS = {Market.SPOT: Decimal(10), Market.PERP: Decimal(2)}


class Section(BaseModel):
    """A section of the settings: unknown keys, and numbers without end, are errors."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False
    )


class PaperAccountSettings(Section):
    """One paper account. Shares are of equity; a rule that is 0 is switched off."""

    name: str = Field(min_length=1, max_length=32, pattern="^[a-z0-9_-]+$")
    """Of the account: small letters, digits, `-` and `_`."""
    market: Market = Market.SPOT
    """`spot` is long only; `perp` trades both sides and pays funding."""
    start: Decimal = Field(default=Decimal(10_000), gt=0)
    """Cash at the start."""

    sizing: Sizing = Sizing.FIXED_FRACTION
    """How large a position is; each method has settings of its own."""
    risk: Decimal = Field(default=Decimal("0.005"), gt=0, lt=1)
    """Loss at the stop; the maximum for `kelly`."""
    daily_volatility: Decimal = Field(default=Decimal("0.01"), gt=0, lt=1)
    """Daily standard deviation of a position, for `volatility_target`."""
    kelly_fraction: Decimal = Field(default=Decimal("0.25"), gt=0, le=1)
    """Fraction of the full Kelly bet, for `kelly`."""

    stop_atr: Decimal = Field(default=Decimal(2), gt=0)
    """Distance of the stop from the entry, in ATR."""
    targets_atr: tuple[Decimal, Decimal, Decimal] = (Decimal(2), Decimal(3), Decimal(4))
    """Distances of the targets from the entry, in ATR."""
    parts: tuple[Decimal, Decimal, Decimal] = (Decimal("0.5"), Decimal("0.25"), Decimal("0.25"))
    """Shares of a position closed at each target."""
    trail_atr: Decimal = Field(default=Decimal(2), ge=0)
    """Distance of the stop behind the best price after the first target; 0: no trailing."""
    bars: int = Field(default=0, ge=0)
    """Candles after which a position is closed; 0: the horizon of its signal."""

    taker_bps: Decimal | None = Field(default=None, ge=0)
    """Default 10 for spot, 5 for perp."""
    maker_bps: Decimal | None = Field(default=None, ge=0)
    """For targets, which are resting orders. Default 10 for spot, 2 for perp."""
    half_spread_bps: Decimal = Field(default=Decimal(1), ge=0)
    """Assumed when a fill uses a candle instead of a quote."""
    slippage_bps: Decimal = Field(default=Decimal(2), ge=0)
    """Assumed for an order at the market without a quote."""
    slippage_cap_bps: Decimal = Field(default=Decimal(20), ge=0)
    """Maximum slippage of an entry in the order book."""
    funding_bps: Decimal = Decimal(1)
    """Paid by longs every eight hours if the exchange publishes no rate."""

    late: Switch = True
    """Late signals are refused."""
    within_costs: bool = True
    """Signals whose first target is not further away than a round trip costs are refused."""
    max_positions: int = Field(default=8, ge=0)
    """Positions that may be open at once."""
    coin_exposure: Decimal = Field(default=Decimal("0.25"), ge=0)
    """Value of the positions in one coin."""
    total_exposure: Decimal = Field(default=Decimal(1), ge=0)
    """Value of all positions."""
    correlated_positions: int = Field(default=4, ge=0)
    """Positions of one side in coins that move together."""
    correlated_from: float = Field(default=0.8, gt=0, le=1)
    """Correlation of returns from which coins move together."""
    cooldown_bars: int = Field(default=4, ge=0)
    """Candles after a stop without a new position in its coin."""
    daily_loss: Decimal = Field(default=Decimal("0.03"), ge=0, lt=1)
    """Loss of a day, after which nothing is opened until the next."""
    drawdown: Decimal = Field(default=Decimal("0.2"), ge=0, lt=1)
    """Loss from the highest equity, after which nothing is opened until trading is resumed."""

    @model_validator(mode="after")
    def _agree(self) -> PaperAccountSettings:
        nearest, middle, furthest = self.targets_atr
        if not 0 < nearest < middle < furthest:
            raise ValueError("targets_atr must ascend from above 0")
        if sum(self.parts) != 1 or min(self.parts) < 0:
            raise ValueError("parts must add up to 1")
        return self

    def plan(self) -> Plan:
        """The account as plain values."""
        on: dict[str, Any] = {name: getattr(self, name) or None for name in Rules._fields}
        return Plan(
            name=self.name,
            market=self.market,
            start=self.start,
            costs=Costs(
                _TAKER_BPS[self.market] if self.taker_bps is None else self.taker_bps,
                _MAKER_BPS[self.market] if self.maker_bps is None else self.maker_bps,
                self.half_spread_bps,
                self.slippage_bps,
                self.slippage_cap_bps,
            ),
            sizing=SizingPlan(self.sizing, self.risk, self.daily_volatility, self.kelly_fraction),
            exits=ExitPlan(
                *(self.stop_atr, self.targets_atr, self.parts),
                trail_atr=self.trail_atr or None,
                bars=self.bars or None,
            ),
            rules=Rules(**on | {"late": self.late, "within_costs": self.within_costs}),
            funding_bps=self.funding_bps,
        )


class PaperSettings(Section):
    """Paper trading."""

    enabled: Switch = True
    """Paper trading is on."""
    fills: Literal["quotes", "candles"] = "quotes"
    """`quotes`: live prices, and candles for what the quotes missed. `candles`: the next open, so
    that a ledger can be recomputed from signals and candles."""
    poll_s: float = Field(default=3.0, gt=0, le=LONGEST_S)
    """Interval of quote polling while a position is open or may be opened."""
    sanity_band: Decimal = Field(default=Decimal("0.05"), gt=0, lt=1)
    """A larger price jump is accepted only where the order book has it too."""
    stop_file: UserPath | None = None
    """Trading is stopped while it exists; default PAPER_STOP beside the database."""
    accounts: tuple[PaperAccountSettings, ...] = (
        PaperAccountSettings(name="spot", market=Market.SPOT),
        PaperAccountSettings(name="perp", market=Market.PERP),
    )
    """The accounts, a table each."""

    @model_validator(mode="after")
    def _agree(self) -> PaperSettings:
        names = [account.name for account in self.accounts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"account names must be unique; used twice: {', '.join(twice)}")
        return self

    def plans(self) -> list[Plan]:
        """One for each account; none where paper trading is switched off."""
        return [account.plan() for account in self.accounts] if self.enabled else []
