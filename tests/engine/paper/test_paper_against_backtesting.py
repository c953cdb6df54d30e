"""The same trades through an independent library, backtesting.py: the same exits and money."""

import random

import pandas as pd
import pytest

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.fills import Costs
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.paper import Plan
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import EXITS, T0, TF_MS, D, plan
from tests.engine.paper.independent_library import FIRST, SYMBOL, WHOLE, replayed
from tests.engine.paper.paper_world import World, candle, made

BARS = 1500


def market(seed: int) -> list[Candle]:
    """A random walk with gaps between candles."""
    rng = random.Random(seed)
    candles, last = [], 100.0
    for bar in range(BARS):
        opened = round(last * (1 + rng.gauss(0, 0.004)), 2)
        path = [round(opened * (1 + rng.gauss(0, 0.01)), 2) for _ in range(3)]
        candles.append(candle(bar, opened, max(opened, *path), min(opened, *path), path[2]))
        last = path[2]
    return candles


def traded(of: Plan, candles: list[Candle], seed: int) -> list[Event]:
    """The ledger of random signals."""
    rng = random.Random(seed)
    world = World(of, symbols=[SYMBOL])
    world.instruments = {SYMBOL: WHOLE}
    for bar, each in enumerate(candles):
        pred = rng.choice([Pred.LONG, Pred.SHORT, *[Pred.NO_TRADE] * 4])
        if bar < FIRST:
            pred = Pred.NO_TRADE
        call = made(SYMBOL, bar, pred, entry=each.close, atr=round(each.close * 0.012, 2))
        world.close(bar, {SYMBOL: each}, AUSDT=call)
    world.start().advance()
    events = world.events()
    world.database.close()
    return events


Exits = list[tuple[str, float, int, int]]


@pytest.mark.parametrize("seed", [1, 2])
def test_exits_and_cash_equal_those_of_an_independent_library(seed: int) -> None:
    costs = Costs(D(10), D(10), D(0), D(0), D(0))
    exits = EXITS._replace(bars=10**6)
    of = plan(start=D(1_000_000), costs=costs, exits=exits, funding_bps=D(0))
    candles = market(seed)
    events = traded(of, candles, seed)
    opened = [event for event in events if event.kind is Kind.OPEN]
    theirs = replayed(candles, opened, closes_the_last=True)["_trades"]
    closes = [event for event in events if event.kind is Kind.CLOSE]
    assert len(opened) > 50
    assert {event.reason for event in closes} == {"TP1", "TP2", "TP3", "SL"}
    ended = {event.prediction_id for event in closes if event.reason in {"TP3", "SL"}}
    theirs = theirs[theirs["Tag"].isin(ended)]
    exits_ours, exits_theirs = our_exits(closes, ended), exits_of(theirs)
    assert [each[:3] for each in exits_ours] == [each[:3] for each in exits_theirs]
    bars = [(o[3], t[3]) for o, t in zip(exits_ours, exits_theirs, strict=True)]
    # The ledger records an exit within a candle at its close, one at the open at the open.
    assert {at - bar for at, bar in bars} == {0, 1}
    ours = sum(event.cash for event in events if event.prediction_id in ended)
    assert theirs["PnL"].sum() == pytest.approx(float(ours), abs=1e-3)
    paid = sum(event.fee for event in events if event.prediction_id in ended)
    assert theirs["Commission"].sum() == pytest.approx(float(paid), abs=1e-3)


def our_exits(closes: list[Event], ended: set[str | None]) -> Exits:
    """Position, price, amount and bar of each exit; a stop closes one amount."""
    return sorted(
        (str(e.prediction_id), float(e.price), int(e.amount), (e.at_ms - T0) // TF_MS)
        for e in closes
        if e.prediction_id in ended
    )


def exits_of(frame: pd.DataFrame) -> Exits:
    sizes: dict[tuple[str, float, int], int] = {}
    columns = (frame[name].tolist() for name in ("Tag", "ExitPrice", "ExitBar", "Size"))
    for tag, price, bar, size in zip(*columns, strict=True):
        sizes[tag, price, bar] = sizes.get((tag, price, bar), 0) + abs(size)
    return sorted((tag, price, size, bar) for (tag, price, bar), size in sizes.items())
