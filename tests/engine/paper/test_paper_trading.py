"""Paper accounts on a real database: fills from candles and from quotes, and restarts."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.ledger import Account, Event, apply
from crypto_bot.domain.paper import Market, Plan
from crypto_bot.domain.paper_report import EquityPoint, KillSwitch
from crypto_bot.domain.quote import Funding, Level, OrderBook
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import COSTS, EXITS, FREE, NO_RULES, T0, TF_MS, D, plan
from tests.engine.paper.paper_world import SYMBOLS, RandomMarket, World, candle, flat, made, quote

LIVE = NO_RULES._replace(late=True)


Make = Callable[..., World]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes worlds of accounts, and starts their paper trading."""
    with ExitStack() as opened:

        def world(*plans: Plan, at_open: bool = True) -> World:
            made_ = World(*(plans or (plan(costs=FREE),)))
            opened.callback(made_.database.close)
            made_.start(at_open=at_open)
            return made_

        yield world


def test_a_signal_is_filled_at_the_next_open_and_settled_along_the_candles(make: Make) -> None:
    world = make()
    (unpaid,) = world.paper.accounts()
    assert (unpaid.cash, unpaid.equity) == (D(10_000), D(10_000))
    assert unpaid.statistics.return_share == 0.0
    world.ran(0, Pred.LONG)
    assert world.summary() == [("DEPOSIT", None, None, "0")]
    world.moved(1, 100.5, 102.6, 100, 102)
    world.moved(2, 102, 102, 98, 99)
    assert world.summary()[1:] == [
        ("OPEN", "AUSDT", None, "100.50"),
        ("CLOSE", "AUSDT", "TP1", "102.50"),
        ("CLOSE", "AUSDT", "SL", "98.50"),
    ]
    (account,) = world.paper.accounts()
    (trade,) = account.closed_trades
    # 1 % of 10,000 at 2 a coin: 50; 25 x 2 - 25 x 2
    assert (trade.amount, trade.gross, trade.net, trade.r) == (D(50), D(0), D(0), 0.0)
    assert trade.exit == Decimal("100.5")
    assert account.equity == account.cash == 10_000
    # a third of buy and hold fell from 100 to 99
    assert account.curve[-1] == EquityPoint(T0 + 3 * TF_MS, D(10_000), D("9966.66666667"))


def test_late_signals_and_no_trade_are_not_traded(make: Make) -> None:
    world = make(plan(rules=LIVE))
    world.ran(0)
    hold = made("AUSDT", 1, Pred.NO_TRADE)
    late = made("BUSDT", 1, late=True)
    world.close(1, flat(1), AUSDT=hold, BUSDT=late)
    world.paper.advance()
    world.ran(2)
    assert [event.kind.value for event in world.events()] == ["DEPOSIT"]
    (refusal,) = world.paper.refusals("main", 10)
    assert (refusal.prediction_id, refusal.rule) == (late.signal.id, "late")
    assert world.paper.accounts()[0].refusals == {"late": 1}


def test_a_new_account_starts_now_and_not_with_the_log(make: Make) -> None:
    world = make(plan(rules=LIVE))
    for bar in range(5):
        world.close(bar, flat(bar), AUSDT=made("AUSDT", bar))
    world.start()
    world.paper.advance()
    (deposit,) = world.events()
    assert deposit.at_ms == T0 + 5 * TF_MS
    assert world.paper.refusals("main", 10) == []


RULES = NO_RULES._replace(
    max_positions=2,
    coin_exposure=D("0.5"),
    total_exposure=D("0.9"),
    correlated_positions=1,
    correlated_from=0.2,
    cooldown_bars=2,
    daily_loss=D("0.02"),
    drawdown=D("0.1"),
)
TRAILING = EXITS._replace(trail_atr=D("1.5"))
PLANS = (
    plan(name="spot", market=Market.SPOT, rules=RULES),
    plan(name="perp", exits=TRAILING, rules=RULES),
)


