"""What an account has shown, by hand and over made-up accounts."""

import random
from decimal import Decimal
from itertools import pairwise
from math import sqrt
from statistics import mean, stdev

import pytest

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN
from crypto_bot.domain.ledger import Account
from crypto_bot.domain.paper import Market
from crypto_bot.domain.paper_report import AccountStatistics, ClosedTrade, EquityPoint
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.engine.paper.equity_curve import EquityCurve
from crypto_bot.engine.paper.price_memory import WINDOW_BARS, PriceMemory
from crypto_bot.engine.paper.statistics import sharpe, statistics
from tests.domain.paper_accounts import T0, TF_MS, D
from tests.engine.paper.paper_world import M15, candle


def trade(number: int, net: str, r: float) -> ClosedTrade:
    return ClosedTrade(
        symbol="BTCUSDT",
        side=Pred.LONG,
        amount=D(1),
        entry=D(100),
        entry_ms=T0,
        exit=D(100),
        exit_ms=T0 + number * DAY_MS // 4,
        reason="SL",
        gross=D(net),
        fees=D(0),
        funding=D(0),
        net=D(net),
        r=r,
        prediction_id=f"p{number}",
        source=Source.RSI_MA,
    )


def measured(trades: list[ClosedTrade], equity: list[float]) -> AccountStatistics:
    points = [
        EquityPoint(T0 + day * DAY_MS, Decimal(str(value)), D(100))
        for day, value in enumerate(equity)
    ]
    account = Account("main", Market.SPOT, traded=D(1000), fees=D(3), funding=D(-1))
    return statistics(account, trades, points, 0.25)


def test_by_hand() -> None:
    won, lost = [trade(n, "3", 1.5) for n in range(20)], [trade(n, "-2", -1.0) for n in range(20)]
    found = measured(won + lost, [100.0, 110.0, 121.0])
    assert (found.trades, found.profit_factor) == (40, 1.5)
    assert found.return_share == pytest.approx(0.21)
    assert found.buy_and_hold_share == 0.0
    assert found.win_rate.value == 0.5
    assert found.expectancy_r.value == pytest.approx(0.25)
    assert found.turnover == pytest.approx(1000 / (331 / 3))
    assert (found.max_drawdown, found.fees, found.funding) == (0.25, D(3), D(-1))
    assert found.sharpe == UNKNOWN, "of two days"
    assert found.sortino is None


def test_little_is_not_much() -> None:
    found = measured([trade(n, "1", 1.0) for n in range(29)], [100.0])
    assert not found.win_rate.is_estimated
    assert found.win_rate.is_bounded
    assert not found.expectancy_r.is_estimated
    assert found.profit_factor is None
    empty = measured([], [])
    assert (empty.return_share, empty.turnover, empty.win_rate) == (0.0, 0.0, UNKNOWN)


def test_sharpe_and_sortino_by_their_formulas() -> None:
    rng = random.Random(5)
    equity = [100.0]
    for _ in range(60):
        equity.append(round(equity[-1] * (1 + rng.gauss(0.001, 0.02)), 6))
    returns = [b / a - 1 for a, b in pairwise(equity)]
    found = measured([], equity)
    assert found.sharpe.value == pytest.approx(mean(returns) / stdev(returns) * sqrt(365))
    downside = sqrt(sum(min(r, 0) ** 2 for r in returns) / 60)
    assert found.sortino == pytest.approx(mean(returns) / downside * sqrt(365))


def test_the_interval_of_the_sharpe_ratio_covers_what_is_true() -> None:
    """300 accounts of 120 days whose true ratio is known: 95 % of the intervals should hold it."""
    rng = random.Random(9)
    true = 0.1 * sqrt(365)
    held = 0
    for _ in range(300):
        found = sharpe([rng.gauss(0.1, 1.0) for _ in range(120)])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= true <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_the_curve_keeps_midnights_and_knows_the_deepest_fall() -> None:
    curve = EquityCurve(D(100), ["BTCUSDT"])
    values = [100, 120, 90, 108, 96]
    for number, value in enumerate(values):
        curve.add(EquityPoint(T0 + DAY_MS // 2 * (number + 1), D(value), D(100)))
    assert [int(point.equity) for point in curve.points] == [100, 120, 108, 96]
    assert curve.deepest == pytest.approx(0.25)
    assert curve.peak == 120
    assert curve.day_start(T0 + 2 * DAY_MS + 5) == 108
    assert EquityCurve(D(100), ["BTCUSDT"]).day_start(T0 + 5) == 100
    assert [int(point.equity) for point in curve.drawn(100)] == values
    curve.resumed(T0 + 3 * DAY_MS)
    assert curve.peak == 96


def test_the_memory_is_of_the_window_alone() -> None:
    rng = random.Random(1)
    memory = PriceMemory(M15)
    price = {"A": 100.0, "B": 50.0, "C": 20.0}
    series: dict[str, list[Candle]] = {symbol: [] for symbol in price}
    for bar in range(2 * WINDOW_BARS):
        move = rng.gauss(0, 0.01)
        for symbol, sign in (("A", 1), ("B", 1), ("C", -1)):
            price[symbol] *= 1 + sign * move + rng.gauss(0, 0.001)
            series[symbol].append(candle(bar, *[round(price[symbol], 4)] * 4))
        memory.take(T0 + bar * TF_MS, {symbol: of[-1] for symbol, of in series.items()})
    fresh = PriceMemory(M15)
    fresh.load({symbol: of[-WINDOW_BARS:] for symbol, of in series.items()})
    assert (
        fresh.prices() == memory.prices() == {s: D(str(of[-1].close)) for s, of in series.items()}
    )
    correlations = memory.correlations("A", ["B", "C", "NEVER"])
    assert correlations == fresh.correlations("A", ["B", "C"])
    assert correlations["B"] > 0.98
    assert correlations["C"] < -0.98
