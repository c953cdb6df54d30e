"""Equity of random strategies at every bar, against an independent library, backtesting.py."""

import warnings

import numpy as np
import pandas as pd
import pytest

from crypto_bot.backtesting.ledgers import Ledgers
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.fills import Costs
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.market import Bar
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import EXITS, T0, TF_MS, D, plan
from tests.engine.paper.paper_world import M15, made

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # warnings of the library on import
    from backtesting import Backtest, Strategy

BARS, SYMBOL, RATE, CASH = 120, "AUSDT", 0.001, 1_000_000
FIRST = 2
"""The library has no step on its first bar."""
WHOLE = Instrument(SYMBOL, D("0.01"), D(1), D(1), D(5))
"""The library trades whole coins only."""
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
        theirs = replayed(candles, opened)
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


def replayed(candles: list[Candle], opened: list[Event]) -> list[float]:
    """The equity of each bar; a position becomes one order for each target, with the same stop."""
    orders = {(event.at_ms - T0) // TF_MS - 1: event for event in opened}

    class Followed(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            pass

        def next(self) -> None:
            event = orders.get(len(self.data) - 1)
            if event is None:
                return
            assert event.terms is not None
            enter = self.buy if event.side is Pred.LONG else self.sell
            for target in event.terms.targets:
                enter(size=int(target.amount), sl=float(event.terms.stop), tp=float(target.price))

    columns = ["at", "Open", "High", "Low", "Close", "Volume"]
    frame = pd.DataFrame(candles, columns=columns).set_index("at")
    frame.index = pd.to_datetime(frame.index, unit="ms")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an open trade at the end is meant
        done = Backtest(frame, Followed, cash=CASH, commission=RATE, hedging=True).run()
    equity: list[float] = done["_equity_curve"]["Equity"].tolist()
    return equity