@pytest.mark.slow
@settings(max_examples=6)
@given(st.integers(0, 10**6), st.data())
def test_restarts_and_the_order_of_coins_change_nothing(seed: int, data: st.DataObject) -> None:
    """Any restarts and any order of coins give the same ledger, and it balances."""
    market = RandomMarket(seed, 70)
    calm, rough = World(*PLANS), World(*PLANS)
    paper = calm.start()
    for bar, (candles, calls) in enumerate(market.bars):
        calm.close(bar, candles, **calls)
        paper.advance()
    rng = random.Random(seed)
    at = dict.fromkeys(SYMBOLS, 0)
    paper = rough.start()
    while min(at.values()) < len(market.bars):
        symbol = rng.choice([s for s in SYMBOLS if at[s] < len(market.bars)])
        for _ in range(rng.randint(1, 9)):
            if at[symbol] < len(market.bars):
                candles, calls = market.bars[at[symbol]]
                rough.close(at[symbol], {symbol: candles[symbol]}, **{symbol: calls[symbol]})
                at[symbol] += 1
        what = data.draw(st.sampled_from(["advance", "restart", "neither"]))
        if what == "restart":
            paper = rough.start()
        if what != "neither":
            paper.advance()
    rough.start().advance()
    assert rough.contents() == calm.contents()
    for each in PLANS:
        balanced(each, calm.events(each.name), calm.store.points(each.name))
    calm.database.close()
    rough.database.close()


def balanced(of: Plan, events: list[Event], points: list[EquityPoint]) -> None:
    account, trades = Account(of.name, of.market), 0
    for event in events:
        account, ended = apply(account, event)
        trades += ended is not None
    assert len({event.id for event in events}) == len(events)
    assert trades > 0, "the test needs at least one trade"
    if not account.positions:
        assert points[-1].equity == account.cash


def test_a_quote_after_the_signal_opens_and_a_quote_closes(make: Make) -> None:
    world = make(plan(rules=LIVE), at_open=False)
    world.ran(0)
    call = world.called(1)
    assert world.paper.needs_quotes()
    world.paper.observe(quote("AUSDT", "99.98", "100.00", call.created_ms), {})
    assert len(world.events()) == 1, "a quote not later than the signal"
    at_ms = call.created_ms + 1
    first = quote("AUSDT", "99.98", "100.00", at_ms)
    assert world.paper.wanted(first) == {"AUSDT"}
    levels = (Level(D("100.00"), D(20)), Level(D("100.10"), D(80)))
    book = OrderBook("AUSDT", (Level(D("99.98"), D(500)),), levels, at_ms)
    world.paper.observe(first, {"AUSDT": book})
    world.paper.observe(first, {"AUSDT": book})
    opened = world.events()[1]
    # 20 at 100.00 and 30 at 100.10: 100.06
    assert (opened.price, opened.amount, opened.at_ms) == (D("100.06"), D("50.000"), at_ms)
    assert opened.fee == D("5.003")  # 10 bp of 5,003
    world.paper.observe(quote("AUSDT", "102.06", "102.08", at_ms + 5000), {})
    stop = quote("AUSDT", "98.00", "98.02", at_ms + 10_000)
    assert world.paper.wanted(stop) == {"AUSDT"}
    world.paper.observe(
        stop, {"AUSDT": OrderBook("AUSDT", (Level(D("97.99"), D(500)),), (), at_ms)}
    )
    assert world.summary()[2:] == [
        ("CLOSE", "AUSDT", "TP1", "102.06"),
        ("CLOSE", "AUSDT", "SL", "97.99"),
    ]
    assert not world.paper.needs_quotes()


def book_at(price: str, at_ms: int) -> dict[str, OrderBook]:
    levels = (Level(D(price), D(500)),)
    return {"AUSDT": OrderBook("AUSDT", levels, levels, at_ms)}


@pytest.mark.parametrize(
    ("others", "book", "why"),
    [
        ({}, None, "its order book cannot be read"),
        ({}, "100", "where its order book is not"),
        ({"BUSDT": ("90", "90.02")}, "90", "as BUSDT is"),
    ],
)
def test_a_jump_that_only_the_quote_has_is_not_believed_however_often_it_is_read(
    make: Make, others: dict[str, tuple[str, str]], book: str | None, why: str
) -> None:
    world = opened_at_quotes(make)
    for symbol in others:
        world.moved(2, 100, 100, 100, 100)
        world.archive.add({symbol: [candle(2, 90, 90, 90, 90)]})
    world.start(at_open=False)
    for read in range(4):
        at_ms = world.now_ms + read * 3000
        quotes = quote("AUSDT", "90", "90.02", at_ms)
        for symbol, sides in others.items():
            quotes |= quote(symbol, *sides, at_ms)
        assert "AUSDT" in world.paper.wanted(quotes)
        refused = world.paper.observe(quotes, book_at(book, at_ms) if book else {})
        assert list(refused) == ["AUSDT"]
        assert why in refused["AUSDT"]
    assert [event.kind.value for event in world.events()] == ["DEPOSIT", "OPEN"]


