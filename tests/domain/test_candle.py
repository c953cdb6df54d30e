"""Validation of a series of candles."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.candle import Candle, faults, missing_opens, require_sound
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe

M15 = Timeframe.parse("15m")
GOOD = Candle(0, 10.0, 12.0, 9.0, 11.0, 5.0)


def series(*indices: int) -> list[Candle]:
    return [GOOD._replace(open_ms=index * M15.ms) for index in indices]


def kinds(candles: list[Candle]) -> list[tuple[str, int]]:
    return [(fault.kind, fault.row) for fault in faults(candles, M15)]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (GOOD._replace(close=nan), "not_finite"),
        (GOOD._replace(volume=inf), "not_finite"),
        (GOOD._replace(open=0.0, low=0.0), "not_positive"),
        (GOOD._replace(low=-1.0), "not_positive"),
        (GOOD._replace(volume=-1.0), "negative_volume"),
        (GOOD._replace(high=10.5), "high_low"),
        (GOOD._replace(low=10.5), "high_low"),
        (GOOD._replace(open_ms=1), "off_grid"),
    ],
)
def test_faults_of_a_row(row: Candle, kind: str) -> None:
    assert kinds([row]) == [(kind, 0)]


def test_faults_of_the_order() -> None:
    assert kinds(series(0, 1, 1, 3, 2, 4)) == [("duplicate", 2), ("disordered", 4)]


def test_a_gap_is_not_a_fault_but_is_found() -> None:
    candles = series(0, 1, 4)
    assert kinds(candles) == []
    assert missing_opens([c.open_ms for c in candles], 0, 4 * M15.ms, M15) == [
        2 * M15.ms,
        3 * M15.ms,
    ]


def test_the_error_has_each_kind_with_its_count_and_first_row() -> None:
    with pytest.raises(BadCandles, match=r"BTCUSDT: 2 x duplicate, 1 x off_grid; first at row 1"):
        require_sound([*series(0, 0, 0), GOOD._replace(open_ms=7 * M15.ms + 1)], M15, "BTCUSDT")


@given(st.lists(st.integers(0, 30), unique=True), st.integers(0, 30), st.integers(0, 30))
def test_present_and_missing_candles_are_all_candles(
    present: list[int], since: int, until: int
) -> None:
    opens = [index * M15.ms for index in present]
    missing = missing_opens(opens, since * M15.ms, until * M15.ms, M15)
    inside = [at for at in opens if since * M15.ms <= at <= until * M15.ms]
    whole = [index * M15.ms for index in range(since, until + 1)]
    assert sorted([*missing, *inside]) == whole
