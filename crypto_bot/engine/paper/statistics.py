"""What a paper account has shown: returns, drawdown, ratios and trades, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from math import fsum, sqrt

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.ledger import Account
from crypto_bot.domain.paper_report import AccountStatistics, ClosedTrade, EquityPoint
from crypto_bot.statistics.daily import (
    MIN_BLOCKS,
    MIN_CALLS,
    block_variance,
    quantile,
    ratio_interval,
    share_interval,
)

_YEAR_DAYS = 365
MIN_DAYS = 30
"""Below so many days there is an interval of the Sharpe ratio, at most, and no estimate."""


def statistics(
    account: Account,
    trades: Sequence[ClosedTrade],
    points: Sequence[EquityPoint],
    deepest: float,
) -> AccountStatistics:
    """Over `trades`, and `points`: the equity at the start, at midnights, and the newest.

    `deepest` is the greatest drawdown, of all points.
    """
    equity = [float(point.equity) for point in points]
    held = [float(point.buy_and_hold) for point in points]
    returns = daily_returns(points)
    won = fsum(float(trade.net) for trade in trades if trade.net > 0)
    lost = -fsum(float(trade.net) for trade in trades if trade.net < 0)
    mean_equity = fsum(equity) / len(equity) if equity else 0.0
    return AccountStatistics(
        trades=len(trades),
        return_share=_change(equity),
        buy_and_hold_share=_change(held),
        max_drawdown=deepest,
        sharpe=sharpe(returns),
        sortino=_sortino(returns),
        win_rate=win_rate(trades),
        profit_factor=won / lost if lost and len(trades) >= MIN_CALLS else None,
        expectancy_r=expectancy_r(trades),
        turnover=float(account.traded) / mean_equity if mean_equity > 0 else 0.0,
        gross=sum((trade.gross for trade in trades), Decimal(0)),
        fees=account.fees,
        funding=account.funding,
    )


def win_rate(trades: Sequence[ClosedTrade]) -> Interval:
    """The share of trades whose result after fees and funding is above 0."""
    days = _by_day(trades)
    return share_interval(
        [len(day) for day in days], [sum(trade.net > 0 for trade in day) for day in days]
    )[0]


def expectancy_r(trades: Sequence[ClosedTrade]) -> Interval:
    """The mean result of a trade in units of its risk; no estimate below `MIN_CALLS`."""
    days = _by_day(trades)
    mean = ratio_interval(
        [fsum(trade.r for trade in day) for day in days], [len(day) for day in days]
    )
    return mean if len(trades) >= MIN_CALLS else mean.bounds


def sharpe(returns: Sequence[float]) -> Interval:
    """Mean over standard deviation of daily returns, times the root of 365, with its interval.

    The variance of the ratio is that of the mean by blocks of days over the variance of a day, plus
    half its square a day for the estimated deviation (Lo 2002, The statistics of Sharpe ratios).
    """
    days = len(returns)
    if days < MIN_BLOCKS:
        return UNKNOWN
    mean = fsum(returns) / days
    variance = fsum((each - mean) ** 2 for each in returns) / (days - 1)
    if variance == 0.0:
        return UNKNOWN
    daily = mean / sqrt(variance)
    of_mean = block_variance([each - mean for each in returns]) / days**2 / variance
    reach = quantile(days) * sqrt(of_mean + daily**2 / (2 * days))
    found = Interval(daily, daily - reach, daily + reach).scaled(sqrt(_YEAR_DAYS))
    return found if days >= MIN_DAYS else found.bounds


def _sortino(returns: Sequence[float]) -> float | None:
    """As the Sharpe ratio, over the root mean square of the losses (Sortino and Price 1994)."""
    if len(returns) < MIN_DAYS:
        return None
    downside = sqrt(fsum(min(each, 0.0) ** 2 for each in returns) / len(returns))
    if downside == 0.0:
        return None
    return fsum(returns) / len(returns) / downside * sqrt(_YEAR_DAYS)


def daily_returns(points: Sequence[EquityPoint]) -> list[float]:
    """Returns from midnight to midnight; the unfinished day at either end is left out."""
    midnights = [point for point in points if point.at_ms % DAY_MS == 0]
    return [
        float(after.equity / before.equity) - 1.0
        for before, after in pairwise(midnights)
        if after.at_ms - before.at_ms == DAY_MS and before.equity > 0
    ]


def _change(values: Sequence[float]) -> float:
    return values[-1] / values[0] - 1.0 if values and values[0] else 0.0


def _by_day(trades: Sequence[ClosedTrade]) -> list[list[ClosedTrade]]:
    """Trades by the UTC day on which they ended, ascending."""
    days: dict[int, list[ClosedTrade]] = {}
    for trade in trades:
        days.setdefault(trade.exit_ms // DAY_MS, []).append(trade)
    return [days[day] for day in sorted(days)]
