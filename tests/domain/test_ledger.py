"""The ledger balances exactly, for any sequence of events."""

from decimal import Inexact, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.fills import fee
from crypto_bot.domain.ledger import Account, Closed, Event, Kind, Target, Terms, apply, cash_of
from crypto_bot.domain.paper import Market
from crypto_bot.domain.signal import Pred, Source
from tests.domain.paper_accounts import T0, D, account, entered, with_end

TERMS = Terms(D("98.00"), (Target(D("102.00"), D("10.0")),), T0 + 10**7, D(1), Source.RSI_MA)


def bought(before: Account, side: Pred = Pred.LONG, price: str = "100.10") -> Account:
    return entered(
        before,
        Kind.OPEN,
        symbol="BTCUSDT",
        prediction_id="p",
        side=side,
        price=D(price),
        amount=D("10.0"),
        fee=D("1.001"),
        terms=TERMS,
    )


def closing(price: str, amount: str, cost: str, reason: str) -> dict[str, Any]:
    of = {"symbol": "BTCUSDT", "prediction_id": "p", "reason": reason}
    return {**of, "price": D(price), "amount": D(amount), "fee": D(cost)}


def test_a_spot_trade_in_three_parts_by_hand() -> None:
    held = bought(account(Market.SPOT))
    assert held.cash == D("8997.999")  # 10000 - 1001.00 - 1.001
    assert held.equity({"BTCUSDT": D("100.00")}) == D("9997.999")
    held = entered(held, Kind.CLOSE, **closing("102.00", "5.0", "0.51", "TP1"))
    assert held.cash == D("9507.489")  # + 510 - 0.51
    held = entered(held, Kind.CLOSE, **closing("103.00", "2.5", "0.2575", "TP2"))
    assert held.cash == D("9764.7315")  # + 257.5 - 0.2575
    done, ended = with_end(held, Kind.CLOSE, **closing("98.00", "2.5", "0.245", "SL"))
    assert done.cash == D("10009.4865") == done.equity({})  # + 245 - 0.245
    assert isinstance(ended, Closed)
    # 5 x 1.90 + 2.5 x 2.90 - 2.5 x 2.10 = 11.50; fees 1.001 + 0.51 + 0.2575 + 0.245
    assert (ended.position.gross, ended.position.fees) == (D("11.5000"), D("2.0135"))
    assert ended.position.gross - ended.position.fees == done.cash - 10_000
    assert (ended.position.proceeds, ended.position.reached) == (D("1012.5"), 2)
    assert ended.position.risked == D("21.000")
    assert (done.fees, done.traded) == (D("2.0135"), D("2013.5"))
    assert done.stopped_ms == {"BTCUSDT": T0 + 4}


def test_a_short_contract_with_funding_by_hand() -> None:
    held = bought(account(Market.PERP), Pred.SHORT)
    assert held.cash == D("9998.999"), "a contract costs its fee alone"
    assert held.equity({"BTCUSDT": D("99.00")}) == D("10009.999")  # + 10 x 1.10
    assert held.exposure({"BTCUSDT": D("99.00")}) == D(990)
    of = {"symbol": "BTCUSDT", "prediction_id": "p"}
    held = entered(held, Kind.FUNDING, price=D("0.0001"), amount=D(990), **of)
    assert held.cash == D("9999.098"), "shorts receive a positive rate: 0.099"
    done, ended = with_end(held, Kind.CLOSE, **closing("99.00", "10.0", "0.495", "TIME"))
    assert done.cash == D("10009.603")  # + 11 - 0.495
    assert ended.position.funding == D("0.099")
    assert ended.position.gross + ended.position.funding - ended.position.fees == D("9.603")


def test_an_inconsistent_event_is_an_error() -> None:
    held = bought(account())
    of = closing("100.00", "10.1", "0", "SL")
    with pytest.raises(ValueError, match=r"closes 10\.1 of 10\.0"):
        entered(held, Kind.CLOSE, **of)
    with pytest.raises(ValueError, match="holds BTCUSDT already"):
        bought(held)
    with pytest.raises(ValueError, match="no such position"):
        entered(account(), Kind.CLOSE, **of)
    event = Event("x", "main", 2, T0, Kind.DEPOSIT, D(5), amount=D(5))
    assert apply(held, event)[0].cash == held.cash + 5
    for wrong in (event._replace(seq=1), event._replace(seq=3), event._replace(cash=D(6))):
        with pytest.raises(ValueError, match="does not follow"):
            apply(held, wrong)


