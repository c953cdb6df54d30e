"""The grid of candle opens."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import TRADED, Timeframe

INSTANTS = st.integers(min_value=0, max_value=4_102_444_800_000)
WEEK = Timeframe.parse("1d").higher()[0]


@pytest.mark.parametrize("name", ["7m", "", "15M", "1w", "900"])
def test_refuses_other_names(name: str) -> None:
    with pytest.raises(ConfigError, match="use one of 1m, 5m, 15m"):
        Timeframe.parse(name)


@given(INSTANTS, st.sampled_from(TRADED))
def test_an_instant_lies_in_its_candle_and_the_one_before_is_closed(at_ms: int, name: str) -> None:
    timeframe = Timeframe.parse(name)
    open_ms = timeframe.open_of(at_ms)
    assert timeframe.on_grid(open_ms)
    assert open_ms <= at_ms < timeframe.close_of(open_ms)
    assert timeframe.close_of(timeframe.last_closed(at_ms)) == open_ms
    assert all(timeframe.on_grid(higher.open_of(at_ms)) for higher in timeframe.higher())


def test_a_candle_is_closed_at_the_very_instant_of_its_close() -> None:
    timeframe = Timeframe.parse("15m")
    assert timeframe.last_closed(900_000) == 0
    assert timeframe.last_closed(899_999) == -900_000


def test_weeks_open_on_mondays() -> None:
    friday_ms = int(datetime(2026, 11, 20, 13, 7, tzinfo=UTC).timestamp() * 1000)
    monday_ms = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp() * 1000)
    assert WEEK.name == "1w"
    assert WEEK.open_of(friday_ms) == monday_ms


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        ("1m", ["5m", "15m", "1h", "4h"]),
        ("15m", ["1h", "4h", "1d", "1w"]),
        ("4h", ["1d", "1w"]),
        ("1d", ["1w"]),
    ],
)
def test_higher_timeframes(name: str, higher: list[str]) -> None:
    assert [each.name for each in Timeframe.parse(name).higher()] == higher
