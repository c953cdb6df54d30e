"""What a paper account has shown: returns, drawdown, ratios and trades, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import fsum, sqrt

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.ledger import Account
from crypto_bot.domain.paper_report import AccountStatistics, ClosedTrade, EquityPoint
from crypto_bot.ports import DayRecord
from crypto_bot.statistics.daily import MIN_BLOCKS, MIN_CALLS, block_variance, quantile
from crypto_bot.statistics.performance import performance

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
    record = performance(_by_day(trades))
    equity = [float(point.equity) for point in points]
    held = [float(point.buy_and_hold) for point in points]
    returns = _daily(points)
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
        win_rate=record.hit_rate,
        profit_factor=won / lost if lost and len(trades) >= MIN_CALLS else None,
        expectancy_r=record.mean_return_bps,
        turnover=float(account.traded) / mean_equity if mean_equity > 0 else 0.0,
        fees=account.fees,
        funding=account.funding,
    )


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


def _daily(points: Sequence[EquityPoint]) -> list[float]:
    """Returns from midnight to midnight; the unfinished day at either end is left out."""
    midnights = [point for point in points if point.at_ms % DAY_MS == 0]
    return [
        float(after.equity / before.equity) - 1.0
        for before, after in pairwise(midnights)
        if after.at_ms - before.at_ms == DAY_MS and before.equity > 0
    ]


def _change(values: Sequence[float]) -> float:
    return values[-1] / values[0] - 1.0 if values and values[0] else 0.0


def _by_day(trades: Sequence[ClosedTrade]) -> list[DayRecord]:
    """Trades as the calls of a day: won for right, R for the return, so the review's sums serve."""
    return [
        DayRecord(
            source=trade.source,
            symbol=trade.symbol,
            day=trade.exit_ms // DAY_MS,
            n=1,
            hits=int(trade.net > 0),
            trades=1,
            return_bps=trade.r,
            confidence=0.0,
            brier=0.0,
        )
        for trade in trades
    ]
