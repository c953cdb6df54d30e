"""What a backtest has shown: figures of each account, with their intervals and controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, nan
from typing import NamedTuple

import numpy as np

from crypto_bot.backtesting.backtest import Backtest
from crypto_bot.backtesting.control import RandomEntry, random_entry
from crypto_bot.backtesting.day_sums import day_records
from crypto_bot.backtesting.ledgers import Ledgers
from crypto_bot.domain.fills import Costs
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.paper_report import (
    AccountReport,
    ClosedTrade,
    EquityPoint,
    Excursion,
    MoneyParts,
    TradeGroup,
)
from crypto_bot.domain.signal import candle_of
from crypto_bot.engine.paper.money import candles_of, excursion, groups, money_parts
from crypto_bot.engine.paper.statistics import daily_returns
from crypto_bot.engine.paper.trader import PaperTrader
from crypto_bot.features.windows import CLOSE, HIGH, LOW
from crypto_bot.market_data.observations import Floats
from crypto_bot.statistics.performance import Review, review
from crypto_bot.statistics.ratios import (
    YEAR_DAYS,
    by_blocks,
    calmar,
    shuffled_drawdowns,
    sortino,
)
from crypto_bot.training.returns import COSTS_BPS, deflated_sharpe

_TERCILES = ("calm third", "middle third", "wild third")


class CostLevel(NamedTuple):
    """The result of the same trades had every round trip cost `bps` in all, fees included."""

    bps: float
    net: float


class Shuffled(NamedTuple):
    """Greatest drawdowns of the same trades in random orders, and the share that is deeper."""

    median: float
    worst_5_percent: float
    deeper: float


class Month(NamedTuple):
    """One month, UTC: returns of the account and of buy and hold, as shares."""

    first_ms: int
    account: float
    buy_and_hold: float


class Trade(NamedTuple):
    """A closed trade with the best and the worst price on its way."""

    closed: ClosedTrade
    way: Excursion


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """One account. `report` has the figures that paper trading shows of it live.

    `exposed`: share of the time with a position; `invested`: mean notional over mean equity.
    `break_even_bps`: cost of a round trip, in all, at which the trades earn nothing.
    `late_return`: return with every fill one bar later. `trials`: how many accounts were run over
    this time, this one included.
    """

    report: AccountReport
    points: Sequence[EquityPoint]
    trades: Sequence[Trade]
    parts: MoneyParts
    months: Sequence[Month]
    sortino: Interval
    calmar: Interval
    profit_factor: Interval
    deflated_sharpe: float
    trials: int
    exposed: float
    invested: float
    turnover_year: float
    costs: Sequence[CostLevel]
    break_even_bps: float
    shuffled: Shuffled | None
    late_return: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestFigures:
    """A backtest of candles that open in `[since_ms, until_ms]`.

    `models`: what answered before the rules, in words. `holds`: return of holding each coin from
    its first candle, as a share. `held_in_parts`: of equal parts of all; the part of a coin without
    a candle at the start stays cash, as beside the accounts. `control`: see `random_entry`.
    """

    timeframe: str
    since_ms: int
    until_ms: int
    candles: int
    models: str
    cost_bps: float
    review: Review
    accounts: Sequence[AccountFigures]
    holds: Mapping[str, float]
    held_in_parts: float
    control: RandomEntry | None


def figures_of(
    done: Backtest, ledgers: Ledgers, trials: Mapping[str, int], models: str
) -> BacktestFigures:
    """All of it; the accounts are run once more, one bar late. `trials`: see `trials.tried`."""
    engine = done.engine
    rows = day_records(done.calls, engine.timeframe, engine.cost_bps)
    tables = {symbol: calls.table for symbol, calls in done.calls.items()}
    holds = {
        symbol: float(table.candles[-1, CLOSE] / table.candles[0, CLOSE]) - 1.0
        for symbol, table in tables.items()
    }
    first_ms = min(int(table.open_ms[0]) for table in tables.values())
    bought = [holds[symbol] for symbol, table in tables.items() if table.open_ms[0] == first_ms]
    return BacktestFigures(
        timeframe=engine.timeframe.name,
        since_ms=done.since_ms,
        until_ms=max(int(table.open_ms[-1]) for table in tables.values()),
        candles=done.candles,
        models=models,
        cost_bps=engine.cost_bps,
        review=review(rows, done.block_days),
        accounts=_accounts(done, ledgers, trials),
        holds=holds,
        held_in_parts=fsum(bought) / len(tables),
        control=random_entry(done),
    )


def _accounts(done: Backtest, ledgers: Ledgers, trials: Mapping[str, int]) -> list[AccountFigures]:
    late = done.ledgers(ledgers.plans, late_bars=1, opens_ms=ledgers.opens_ms)
    later = {each.name: each.statistics.return_share for each in late.reports()}
    names = [trader.plan.name for trader in ledgers.traders]
    return [
        _account(done, ledgers, trader, later[name], trials[name])
        for trader, name in zip(ledgers.traders, names, strict=True)
    ]


def _account(
    done: Backtest, ledgers: Ledgers, trader: PaperTrader, late_return: float, trials: int
) -> AccountFigures:
    report, events = ledgers.report(trader), ledgers.events[trader.plan.name]
    points, closed = trader.curve.points, trader.book.closed
    returns = np.array(daily_returns(points))
    days = max(1.0, (points[-1].at_ms - points[0].at_ms) / DAY_MS)
    before = _before_costs(closed, events, trader.plan.costs)
    notional = np.array([float(each.entry * each.amount) for each in closed])
    mean_equity = fsum(float(each.equity) for each in points) / len(points)
    exposed, held = _exposure(closed, (points[0].at_ms, points[-1].at_ms))
    return AccountFigures(
        report=report,
        points=points,
        trades=(trades := _with_ways(done, closed)),
        parts=_parts(done, closed, trades),
        months=_months(points),
        sortino=by_blocks(returns, sortino),
        calmar=by_blocks(returns, calmar),
        profit_factor=_profit_factor(closed),
        deflated_sharpe=deflated_sharpe(returns, trials),
        trials=trials,
        exposed=exposed,
        invested=held / mean_equity if mean_equity > 0.0 else nan,
        turnover_year=report.statistics.turnover * YEAR_DAYS / days,
        costs=[CostLevel(bps, float((before - notional * bps / 1e4).sum())) for bps in COSTS_BPS],
        break_even_bps=1e4 * float(before.sum() / notional.sum()) if notional.size else nan,
        shuffled=_shuffled(closed, float(report.start), report.statistics.max_drawdown),
        late_return=late_return,
    )


def _before_costs(closed: Sequence[ClosedTrade], events: Sequence[Event], costs: Costs) -> Floats:
    """The result of each trade with funding, before fees and the assumed spread and slippage."""
    moved = float(costs.half_spread_bps + costs.slippage_bps) / 1e4
    slipped: dict[str, float] = {}
    for event in events:
        is_market = event.kind is Kind.OPEN or (
            event.kind is Kind.CLOSE and not (event.reason or "").startswith("TP")
        )
        if is_market and event.prediction_id is not None:
            value = float(event.price * event.amount) * moved
            slipped[event.prediction_id] = slipped.get(event.prediction_id, 0.0) + value
    return np.array(
        [float(each.net + each.fees) + slipped.get(each.prediction_id, 0.0) for each in closed]
    )


def _exposure(closed: Sequence[ClosedTrade], span_ms: tuple[int, int]) -> tuple[float, float]:
    """Share of the span with a position, and the mean notional over the whole of it."""
    whole, covered, until_ms, held = max(1, span_ms[1] - span_ms[0]), 0, 0, 0.0
    for each in sorted(closed, key=lambda trade: trade.entry_ms):
        covered += max(0, each.exit_ms - max(each.entry_ms, until_ms))
        until_ms = max(until_ms, each.exit_ms)
        held += float(each.entry * each.amount) * (each.exit_ms - each.entry_ms)
    return covered / whole, held / whole


def _with_ways(done: Backtest, closed: Sequence[ClosedTrade]) -> list[Trade]:
    found = []
    for each in closed:
        table = done.calls[each.symbol].table
        since_ms, until_ms = candles_of(each, done.engine.timeframe)
        first, last = np.searchsorted(table.open_ms, (since_ms, until_ms + 1))
        path = table.candles[first : max(last, first + 1)]
        way = excursion(each, float(path[:, HIGH].max()), float(path[:, LOW].min()))
        found.append(Trade(each, way))
    return found


def _parts(done: Backtest, closed: Sequence[ClosedTrade], trades: Sequence[Trade]) -> MoneyParts:
    """As paper trading has them, and by the volatility at the signal in thirds of the trades."""
    parts = money_parts(closed, ())
    by = {**parts.by, "volatility": _by_volatility(done, closed)}
    return MoneyParts(by, parts.r_counts, tuple(each.way for each in trades))


def _by_volatility(done: Backtest, closed: Sequence[ClosedTrade]) -> tuple[TradeGroup, ...]:
    if not closed:
        return ()
    shares = {}
    for each in closed:
        calls = done.calls[each.symbol]
        at = int(np.searchsorted(calls.table.open_ms, candle_of(each.prediction_id)))
        shares[each.prediction_id] = float(calls.atr[at] / calls.table.candles[at, CLOSE])
    limits = np.quantile(list(shares.values()), (1 / 3, 2 / 3))

    def third(trade: ClosedTrade) -> str:
        return _TERCILES[int(np.searchsorted(limits, shares[trade.prediction_id]))]

    return groups(closed, third, _TERCILES)


def _months(points: Sequence[EquityPoint]) -> list[Month]:
    ends: dict[np.datetime64, EquityPoint] = {}
    for point in points:
        ends[np.datetime64(point.at_ms - 1, "ms").astype("datetime64[M]")] = point
    found, last = [], points[0]
    for month, point in ends.items():
        account = float(point.equity / last.equity) - 1.0 if last.equity > 0 else nan
        held = float(point.buy_and_hold / last.buy_and_hold) - 1.0
        found.append(Month(int(month.astype("datetime64[ms]").astype(int)), account, held))
        last = point
    return found


def _profit_factor(closed: Sequence[ClosedTrade]) -> Interval:
    """Of the daily sums of what was won and lost, so that days are drawn whole."""
    days: dict[int, list[float]] = {}
    for each in closed:
        won, lost = days.setdefault(each.exit_ms // DAY_MS, [0.0, 0.0])
        days[each.exit_ms // DAY_MS] = [
            won + max(0.0, float(each.net)),
            lost + min(0.0, float(each.net)),
        ]
    sums = np.array([days[day] for day in sorted(days)]).reshape(-1, 2)

    def factor(drawn: Floats) -> Floats:
        won, lost = (sums[drawn.astype(np.int64), column].sum(axis=1) for column in (0, 1))
        out: Floats = np.divide(won, -lost, out=np.full(won.size, np.nan), where=lost < 0.0)
        return out

    return by_blocks(np.arange(sums.shape[0], dtype=np.float64), factor)


def _shuffled(closed: Sequence[ClosedTrade], start: float, deepest: float) -> Shuffled | None:
    if len(closed) < 2:
        return None
    net = np.array([float(each.net) for each in closed])
    growth = net / (start + np.concatenate(([0.0], np.cumsum(net)[:-1])))
    found = shuffled_drawdowns(growth)
    worst = float(np.percentile(found, 95.0))
    return Shuffled(float(np.median(found)), worst, float((found > deepest).mean()))
