"""Exits of a position, candle by candle and quote by quote, by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.exits import Exit, Path, along_candle, at_quote, decimal, terms
from crypto_bot.domain.fills import EXACT
from crypto_bot.domain.ledger import Kind, Position, Target, Terms
from crypto_bot.domain.paper import ExitPlan
from crypto_bot.domain.signal import Pred, Source
from tests.domain.paper_accounts import EXITS, FREE, T0, TF_MS, D, account, entered, instrument

EXPIRES_MS = T0 + 16 * TF_MS


def agreed(side: Pred, amount: str = "10", plan: ExitPlan = EXITS) -> Terms:
    return terms(
        *(plan, side, D("100.00"), D(amount)),
        atr=D(1),
        instrument=instrument(),
        expires_ms=EXPIRES_MS,
        source=Source.RSI_MA,
    )


def position(side: Pred = Pred.LONG, entry_ms: int = T0, **changed: Any) -> Position:
    """10 at 100: stop 2 away, targets 2, 3 and 4 away for 5, 2.5 and 2.5."""
    fill: dict[str, Any] = {"price": D("100.00"), "amount": D(10), "terms": agreed(side)}
    held = entered(
        *(account(), Kind.OPEN), symbol="BTCUSDT", prediction_id="p", side=side, **fill
    ).positions["BTCUSDT"]
    return replace(held, entry_ms=entry_ms, **changed)


def candle(opened: float, high: float, low: float, close: float, bar: int = 0) -> Candle:
    return Candle(T0 + bar * TF_MS, opened, high, low, close, 1.0)


def walked(held: Position, of: Candle, **changed: Any) -> Path:
    given_: dict[str, Any] = {"plan": EXITS, "costs": FREE, "instrument": instrument()}
    return along_candle(held, of, of.open_ms + TF_MS, **{**given_, **changed})


def rows(exits: list[Exit]) -> list[tuple[str, str, str]]:
    return [(each.reason, str(each.price), str(each.amount)) for each in exits]


def test_the_terms_of_a_long_and_a_short_by_hand() -> None:
    parts = [D("5.000"), D("2.500"), D("2.500")]
    long, short = agreed(Pred.LONG), agreed(Pred.SHORT)
    assert long.stop == D("98.00")
    assert long.targets == tuple(map(Target, [D("102.00"), D("103.00"), D("104.00")], parts))
    assert short.stop == D("102.00")
    assert short.targets == tuple(map(Target, [D("98.00"), D("97.00"), D("96.00")], parts))


def test_parts_that_are_too_small_are_merged() -> None:
    # least worth 5: at 100 that is 0.05. 0.12: 0.06, then 0.03 would leave 0.03, too small
    assert agreed(Pred.LONG, "0.12").targets == (
        Target(D("102.00"), D("0.060")),
        Target(D("103.00"), D("0.060")),
    )
    small_first = EXITS._replace(parts=(D("0.1"), D("0.3"), D("0.6")))
    merged = agreed(Pred.LONG, "0.2", plan=small_first)
    # 0.02 is too small and is merged with the 0.06 of the second
    assert merged.targets == (Target(D("103.00"), D("0.080")), Target(D("104.00"), D("0.120")))
    assert agreed(Pred.LONG, "0.08").targets == (Target(D("102.00"), D("0.08")),)


@pytest.mark.parametrize(
    ("of", "exits"),
    [
        (candle(100, 101.99, 98.01, 101), []),
        (candle(100, 102, 98.01, 101), [("TP1", "102.00", "5.000")]),
        (
            candle(100, 104.5, 99, 104),
            [
                ("TP1", "102.00", "5.000"),
                ("TP2", "103.00", "2.500"),
                ("TP3", "104.00", "2.500"),
            ],
        ),
        (candle(100, 102, 98, 101), [("SL", "98.00", "10")]),  # both touched: the stop first
        (candle(97.5, 99, 97, 99), [("SL", "97.50", "10")]),  # beyond the stop: at the open
        # opens beyond the first target, then falls to the stop
        (candle(102.5, 103, 97, 98), [("TP1", "102.5", "5.000"), ("SL", "98.00", "5.000")]),
        (candle(100, 101, 99, 100.5, bar=15), [("TIME", "100.50", "10")]),
        (candle(99, 103, 98, 100.5, bar=20), [("TIME", "99.00", "10")]),  # after missing candles
    ],
)
def test_a_candle_by_hand(of: Candle, exits: list[tuple[str, str, str]]) -> None:
    assert rows(walked(position(), of).exits) == exits


def mirrored(of: Candle) -> Candle:
    return Candle(of.open_ms, 200 - of.open, 200 - of.low, 200 - of.high, 200 - of.close, 1.0)


prices = st.integers(9_500, 10_500).map(lambda cents: cents / 100)


@given(st.tuples(prices, prices, prices, prices), st.integers(0, 18))
def test_a_short_mirrors_a_long(path: tuple[float, ...], bar: int) -> None:
    of = candle(path[0], max(path), min(path), path[3], bar)
    plan = EXITS._replace(trail_atr=D("1.5"))
    long = walked(position(), of, plan=plan)
    short = walked(position(Pred.SHORT), mirrored(of), plan=plan)
    assert [(e.reason, 200 - e.price, e.amount, e.at_ms) for e in short.exits] == [
        (e.reason, e.price, e.amount, e.at_ms) for e in long.exits
    ]
    assert (None if short.stop is None else 200 - short.stop) == long.stop
    assert sum(e.amount for e in long.exits) <= 10
    low, high = decimal(of.low), decimal(of.high)
    assert all(low <= each.price <= high or each.reason == "SL" for each in long.exits)


def test_the_candle_of_the_entry_can_stop_it_out_and_nothing_else() -> None:
    """Its high may precede the entry, so only its low counts, against the position."""
    held = position(entry_ms=T0 + 2000)
    assert walked(held, candle(100, 105, 99, 104)).exits == []
    assert rows(walked(held, candle(97, 105, 97, 104)).exits) == [("SL", "98.00", "10")]


def test_the_stop_trails_after_the_first_target() -> None:
    plan = EXITS._replace(trail_atr=D("1.5"))
    assert walked(position(), candle(100, 101.9, 99, 101), plan=plan).stop is None
    path = walked(position(), candle(100, 102.4, 99, 102), plan=plan)
    assert (rows(path.exits), path.stop) == ([("TP1", "102.00", "5.000")], D("100.90"))
    held = replace(position(), reached=1, amount=D(5), stop=D("100.90"))
    assert walked(held, candle(102, 102.2, 101, 102), plan=plan).stop is None, "never back"
    fell = walked(held, candle(102, 102.2, 100, 101), plan=plan)
    assert rows(fell.exits) == [("TRAIL", "100.90", "5")]


@pytest.mark.parametrize(
    ("price", "at_ms", "exits"),
    [
        ("100.00", T0, []),
        ("97.90", T0, [("SL", "97.90", "10")]),
        ("103.20", T0, [("TP1", "102.00", "5.000"), ("TP2", "103.00", "2.500")]),
        ("101.00", EXPIRES_MS, [("TIME", "101.00", "10")]),
        ("102.10", EXPIRES_MS, [("TP1", "102.00", "5.000"), ("TIME", "102.10", "5.000")]),
    ],
)
def test_a_quote_by_hand(price: str, at_ms: int, exits: list[tuple[str, str, str]]) -> None:
    assert rows(at_quote(position(), D(price), at_ms)) == exits


@given(st.decimals("0.05", "1000", places=3))
def test_the_parts_add_up_to_the_amount(amount: D) -> None:
    targets = agreed(Pred.LONG, str(amount)).targets
    total = D(0)
    for target in targets:
        total = EXACT.add(total, target.amount)
    assert total == amount
    assert all(t.amount > 0 for t in targets)


UP_FIRST = [(100.0, 102.5, 100.0, 102.0), (102.0, 102.0, 97.0, 99.0)]
DOWN_FIRST = [(100.0, 100.0, 97.0, 98.5), (98.5, 102.5, 98.5, 99.0)]
GAPS_DOWN = [(100.0, 101.0, 99.0, 99.0), (97.5, 102.5, 97.0, 99.0)]


@pytest.mark.parametrize(
    ("minutes", "left"),
    [
        ([], [("SL", "98.00", "10")]),
        (UP_FIRST, [("TP1", "102.00", "5.000"), ("SL", "98.00", "5.000")]),
        (DOWN_FIRST, [("SL", "98.00", "10")]),
        (GAPS_DOWN, [("SL", "97.50", "10")]),
        ([(100.0, 102.5, 97.0, 99.0)], [("SL", "98.00", "10")]),
    ],
)
def test_minutes_decide_between_a_stop_and_a_target_of_one_candle(
    minutes: list[tuple[float, float, float, float]], left: list[tuple[str, str, str]]
) -> None:
    bar = candle(100.0, 102.5, 97.0, 99.0, 1)
    inside = [Candle(bar.open_ms + 60_000 * at, *each, 1.0) for at, each in enumerate(minutes)]
    assert rows(walked(position(), bar, inside=lambda: inside).exits) == left


def test_minutes_are_not_asked_where_a_candle_is_clear() -> None:
    def unasked() -> list[Candle]:
        raise AssertionError

    for high, low in ((102.5, 98.5), (101.5, 97.0), (101.0, 99.0)):
        walked(position(), candle(100.0, high, low, 100.0, 1), inside=unasked)