prices = st.decimals("0.00000001", "99999.99999999", places=8)
amounts = st.decimals("0.00000001", "9999999.99999999", places=8)
rates = st.decimals("-0.00750000", "0.00750000", places=8)
steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "part", "rest", "funding", "stop"]),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([Pred.LONG, Pred.SHORT]),
        prices,
        amounts,
        rates,
    ),
    max_size=30,
)


def event_of(before: Account, step: tuple[Any, ...]) -> Event | None:
    """The event of `step`, or None if it is impossible."""
    what, symbol, side, price, amount, rate = step
    number = before.events
    held = before.positions.get(symbol)
    if (what == "open") != (held is None):
        return None
    of: dict[str, Any] = {"symbol": symbol, "prediction_id": held and held.prediction_id}
    with localcontext() as context:
        context.prec = 60
        cost = fee(price * amount, D(10))
    if what == "open":
        terms = Terms(price, (Target(price, amount),), 0, D(1), Source.HOLD)
        of |= {"prediction_id": f"p{number}", "side": side, "terms": terms}
        kind, rest = Kind.OPEN, {"price": price, "amount": amount, "fee": cost}
    elif what == "funding":
        kind, rest = Kind.FUNDING, {"price": rate, "amount": amount}
    elif what == "stop":
        kind, rest = Kind.STOP, {"price": price}
    else:
        assert held is not None
        part = held.amount if what == "rest" else min(amount, held.amount)
        kind, rest = Kind.CLOSE, {"price": price, "amount": part, "fee": cost, "reason": "SL"}
    event = Event(f"e{number}", "main", number, number, kind, D(0), **of, **rest)
    return event._replace(cash=cash_of(before, event))


@given(st.sampled_from(Market), steps, st.dictionaries(st.sampled_from("ABC"), prices))
def test_cash_and_positions_are_the_equity_after_every_event(
    market: Market, wished: list[tuple[Any, ...]], marks: dict[str, D]
) -> None:
    """Against bookkeeping in fractions: all cash ever moved, and every coin at its price."""
    now = account(market, D("10000.00000001"))
    money, coins = Fraction(D("10000.00000001")), dict.fromkeys("ABC", Fraction(0))
    at = {s: Fraction(marks.get(s, D(0))) for s in "ABC"}
    log: list[Event] = []
    ends: list[Closed] = []
    for step in wished:
        event = event_of(now, step)
        if event is None:
            continue
        assert event.symbol is not None
        held = now.positions.get(event.symbol)
        side = event.side if held is None else held.side
        sign = 1 if side is Pred.LONG else -1
        money -= Fraction(event.fee)
        if event.kind is Kind.OPEN:
            money -= sign * Fraction(event.price) * Fraction(event.amount)
            coins[event.symbol] += sign * Fraction(event.amount)
            if market is Market.SPOT and sign < 0:
                return  # the rules forbid it; a ledger of coins knows no debts
        if event.kind is Kind.CLOSE:
            money += sign * Fraction(event.price) * Fraction(event.amount)
            coins[event.symbol] -= sign * Fraction(event.amount)
        if event.kind is Kind.FUNDING:
            money -= sign * Fraction(event.price) * Fraction(event.amount)
        before, (now, ended) = now, apply(now, event)
        log.append(event)
        if ended is not None:
            ends.append(ended)
        assert now.cash == before.cash + event.cash
        priced = {s: marks.get(s, p.entry) for s, p in now.positions.items()}
        total = Fraction(now.cash) + sum(
            (Fraction(now.value(p, priced[s])) for s, p in now.positions.items()), Fraction(0)
        )
        assert total == Fraction(now.equity(marks))
        at = {s: Fraction(priced.get(s, D(0))) for s in "ABC"}
        assert total == money + sum(coins[s] * at[s] for s in "ABC")
    check_sums(now, log, ends)


def check_sums(now: Account, log: list[Event], ends: list[Closed]) -> None:
    again = account(now.market, D("10000.00000001"))
    for event in log:
        again = apply(again, event)[0]
    assert again == now, "a restart folds the same events to the same account"
    held = [*(end.position for end in ends), *now.positions.values()]
    assert sum(Fraction(p.fees) for p in held) == Fraction(now.fees)
    assert sum(Fraction(p.funding) for p in held) == Fraction(now.funding)


def test_an_inexact_result_is_an_error() -> None:
    rich = account(start=D("1e80"))
    with pytest.raises(Inexact):
        entered(rich, Kind.DEPOSIT, amount=D("1e-80"))
