import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.horizon import Horizon, Unit
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import TRADED, Timeframe


@pytest.mark.parametrize(
    ("text", "timeframe", "bars", "ms"),
    [
        ("4b", "15m", 4, 3_600_000),
        ("16b", "4h", 16, 230_400_000),
        ("7d", "15m", 672, 604_800_000),
        ("7d", "4h", 42, 604_800_000),
        ("30d", "1d", 30, 2_592_000_000),
        ("1d", "1d", 1, 86_400_000),
        ("4h", "1h", 4, 14_400_000),
        ("4h", "15m", 16, 14_400_000),
    ],
)
def test_bars_hours_and_days_on_every_timeframe(
    text: str, timeframe: str, bars: int, ms: int
) -> None:
    horizon, on = Horizon.parse(text), Timeframe.parse(timeframe)
    assert (horizon.bars(on), horizon.ms(on), str(horizon)) == (bars, ms, text)


@given(count=st.integers(1, 999_999), unit=st.sampled_from(Unit))
def test_the_text_round_trips(count: int, unit: Unit) -> None:
    assert Horizon.parse(str(Horizon(count, unit))) == Horizon(count, unit)


@pytest.mark.parametrize("name", TRADED)
def test_days_are_whole_bars(name: str) -> None:
    timeframe = Timeframe.parse(name)
    assert Horizon(3, Unit.DAYS).ms(timeframe) == 3 * DAY_MS


def test_hours_that_are_no_whole_bars_are_errors() -> None:
    with pytest.raises(ConfigError, match="a horizon of 4h is no whole number of 1d candles"):
        Horizon(4, Unit.HOURS).bars(Timeframe.parse("1d"))


@pytest.mark.parametrize("text", ["", "4", "b", "4w", "-1b", "1.5d", "4b ", "0b"])
def test_other_texts_are_errors(text: str) -> None:
    with pytest.raises(ConfigError):
        Horizon.parse(text)
