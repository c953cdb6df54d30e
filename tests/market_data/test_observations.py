"""The as-of join never sees what was known later, nor what is too old."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.errors import MarketDataError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import CandleTable, candle_table
from crypto_bot.market_data.observations import (
    Observations,
    SeriesColumn,
    as_of,
    observations,
    read_series,
)
from crypto_bot.ports.market_data import Observation

FOUND = st.lists(st.tuples(st.integers(0, 60), st.floats(-1e9, 1e9)), max_size=30)
INSTANTS = st.lists(st.integers(0, 70), max_size=30)


def by_hand(found: list[Observation], at_ms: int, max_age_ms: int) -> float | None:
    """The last observation in the order of the series that is known and young enough."""
    known = [each for each in found if each.known_ms <= at_ms]
    if not known or at_ms - known[-1].known_ms > max_age_ms:
        return None
    return known[-1].value


@given(pairs=FOUND, instants=INSTANTS, max_age_ms=st.integers(0, 40))
def test_each_instant_gets_the_newest_value_known_by_then(
    pairs: list[tuple[int, float]], instants: list[int], max_age_ms: int
) -> None:
    found = [Observation(*pair) for pair in sorted(pairs, key=lambda pair: pair[0])]
    column = as_of(np.array(instants, np.int64), observations(found, "x"), max_age_ms)
    for at_ms, value, known in zip(instants, column.values, column.known, strict=True):
        expected = by_hand(found, at_ms, max_age_ms)
        assert known == (expected is not None)
        assert value == (expected or 0.0)


@given(pairs=FOUND, later=FOUND, max_age_ms=st.integers(0, 40))
def test_later_observations_change_nothing(
    pairs: list[tuple[int, float]], later: list[tuple[int, float]], max_age_ms: int
) -> None:
    first = sorted(pairs, key=lambda pair: pair[0])
    rest = sorted(((60 + at, value) for at, value in later), key=lambda pair: pair[0])
    at_ms = np.arange(60)
    short = observations([Observation(*pair) for pair in first], "x")
    long = observations([Observation(*pair) for pair in (*first, *rest)], "x")
    before = as_of(at_ms, short.before(59), max_age_ms)
    after = as_of(at_ms, long, max_age_ms)
    assert before.values.tobytes() == after.values.tobytes()
    assert before.known.tobytes() == after.known.tobytes()


def test_rows_of_several_values_are_joined_as_one() -> None:
    known = Observations(np.array([10, 20]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    column = as_of(np.array([5, 12, 20]), known, 100)
    assert column.values.tolist() == [[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]]
    assert column.known.tolist() == [False, True, True]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_cannot_be_true_is_refused(value: float) -> None:
    with pytest.raises(MarketDataError, match="funding of X: observation 1 is out of order"):
        observations([Observation(5, 1.0), Observation(6, value)], "funding of X")
    with pytest.raises(MarketDataError, match="observation 1 is out of order"):
        observations([Observation(5, 1.0), Observation(4, 1.0)], "funding of X")


class Recorded:
    """A series that notes what it is asked."""

    name = "funding"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Observation]:
        self.asked.append((symbol, since_ms, until_ms))
        return [Observation(until_ms, 2.0)]


def test_a_series_is_asked_for_all_that_the_closes_can_see() -> None:
    series = Recorded()
    wanted = (SeriesColumn("funding", 8), SeriesColumn("not_held", 1))
    found = read_series({"funding": series}, wanted, "X", (100, 200))
    assert series.asked == [("X", 92, 200)]
    assert found.keys() == {"funding"}
    assert found["funding"].values.tolist() == [2.0]


def test_a_table_joins_at_the_close_and_is_cut_with_what_was_known_by_then() -> None:
    quarter = Timeframe.parse("15m")
    opens_ms = np.arange(4) * quarter.ms
    known = Observations(np.array([quarter.ms, 3 * quarter.ms + 1]), np.array([5.0, 6.0]))
    table = CandleTable(opens_ms, np.ones((4, 5)), {"funding": known})
    column = table.column("funding", quarter, 2 * quarter.ms)
    assert column.values.tolist() == [5.0, 5.0, 5.0, 6.0]
    assert not table.column("premium", quarter, 10**9).known.any()
    part = table.before(3 * quarter.ms)
    assert part.open_ms.tolist() == opens_ms[:3].tolist()
    assert part.observed["funding"].values.tolist() == [5.0]
    newest = table.newest(2)
    assert newest.open_ms.tolist() == opens_ms[2:].tolist()
    assert newest.column("funding", quarter, 2 * quarter.ms).values.tolist() == [5.0, 6.0]
    assert part.fingerprint() != table.fingerprint()
    assert candle_table([]).candles.shape == (0, 5)
