"""Settling: cases and invariants."""

from dataclasses import replace
from functools import partial
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, Direction, LabelSpec
from crypto_bot.domain.outcome import Outcome, Status, barriers
from crypto_bot.domain.outcome import settle as settle_by
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.registered import class_after
from tests.domain.paper_accounts import T0
from tests.domain.paper_accounts import signal as made

M15 = Timeframe.parse("15m")
settle = partial(settle_by, timeframe=M15, class_after=class_after)
signal = partial(made, "BTCUSDT", 0, horizon_bars=3)
Row = tuple[float, float, float, float]


def after(*rows: Row) -> list[Candle]:
    return [Candle(T0 + bar * M15.ms, *row, 1.0) for bar, row in enumerate(rows, 1)]


CALM = (100.0, 100.5, 99.5, 100.0)


def settled(pred: Pred, *rows: Row) -> Outcome:
    outcome = settle(signal(pred), after(*rows))
    assert outcome is not None
    return outcome


def test_levels_are_two_atr_away_on_both_sides() -> None:
    long, short = signal(Pred.LONG).levels, signal(Pred.SHORT).levels
    assert (long.stop_loss, long.take_profits) == (98.0, (102.0, 103.0, 104.0))
    assert (short.stop_loss, short.take_profits) == (102.0, (98.0, 97.0, 96.0))
    assert signal(Pred.NO_TRADE).levels.stop_loss is None


@pytest.mark.parametrize(
    ("pred", "row", "status", "price", "label", "correct"),
    [
        # the first target, touched exactly
        (Pred.LONG, (100, 102, 99, 101), Status.TP1, 102, Pred.LONG, True),
        (Pred.SHORT, (100, 101, 98, 99), Status.TP1, 98, Pred.SHORT, True),
        # a candle that reaches further is recorded so, and still fills at the first
        (Pred.LONG, (100, 103.5, 99, 101), Status.TP2, 102, Pred.LONG, True),
        (Pred.LONG, (100, 104, 99, 101), Status.TP3, 102, Pred.LONG, True),
        # the stop
        (Pred.LONG, (100, 101, 98, 99), Status.SL, 98, Pred.SHORT, False),
        (Pred.SHORT, (100, 102, 99, 101), Status.SL, 102, Pred.LONG, False),
        # both: the stop comes first, for either side
        (Pred.LONG, (100, 103, 97, 100), Status.SL, 98, Pred.SHORT, False),
        (Pred.SHORT, (100, 103, 97, 100), Status.SL, 102, Pred.LONG, False),
        # an open beyond a level fills there: worse than the stop, better than the target
        (Pred.LONG, (96, 97, 95, 96), Status.SL, 96, Pred.SHORT, False),
        (Pred.LONG, (103, 105, 102.5, 104), Status.TP3, 103, Pred.LONG, True),
        # a NO_TRADE is wrong as soon as the market moves 2 ATR, whichever way it went first
        (Pred.NO_TRADE, (100, 102, 99, 101), Status.EXPIRED, 101, Pred.LONG, False),
        (Pred.NO_TRADE, (100, 101, 98, 99), Status.EXPIRED, 99, Pred.SHORT, False),
        (Pred.NO_TRADE, (100, 103, 97, 99), Status.EXPIRED, 99, Pred.SHORT, False),
    ],
)
def test_one_candle_decides(  # noqa: PLR0917 - a row of the table
    pred: Pred,
    row: Row,
    status: Status,
    price: float,
    label: Pred,
    correct: bool,
) -> None:
    outcome = settled(pred, CALM, row)
    assert outcome.status is status
    assert outcome.exit_price == price
    assert (outcome.label, outcome.correct) == (label, correct)
    assert outcome.settled_ms == T0 + 3 * M15.ms


@pytest.mark.parametrize("pred", list(Pred))
def test_expires_at_the_close_of_its_horizon(pred: Pred) -> None:
    last = (100.0, 101.0, 99.0, 100.5)
    assert settle(signal(pred), after(CALM, CALM)) is None
    outcome = settled(pred, CALM, CALM, last, (100, 200, 50, 100))
    assert (outcome.status, outcome.label) == (Status.EXPIRED, Pred.NO_TRADE)
    assert outcome.correct is (pred is Pred.NO_TRADE)
    assert outcome.exit_price == 100.5
    expected = {Pred.LONG: 50.0, Pred.SHORT: -50.0, Pred.NO_TRADE: 0.0}[pred]
    assert outcome.return_bps == pytest.approx(expected)


def test_excursions_are_from_the_side_of_the_trade() -> None:
    long = settled(Pred.LONG, (100, 101, 99.5, 100), (100, 100.2, 98, 99))
    short = settled(Pred.SHORT, (100, 101, 99.5, 100), (100, 100.2, 98, 99))
    assert (long.mfe_bps, long.mae_bps) == pytest.approx((100.0, -200.0))
    assert (short.mfe_bps, short.mae_bps) == pytest.approx((200.0, -100.0))


