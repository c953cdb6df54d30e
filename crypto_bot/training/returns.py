"""What the decision earned: gross and net, at once and one bar late, and how much of it is luck."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.models.decision import TAIL, Expectation, sides
from crypto_bot.statistics.intervals import DayBootstrap, ratio
from crypto_bot.statistics.rows import Bools, Floats, Ints, Rows

COSTS_BPS = (4.0, 10.0, 20.0)
SURE = 0.95
"""The deflated Sharpe ratio from which a profit may be called one."""
_EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class TradeReport:
    """The decision at one cost of a round trip; returns are means per trade in basis points.

    `judged_rows`: rows on which there was something to decide by. `events`: groups of trades that
    do not overlap in time with another group, whatever the coin. `late_gross_bps`,
    `late_net_bps`: the same trades entered one bar later. `sharpe`: of daily net sums, not
    annualised. `deflated_sharpe`: probability that it is above the best of `trials` tries
    without skill. `profitable`: net interval above 0 and deflated Sharpe at least .95.
    """

    cost_bps: float
    judged_rows: int
    trades: int
    longs: int
    shorts: int
    events: int
    gross_bps: Interval
    net_bps: Interval
    late_gross_bps: Interval
    late_net_bps: Interval
    sharpe: float
    deflated_sharpe: float
    trials: int
    profitable: bool


def trade_report(
    rows: Rows,
    expectation: Expectation,
    days: DayBootstrap,
    *,
    cost_bps: float,
    trials: int,
    tail: float = TAIL,
) -> TradeReport:
    """Of the decision on `rows`; `days` is the bootstrap of the same rows.

    `trials`: how many rules and models were tried on these rows, this one included.
    """
    side = sides(expectation, cost_bps, tail)
    judged = np.isfinite(expectation.long_bps)
    net = _mean(days, side, rows.long_bps, cost_bps)
    daily = _daily(days, judged, np.where(side != 0, side * rows.long_bps - cost_bps, 0.0))
    deflated = deflated_sharpe(daily, trials)
    return TradeReport(
        cost_bps=cost_bps,
        judged_rows=int(judged.sum()),
        trades=int(np.count_nonzero(side)),
        longs=int((side > 0).sum()),
        shorts=int((side < 0).sum()),
        events=_events(rows.open_ms[side != 0], rows.horizon_ms),
        gross_bps=_mean(days, side, rows.long_bps, 0.0),
        net_bps=net,
        late_gross_bps=_mean(days, side, rows.late_bps, 0.0),
        late_net_bps=_mean(days, side, rows.late_bps, cost_bps),
        sharpe=_sharpe(daily),
        deflated_sharpe=deflated,
        trials=trials,
        profitable=bool(net.low > 0.0 and deflated >= SURE),
    )


def deflated_sharpe(returns: Floats, trials: int) -> float:
    """P(true Sharpe > that of the luckiest of `trials` without skill); returns [t] of equal spans.

    Bailey and Lopez de Prado, The Deflated Sharpe Ratio (2014). The variance of the Sharpe ratios
    of the tries is not known here and is taken as 1/(t - 1), their sampling variance without skill.
    NaN for fewer than three or constant returns.
    """
    t, sharpe = returns.size, _sharpe(returns)
    if np.isnan(sharpe):
        return sharpe
    normal = NormalDist()
    z = (returns - returns.mean()) / returns.std()
    lucky = 0.0
    if trials > 1:
        top = normal.inv_cdf(1.0 - 1.0 / trials)
        beyond = normal.inv_cdf(1.0 - 1.0 / (trials * np.e))
        lucky = ((1.0 - _EULER) * top + _EULER * beyond) / np.sqrt(t - 1.0)
    skew, kurtosis = float((z**3).mean()), float((z**4).mean())
    width = np.sqrt(max(1.0 - skew * sharpe + 0.25 * (kurtosis - 1.0) * sharpe**2, 1e-12))
    return normal.cdf((sharpe - lucky) * np.sqrt(t - 1.0) / width)


def _mean(days: DayBootstrap, side: Ints, long_bps: Floats, cost_bps: float) -> Interval:
    traded = (side != 0) & np.isfinite(long_bps)
    if not traded.any():
        return UNKNOWN
    earned = np.where(traded, side * np.nan_to_num(long_bps) - cost_bps, 0.0)
    return days.estimate(days.sums(earned, traded.astype(np.float64)), ratio)


def _daily(days: DayBootstrap, judged: Bools, earned: Floats) -> Floats:
    """Sum of `earned` [n] over each day that has a judged row, days without a trade included."""
    sums = days.sums(earned, judged.astype(np.float64))
    daily: Floats = sums[sums[:, 1] > 0.0, 0]
    return daily


def _sharpe(returns: Floats) -> float:
    if returns.size < 3 or returns.std() == 0.0:
        return float("nan")
    return float(returns.mean() / returns.std(ddof=1))


def _events(open_ms: Ints, horizon_ms: int) -> int:
    """Groups of entries, each at least a horizon after the last entry of the group before."""
    times = np.unique(open_ms)
    return int(times.size > 0) + int(np.count_nonzero(np.diff(times) >= horizon_ms))
