"""Equity of random strategies at every bar, against an independent library, backtesting.py."""

import numpy as np
import pytest

from crypto_bot.backtesting.ledgers import Ledgers
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.fills import Costs
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.market import Bar
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import EXITS, T0, TF_MS, D, plan
from tests.engine.paper.independent_library import CASH, FIRST, SYMBOL, WHOLE, replayed
from tests.engine.paper.paper_world import M15, made

BARS = 120
PLAN = plan(
    start=D(CASH),
    costs=Costs(D(10), D(10), D(0), D(0), D(0)),
    exits=EXITS._replace(bars=10**6),
    funding_bps=D(0),
)


@pytest.mark.parametrize(
    "seeds", [range(15), pytest.param(range(15, 1_000), marks=pytest.mark.slow)]
)
def test_the_equity_of_every_bar_equals_that_of_an_independent_library(seeds: range) -> None:
    trades, unequal = 0, []
    for seed in seeds:
        candles, side = market(seed)
        ours, opened = traded(candles, side)
        theirs = replayed(candles, opened, closes_the_last=False)["_equity_curve"]["Equity"]
        if not np.allclose(ours, theirs, rtol=1e-9, atol=0.0):
            unequal.append(seed)
        trades += len(opened)
    assert unequal == []
    assert trades > 5 * len(seeds)


def market(seed: int) -> tuple[list[Candle], np.ndarray]:
    """A random walk with gaps between candles, and a side for each candle."""
    rng = np.random.default_rng(seed)
    candles, last = [], 100.0
    for bar in range(BARS):
        opened = round(last * (1.0 + rng.normal(0.0, 0.004)), 2)
        path = np.round(opened * (1.0 + rng.normal(0.0, 0.01, 3)), 2).tolist()
        high, low = max(opened, *path), min(opened, *path)
        candles.append(Candle(T0 + bar * TF_MS, opened, high, low, path[2], 1.0))
        last = path[2]
    side = rng.choice([-1, 0, 1], BARS, p=[0.15, 0.7, 0.15])
    side[:FIRST] = 0
    return candles, side


def traded(candles: list[Candle], side: np.ndarray) -> tuple[list[float], list[Event]]:
    """The equity of each bar, and the entries."""
    ledgers = Ledgers(plans=[PLAN], timeframe=M15, symbols=[SYMBOL], instruments={SYMBOL: WHOLE})
    (trader,) = ledgers.traders
    found = []
    for bar, candle in enumerate(candles):
        pred = (Pred.SHORT, Pred.NO_TRADE, Pred.LONG)[side[bar] + 1]
        atr = round(candle.close * 0.012, 2)
        calls = [made(SYMBOL, bar, pred, entry=candle.close, atr=atr)] if side[bar] else []
        if bar:
            ledgers.take(Bar(candle.open_ms, {SYMBOL: candle}), calls)
        else:
            ledgers.begin(candle.open_ms, {SYMBOL: [candle]}, calls)
        found.append(float(trader.book.account.equity(trader.marks)))
    events = ledgers.events[PLAN.name]
    return found, [event for event in events if event.kind is Kind.OPEN]
