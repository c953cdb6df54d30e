"""Reports of paper accounts for the page, the API and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from crypto_bot.domain.interval import Interval
from crypto_bot.domain.signal import Pred, Source


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """An open position. Prices in the quote currency; `price` is the current one."""

    symbol: str
    side: Pred
    amount: Decimal
    entry: Decimal
    entry_ms: int
    stop: Decimal
    targets: tuple[Decimal, ...]
    """Those not reached yet, the nearest first."""
    expires_ms: int
    price: Decimal | None
    unrealised: Decimal | None
    r: float | None
    """Result so far, realised parts included, in units of what was risked at entry."""
    prediction_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A closed position. `net` is after fees and funding; `exit` is the mean exit price."""

    symbol: str
    side: Pred
    amount: Decimal
    entry: Decimal
    entry_ms: int
    exit: Decimal
    exit_ms: int
    reason: str
    """The last exit: SL, TP3, TRAIL, TIME, KILL or GONE."""
    gross: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    r: float
    prediction_id: str
    source: Source


class EquityPoint(NamedTuple):
    """Equity of an account, and of buying and holding all coins in equal parts."""

    at_ms: int
    equity: Decimal
    buy_and_hold: Decimal


@dataclass(frozen=True, slots=True)
class AccountStatistics:
    """Statistics of closed trades and daily equity; None if there is too little data."""

    trades: int
    return_share: float
    buy_and_hold_share: float
    max_drawdown: float
    sharpe: Interval
    """Of daily returns, a year of 365 days."""
    sortino: float | None
    win_rate: Interval
    profit_factor: float | None
    expectancy_r: Interval
    turnover: float
    """Traded notional over mean equity."""
    gross: Decimal
    """Of the closed trades, before fees and funding."""
    fees: Decimal
    """Of every fill, those of open positions too."""
    funding: Decimal


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One account as of `at_ms`; `equity` is `cash` plus the value of open positions."""

    name: str
    market: str
    """`spot` or `perp`."""
    rules: Mapping[str, str]
    """A text for each risk rule, by name."""
    start: Decimal
    cash: Decimal
    equity: Decimal
    at_ms: int
    open_positions: tuple[OpenPosition, ...]
    closed_trades: tuple[ClosedTrade, ...]
    """The newest first, limited in number."""
    refusals: Mapping[str, int]
    """How many signals each rule has refused."""
    curve: tuple[EquityPoint, ...]
    statistics: AccountStatistics
    round_trip_bps: Decimal
    """What an entry and an exit at the market cost, of the notional."""


class TradeGroup(NamedTuple):
    """Closed trades that have something in common. `net` is after fees and funding."""

    name: str
    trades: int
    won: int
    net: Decimal
    fees: Decimal
    mean_r: Interval


class DayResult(NamedTuple):
    """The change of equity on one UTC day, open positions included; how many trades ended."""

    day_ms: int
    change: Decimal
    trades: int


class Excursion(NamedTuple):
    """A closed trade in basis points of its entry: gross result, best and worst on the way."""

    prediction_id: str
    result_bps: float
    best_bps: float
    worst_bps: float


@dataclass(frozen=True, slots=True)
class MoneyParts:
    """Closed trades in parts; each of `by` holds every trade once."""

    by: Mapping[str, tuple[TradeGroup, ...]]
    """By coin, source, side, hour (UTC, of the entry), time held and exit."""
    r_counts: tuple[tuple[float, int], ...]
    """Lower end and count of each bin of the results in R."""
    excursions: tuple[Excursion, ...]
    """Of the newest trades whose candles are stored."""


class Refusal(NamedTuple):
    """A signal that an account did not follow, and the rule that refused it."""

    account: str
    prediction_id: str
    at_ms: int
    rule: str
    reason: str


class KillSwitch(NamedTuple):
    """Whether paper trading is stopped, since when, by whom and why."""

    on: bool
    since_ms: int | None = None
    by: str | None = None
    reason: str | None = None

    def words(self, at_ms: int) -> str | None:
        """Who has stopped it by `at_ms` and why; None where nobody has."""
        if not self.on or at_ms < (self.since_ms or 0):
            return None
        return f"stopped by {self.by}" + (f": {self.reason}" if self.reason else "")