def test_a_jump_that_the_order_book_has_too_is_believed(make: Make) -> None:
    world = opened_at_quotes(make)
    world.start(at_open=False)
    assert not world.paper.observe(quote("AUSDT", "100", "100.02", world.now_ms), {})
    jumped = quote("AUSDT", "90", "90.02", world.now_ms + 3000)
    assert world.paper.wanted(jumped) == {"AUSDT"}
    assert not world.paper.observe(jumped, book_at("90", world.now_ms))
    assert world.summary()[2:] == [("CLOSE", "AUSDT", "SL", "90.00")]


def opened_at_quotes(make: Make, **changed: object) -> World:
    """A long of 50 at 100.01 from the first seconds of the second bar."""
    world = make(plan(**{"rules": LIVE, **changed}), at_open=False)
    world.ran(0)
    call = world.called(1)
    world.paper.observe(quote("AUSDT", "99.98", "100.00", call.created_ms + 100), {})
    assert world.summary()[1:] == [("OPEN", "AUSDT", None, "100.01")]
    return world


def test_after_downtime_the_missed_candles_settle_what_is_open(make: Make) -> None:
    world = opened_at_quotes(make)
    world.close(2, {**flat(2), "AUSDT": candle(2, 100, 105, 99, 101)})  # the candle of the entry
    world.close(3, {**flat(3), "AUSDT": candle(3, 101, 102.5, 101, 102)})
    world.close(
        4, {**flat(4), "AUSDT": candle(4, 102, 104.5, 98, 104)}
    )  # reaches both: the stop first
    world.start(at_open=False).advance()
    assert world.summary()[2:] == [
        ("CLOSE", "AUSDT", "TP1", "102.01"),
        ("CLOSE", "AUSDT", "SL", "97.99"),  # 98.01 less 2 bp
    ]


@pytest.mark.parametrize("left", ["delisted", "dropped"])
@pytest.mark.parametrize("at_open", [True, False])
def test_a_position_in_a_coin_that_left_is_carried_for_a_day_then_closed_at_its_last_close(
    make: Make, left: str, *, at_open: bool
) -> None:
    """Delisted, or dropped from the symbols file; restarts on the way change nothing."""
    world = make(plan(rules=NO_RULES if at_open else LIVE), at_open=at_open)
    world.ran(0)
    if at_open:
        world.ran(1, Pred.LONG)
    else:
        call = world.called(1)
        world.paper.observe(quote("AUSDT", "99.98", "100.00", call.created_ms + 100), {})
    world.moved(2, 100, 100.5, 100, 100.25)
    assert world.summary()[1][:2] == ("OPEN", "AUSDT")
    others = ("BUSDT", "CUSDT")
    for bar in range(3, 3 + 200):
        if bar == 50:
            world.symbols = others if left == "dropped" else world.symbols
            world.start(at_open=at_open)
        world.close(bar, flat(bar, others))
        world.paper.advance()
        if bar == 60 and not at_open:
            assert [each.price for each in world.paper.accounts()[0].open_positions] == [
                D("100.25")
            ]
    closed = world.events()[-1]
    closes = [each for each in world.summary() if each[0] == "CLOSE"]
    assert closes == [("CLOSE", "AUSDT", "GONE", "100.25")]
    assert closed.at_ms == T0 + (2 + 95 + 1) * TF_MS
    assert not world.paper.needs_quotes()


def test_a_signal_without_a_quote_in_time_is_refused(make: Make) -> None:
    world = make(plan(rules=LIVE), at_open=False)
    world.ran(0)
    call = made("AUSDT", 1)
    world.paper.committed(world.close(1, flat(1), AUSDT=call), [])
    world.now_ms = T0 + 2 * TF_MS + TF_MS // 4 + 1
    world.paper.observe(quote("AUSDT", "100", "100.02", world.now_ms), {})
    world.ran(2)
    assert [(r.prediction_id, r.rule) for r in world.paper.refusals("main", 9)] == [
        (call.signal.id, "price")
    ]


