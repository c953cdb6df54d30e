"""Random quotes and candles: restarts change no ledger, and no fill is older than its signal."""

import random
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.ledger import Account, Event, Kind, apply
from crypto_bot.domain.paper import Market
from crypto_bot.domain.quote import Level, OrderBook, Quote
from crypto_bot.ports import StoredSignal
from tests.domain.paper_accounts import COSTS, EXITS, NO_RULES, T0, TF_MS, D, plan
from tests.engine.paper.paper_world import SYMBOLS, RandomMarket, World

RULES = NO_RULES._replace(late=True, max_positions=2, total_exposure=D("0.9"), cooldown_bars=1)
PLANS = (
    plan(name="spot", market=Market.SPOT, rules=RULES, costs=COSTS),
    plan(name="perp", exits=EXITS._replace(trail_atr=D("1.5")), rules=RULES, costs=COSTS),
)
READINGS = 4


def reading(candles: Mapping[str, Candle], at_ms: int, rng: random.Random) -> dict[str, Quote]:
    """A random price within each candle, with a spread."""
    found = {}
    for symbol, candle in candles.items():
        middle = Decimal(str(round(rng.uniform(candle.low, candle.high), 2)))
        found[symbol] = Quote(symbol, middle, middle + D("0.02"), at_ms)
    return found


def books(quotes: Mapping[str, Quote], wanted: set[str], thin: Decimal) -> dict[str, OrderBook]:
    return {
        symbol: OrderBook(
            symbol,
            (Level(quotes[symbol].bid, thin), Level(quotes[symbol].bid - D("0.05"), D(500))),
            (Level(quotes[symbol].ask, thin), Level(quotes[symbol].ask + D("0.05"), D(500))),
            quotes[symbol].at_ms,
        )
        for symbol in wanted
    }


def traded(seed: int, restarts: set[int]) -> World:
    """40 bars, four readings in each; a new process before every step in `restarts`."""
    world, rng = World(*PLANS), random.Random(seed)
    paper = world.start(at_open=False)
    step = 0
    bars = RandomMarket(seed, 40).bars
    signals: list[StoredSignal] = []
    for bar, (candles, calls) in enumerate(bars):
        for number in range(READINGS):
            step += 1
            world.now_ms = T0 + bar * TF_MS + 3000 + number * 60_000
            if step in restarts:
                paper = world.start(at_open=False)
            quotes = reading(candles, world.now_ms, rng)
            paper.observe(quotes, books(quotes, paper.wanted(quotes), D(rng.randint(1, 60))))
        signals = world.close(bar, candles, **calls)
        if -step not in restarts:  # else the process ends between the commit and the notification
            paper.committed(signals, [])
            paper.advance()
        else:
            paper = world.start(at_open=False)
            paper.advance()
    return world


@pytest.mark.slow
@settings(max_examples=5)
@given(st.integers(0, 10**6), st.sets(st.integers(-160, 160), max_size=40))
@example(140_274, {-READINGS})  # the first commit of all, before an account was opened
def test_restarts_change_nothing_and_no_fill_precedes_its_signal(
    seed: int, restarts: set[int]
) -> None:
    calm, rough = traded(seed, set()), traded(seed, restarts)
    assert rough.contents() == calm.contents()
    for each in PLANS:
        sound(Account(each.name, each.market), calm.events(each.name))
    calm.database.close()
    rough.database.close()


def sound(account: Account, events: list[Event]) -> None:
    entered_ms: dict[str, int] = {}
    for event in events:
        account, _ = apply(account, event)
        assert event.prediction_id is None or event.symbol in SYMBOLS
        if event.kind is Kind.OPEN:
            assert event.prediction_id is not None
            closed_ms = int(event.prediction_id.rpartition(":")[2]) + TF_MS
            assert closed_ms + 1500 < event.at_ms < closed_ms + TF_MS // 4
            entered_ms[event.prediction_id] = event.at_ms
        elif event.prediction_id is not None and event.kind is Kind.CLOSE:
            assert event.at_ms > entered_ms[event.prediction_id]
        if account.market is Market.SPOT:
            assert account.cash >= 0, "spot purchases need cash"
    assert entered_ms, "the test needs at least one trade"