def test_a_missing_candle_leaves_it_open_unless_it_was_decided_before() -> None:
    candles = after(CALM, CALM, CALM)
    assert settle(signal(Pred.LONG), [candles[0], candles[2]]) is None
    assert settle(signal(Pred.LONG), candles[1:]) is None
    reached = after((100, 102, 99, 101))
    assert settle(signal(Pred.LONG), [*reached, candles[2]]) is not None


def test_without_an_atr_there_is_no_label() -> None:
    outcome = settle(signal(Pred.NO_TRADE, atr=None), after(CALM, (1, 900, 1, 1), CALM))
    assert outcome is not None
    assert (outcome.label, outcome.correct) == (None, None)
    assert barriers(signal(Pred.NO_TRADE, atr=None)) == (-inf, inf)


PRICES = st.floats(90.0, 110.0)


@st.composite
def paths(draw: st.DrawFn) -> list[Candle]:
    rows = draw(st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES), min_size=3, max_size=6))
    return after(*[(r[0], max(r), min(r), r[3]) for r in rows])


@given(paths(), st.sampled_from(Pred))
def test_later_candles_never_change_an_outcome(path: list[Candle], pred: Pred) -> None:
    whole = settle(signal(pred), path)
    assert whole is not None
    bars = (whole.settled_ms - T0 - M15.ms) // M15.ms
    assert settle(signal(pred), path[:bars]) == whole
    assert settle(signal(pred), path[: bars - 1]) is None


@given(paths())
def test_long_and_short_are_never_both_right(path: list[Candle]) -> None:
    long = settle(signal(Pred.LONG), path)
    short = settle(signal(Pred.SHORT), path)
    assert long is not None
    assert short is not None
    assert not (long.correct and short.correct)
    assert long.mae_bps <= long.return_bps <= long.mfe_bps


HOLD = LabelSpec("A", "hold_atr", Horizon(3), (0.75,), direction=DOWN_NEUTRAL_UP)
NAMED = replace(HOLD, name="named", classes=("falls", "stays", "rises"))
FOUR = replace(
    HOLD,
    rule="fall_or_rise",
    thresholds=(0.02,),
    classes=("strong fall", "fall", "rise", "strong rise"),
    direction=Direction((0, 1), (), (2, 3)),
)
WITHOUT_SIDES = replace(HOLD, name="size", classes=("a", "b", "c"), direction=None)


@pytest.mark.parametrize(
    ("spec", "atr", "close", "label", "side"),
    [
        (HOLD, 1.0, 100.8, Pred.LONG, Pred.LONG),
        (HOLD, 1.0, 100.75, Pred.NO_TRADE, Pred.NO_TRADE),
        (HOLD, 1.0, 99.25, Pred.NO_TRADE, Pred.NO_TRADE),
        (HOLD, 1.0, 99.2, Pred.SHORT, Pred.SHORT),
        (HOLD, None, 100.8, None, None),
        (NAMED, 1.0, 100.8, "rises", Pred.LONG),
        (FOUR, 1.0, 100.8, "rise", Pred.LONG),
        (FOUR, 1.0, 99.2, "fall", Pred.SHORT),
        (WITHOUT_SIDES, 1.0, 100.0, "b", None),
    ],
)
@pytest.mark.parametrize("pred", list(Pred))
def test_a_signal_with_a_label_is_settled_by_it_at_its_horizon(  # noqa: PLR0917 - a row of the table
    pred: Pred, spec: LabelSpec, atr: float | None, close: float, label: str, side: Pred | None
) -> None:
    of = signal(pred, label=spec, atr=atr)
    path = after(CALM, CALM, (100.0, 101.0, 99.0, close))
    outcome = settle(of, path)
    assert outcome is not None
    # Where a label has no neutral class, NO_TRADE is no answer to it.
    is_call = side is not None and (pred is not Pred.NO_TRADE or spec is not FOUR)
    assert outcome[-3:] == (label, side, side is pred if is_call else None)
    assert outcome.status is Status.EXPIRED
    assert settle(of, path[:2]) is None
    assert barriers(of) == (-inf, inf)


@pytest.mark.parametrize(
    ("pred", "status", "price", "mfe_bps"),
    [(Pred.LONG, Status.SL, 98.0, 50.0), (Pred.NO_TRADE, Status.EXPIRED, 100.9, 100.0)],
)
def test_a_trade_ends_at_the_stop_and_the_label_at_the_horizon(
    pred: Pred, status: Status, price: float, mfe_bps: float
) -> None:
    of = signal(pred, label=HOLD)
    path = after((100.0, 100.5, 97.5, 98.0), CALM, (100.0, 101.0, 99.0, 100.9))
    outcome = settle(of, path)
    assert outcome is not None
    assert (outcome.status, outcome.exit_price) == (status, price)
    assert (outcome.label, outcome.correct) == (Pred.LONG, pred is Pred.LONG)
    assert outcome.settled_ms == T0 + 4 * M15.ms
    assert (outcome.mfe_bps, outcome.mae_bps) == pytest.approx((mfe_bps, -250.0))
    assert settle(of, path[:1]) is None