def test_the_kill_switch_closes_positions_survives_a_restart_and_is_resumed(make: Make) -> None:
    world = opened_at_quotes(make)
    world.start(at_open=False)
    assert not world.paper.kill_switch().on
    switch = world.paper.stop("page", "too hot")
    assert switch == KillSwitch(on=True, since_ms=world.now_ms, by="page", reason="too hot")
    world.start(at_open=False)
    assert world.paper.kill_switch() == switch
    world.paper.observe(quote("AUSDT", "100.5", "100.52", world.now_ms + 1), {})
    assert world.summary()[2:] == [("CLOSE", "AUSDT", "KILL", "100.48")]
    call = world.called(2)
    world.paper.observe(quote("AUSDT", "100", "100.02", call.created_ms + 1), {})
    refusal = world.paper.refusals("main", 9)[0]
    assert (refusal.rule, refusal.reason) == ("kill_switch", "stopped by page: too hot")
    world.paper.resume("page")
    call = world.called(3)
    world.paper.observe(quote("AUSDT", "100", "100.02", call.created_ms + 1), {})
    assert world.summary()[-1][:2] == ("OPEN", "AUSDT")


def test_with_candle_fills_the_kill_switch_closes_at_the_next_open(make: Make) -> None:
    world = make()
    world.ran(0, Pred.LONG)
    world.ran(1)
    world.paper.stop("command", "")
    world.ran(2)
    world.close(3, flat(3, price=101.0), BUSDT=made("BUSDT", 3))
    world.paper.advance()
    world.ran(4)
    assert world.summary()[-1] == ("CLOSE", "AUSDT", "KILL", "101.00")
    assert [(r.rule, r.reason) for r in world.paper.refusals("main", 9)] == [
        ("kill_switch", "stopped by command")
    ]


def test_assumed_funding(make: Make) -> None:
    """1 bp of the notional every eight hours, when the exchange publishes no rate."""
    world = make()
    for bar in range(34):
        world.ran(bar, Pred.SHORT if bar == 30 else None)
    funding = [event for event in world.events() if event.kind == "FUNDING"]
    assert [(each.at_ms, each.amount, each.cash) for each in funding] == [
        (T0 + 32 * TF_MS, D(5000), D("0.5"))  # a short of 50 at 100 receives it
    ]


def test_funding_of_the_exchange_is_paid_once(make: Make) -> None:
    world = opened_at_quotes(make, market=Market.PERP)
    world.start(at_open=False, funded=True)
    opened_ms = world.events()[1].at_ms
    assert world.paper.held_contracts() == {"AUSDT": opened_ms}
    due = [
        Funding("AUSDT", opened_ms - 1, D("0.0003")),
        Funding("AUSDT", opened_ms + 9, D("0.0002")),
    ]
    world.paper.pay_funding(due)
    world.paper.pay_funding(due)
    assert world.paper.held_contracts() == {"AUSDT": opened_ms + 9}
    world.start(at_open=False, funded=True)
    world.paper.pay_funding(due)
    assert [event.cash for event in world.events() if event.kind == "FUNDING"] == [D("-1.00")]


def test_reports_of_two_accounts(make: Make) -> None:
    world = make(plan(name="a", costs=COSTS), plan(name="b", market=Market.SPOT, costs=COSTS))
    world.ran(0, Pred.SHORT)
    world.ran(1)
    a, b = world.paper.accounts()
    assert [p.symbol for p in a.open_positions] == ["AUSDT"]
    assert (b.open_positions, b.refusals) == ((), {"long_only": 1})
    (held,) = a.open_positions
    assert held.price == D("100.0")
    # sold at 99.98; 50 coins: 1.00 below, and 10 bp of 4,999 in fees; 100 were risked
    assert held.unrealised == D("-1.00")
    assert held.r == pytest.approx(-0.05999)
    assert a.equity == a.cash + held.unrealised
    assert b.curve[-1].buy_and_hold == 10_000


def test_a_changed_market_of_an_account_is_an_error(make: Make) -> None:
    world = make(plan(market=Market.SPOT))
    world.ran(0, Pred.LONG)
    world.ran(1)
    world.plans = (plan(market=Market.PERP),)
    with pytest.raises(ConfigError, match=r"account 'main' cannot resume .* give the account"):
        world.start()


def test_the_drawdown_breaker_holds_until_trading_is_resumed(make: Make) -> None:
    world = make(plan(rules=NO_RULES._replace(drawdown=D("0.009")), costs=FREE))
    world.ran(0, Pred.LONG)
    world.moved(1, 100, 100, 90, 90)
    world.ran(2, Pred.LONG)
    world.ran(3)
    world.start()
    world.ran(4, Pred.LONG)
    world.ran(5)
    assert world.paper.accounts()[0].refusals == {"drawdown": 2}
    world.paper.resume("page")
    world.ran(6, Pred.LONG)
    world.ran(7)
    assert world.summary()[-1][:2] == ("OPEN", "AUSDT")
    world.start()
    world.ran(8)
    assert world.paper.accounts()[0].refusals == {"drawdown": 2}
