"""Numbers as a person reads them."""

from datetime import UTC
from math import inf, nan
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.web.page import formats
from crypto_bot.domain.interval import Interval

T0 = 1_764_600_300_000  # 2025-12-01T14:45:00Z


@pytest.mark.parametrize(
    ("prices", "decimals"),
    [
        ([68_250.1, 68_241.25], 2),
        ([0.000_012_34], 8),
        ([452.0], 0),
        ([100.0, 99.5], 1),
        ([1.0 / 3.0], 7),
        ([], 2),
        ([float("nan"), -1.0], 2),
    ],
)
def test_prices_have_the_digits_they_are_quoted_with(prices: list[float], decimals: int) -> None:
    assert formats.decimals_of(prices) == decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4, "+0.4"), (-0.31, "−0.3"), (0.0, "0.0"), (-0.04, "0.0"), (1234.56, "+1,234.6")],
)
def test_a_change_has_a_sign_and_a_zero_none(value: float, text: str) -> None:
    assert formats.signed(value) == text


@pytest.mark.parametrize("missing", [nan, inf])
def test_what_is_missing_is_a_dash(missing: float) -> None:
    found = {formats.signed(missing), formats.number(missing), formats.rate(missing, 50)}
    assert found == {formats.signed(None), formats.number(None)} == {"–"}


def test_rates_are_whole_below_a_thousand_calls() -> None:
    assert (formats.rate(0.4519, 999), formats.rate(0.4519, 1000)) == ("45%", "45.2%")
    assert formats.interval(Interval(0.45, 0.433, 0.471), 2614) == "[43.3, 47.1]"
    assert formats.interval(Interval(0.45, 0.433, 0.471), 40) == "[43, 47]"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_ages(seconds: float, text: str) -> None:
    assert formats.age(seconds) == text


def test_times_are_those_of_the_chosen_zone() -> None:
    assert formats.moment(T0, UTC) == "1 Dec 14:45"
    assert formats.moment(T0, ZoneInfo("Asia/Tokyo")) == "1 Dec 23:45"
    assert formats.clock_time(T0, ZoneInfo("America/New_York")) == "09:45"


def test_instants_in_a_sentence_are_told_in_the_zone() -> None:
    text = "the exchange is down since 2025-12-01T14:45:00.113Z, 3 coins"
    assert formats.in_zone(text, UTC) == "the exchange is down since 1 Dec 14:45, 3 coins"
    assert formats.in_zone("nothing at 14:45", UTC) == "nothing at 14:45"


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 4))
def test_no_number_has_a_hyphen_for_a_minus(value: float, decimals: int) -> None:
    assert "-" not in formats.signed(value, decimals) + formats.number(value, decimals)
