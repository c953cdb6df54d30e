"""Equity of random strategies, against a few lines of NumPy that share no code with the ledger."""

import numpy as np
import pytest

from crypto_bot.backtesting.ledgers import Ledgers
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.fills import Costs
from crypto_bot.domain.market import Bar
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import EXITS, T0, TF_MS, D, plan
from tests.engine.paper.paper_world import M15, made

BARS, HELD, STRATEGIES, SYMBOL = 120, 5, 60, "AUSDT"
FINE = Instrument(SYMBOL, D("1e-9"), D("1e-9"), D("1e-9"), D(0))
COSTS = Costs(D(7), D(7), D(2), D(1), D(0))
FAR = EXITS._replace(stop_atr=D(50), targets_atr=(D(60), D(70), D(80)), bars=HELD)
"""Nothing but the end of its time ends a trade."""
RISK = 0.01


@pytest.mark.parametrize("seed", range(STRATEGIES))
def test_the_equity_of_every_bar_equals_that_of_arrays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    opened = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.004, BARS))), 4)
    close = np.round(opened * np.exp(rng.normal(0.0, 0.003, BARS)), 4)
    side = rng.choice([-1, 0, 1], BARS, p=[0.1, 0.8, 0.1])
    ledgers = Ledgers(
        plans=[plan(costs=COSTS, exits=FAR, funding_bps=D(0))],
        timeframe=M15,
        symbols=[SYMBOL],
        instruments={SYMBOL: FINE},
    )
    (trader,) = ledgers.traders
    found = []
    for bar in range(BARS):
        prices = float(opened[bar]), float(close[bar])
        at_ms = T0 + bar * TF_MS
        candle = Candle(at_ms, prices[0], max(prices), min(prices), prices[1], 1.0)
        pred = (Pred.SHORT, Pred.NO_TRADE, Pred.LONG)[side[bar] + 1]
        calls = [made(SYMBOL, bar, pred, atr=0.5)] if side[bar] else []
        if bar:
            ledgers.take(Bar(candle.open_ms, {SYMBOL: candle}), calls)
        else:
            ledgers.begin(candle.open_ms, {SYMBOL: [candle]}, calls)
        found.append(float(trader.book.account.equity(trader.marks)))
    expected = by_arrays(opened, close, side)
    assert np.allclose(found, expected, rtol=1e-9, atol=0.0)
    assert len(trader.book.closed) > 5


def by_arrays(opened: np.ndarray, close: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Enters at the next open, leaves at the close of the fifth candle; one position at a time."""
    moved, fee, cash, bar = 3e-4, 7e-4, 10_000.0, 0
    equity = np.full(BARS, cash)
    while bar < BARS:
        equity[bar:] = cash
        if not side[bar] or bar + 1 >= BARS:
            bar += 1
            continue
        way, last = side[bar], min(bar + HELD, BARS - 1)
        entry = opened[bar + 1] * (1.0 + way * moved)
        amount = cash * RISK / (50 * 0.5)
        cash -= amount * entry * fee
        path = close[bar + 1 : last + 1]
        equity[bar + 1 : last + 1] = cash + way * amount * (path - entry)
        if last < bar + HELD:
            return equity
        leave = close[last] * (1.0 - way * moved)
        cash += way * amount * (leave - entry) - amount * leave * fee
        equity[last:] = cash
        bar = last
    return equity
