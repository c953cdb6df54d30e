"""What every database must do for the candle archive."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.ports import Gap
from tests.contracts.made_calls import H1, M15, T0, empty


def candle(open_ms: int, price: float = 100.0) -> Candle:
    return Candle(open_ms, price, price + 1.0, price - 1.0, price + 0.5, 7.25)


def test_candles_come_back_as_they_were_in_order(database: Database) -> None:
    archive, hours = SqlCandleArchive(database, M15), SqlCandleArchive(database, H1)
    assert archive.newest_opens() == {}
    series = [candle(T0 + bar * M15.ms, 0.1 + bar / 3.0) for bar in range(100)]
    gap = Gap("BTCUSDT", T0 - M15.ms)
    archive.add({"BTCUSDT": series[::-1], "ETHUSDT": series[:3]}, [gap])
    assert archive.read("BTCUSDT", 0, T0 + DAY_MS * 9) == series
    assert archive.read("BTCUSDT", T0 + M15.ms, T0 + 2 * M15.ms) == series[1:3]
    assert archive.read("ETHUSDT", 0, T0 + DAY_MS) == series[:3]
    assert archive.read("XRPUSDT", 0, T0 + DAY_MS) == []
    queries, of_hours = SqlPredictionQueries(database, M15), SqlPredictionQueries(database, H1)
    assert queries.candles("BTCUSDT", 3) == series[-3:]
    assert queries.candles_between("BTCUSDT", T0 + M15.ms, T0 + 3 * M15.ms) == series[1:3]
    assert queries.oldest_candle("BTCUSDT") == T0
    assert of_hours.candles("BTCUSDT", 3) == []
    assert of_hours.oldest_candle("BTCUSDT") is None
    assert hours.read("BTCUSDT", 0, T0 + DAY_MS) == []
    assert hours.gaps(0) == []
    assert hours.newest_opens() == {}
    # The newest is a candle or a confirmed gap.
    archive.add({}, [Gap("ETHUSDT", T0 + 3 * M15.ms), Gap("XRPUSDT", T0)])
    assert archive.newest_opens() == {
        "BTCUSDT": T0 + 99 * M15.ms,
        "ETHUSDT": T0 + 3 * M15.ms,
        "XRPUSDT": T0,
    }


def test_nothing_of_a_failed_add_is_stored(database: Database) -> None:
    archive = SqlCandleArchive(database, M15)
    no_price = Candle._make([*candle(T0 + M15.ms)[:5], None])
    with pytest.raises(StoreError):
        archive.add({"BTCUSDT": [candle(T0)], "ETHUSDT": [no_price]})
    assert archive.newest_opens() == {}


def test_a_revision_leaves_what_signals_were_made_of(database: Database) -> None:
    archive, hours = SqlCandleArchive(database, M15), SqlCandleArchive(database, H1)
    first = [candle(T0 + bar * M15.ms) for bar in range(3)]
    archive.add({"BTCUSDT": first, "ETHUSDT": first})
    hours.add({"BTCUSDT": first[:1]})
    final = [first[0], first[1]._replace(volume=9.0), candle(T0 + 5 * M15.ms)]
    assert archive.revise("BTCUSDT", final, T0) == 1, "what is not stored is no revision"
    assert archive.revise("BTCUSDT", final, T0 + 1) == 0
    assert archive.revise("BTCUSDT", [first[1]._replace(volume=8.0)], T0 + 2) == 1
    assert archive.revise("XRPUSDT", first, T0) == archive.revise("BTCUSDT", [], T0) == 0
    span = 0, T0 + DAY_MS
    assert archive.read("BTCUSDT", *span) == first
    assert [c.volume for c in archive.read("BTCUSDT", *span, revised=True)] == [7.25, 8.0, 7.25]
    assert archive.read("ETHUSDT", *span, revised=True) == first
    assert hours.read("BTCUSDT", *span, revised=True) == first[:1]
    archive.remove("BTCUSDT", [first[1].open_ms])
    archive.add({"BTCUSDT": [first[1]._replace(volume=6.0)]})
    assert [c.volume for c in archive.read("BTCUSDT", *span)] == [7.25, 6.0, 7.25]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    writes=st.lists(
        st.tuples(
            st.sampled_from(["A", "B"]), st.integers(0, 70), st.floats(1e-9, 1e9), st.booleans()
        ),
        max_size=80,
    ),
    seed=st.integers(0, 9),
)
def test_the_archive_is_a_dictionary(
    database: Database, writes: list[tuple[str, int, float, bool]], seed: int
) -> None:
    empty(database)
    archive = SqlCandleArchive(database, M15)
    candles: dict[str, dict[int, Candle]] = {"A": {}, "B": {}}
    gaps: set[Gap] = set()
    random.Random(seed).shuffle(writes)
    for symbol, bar, price, is_gap in writes:
        open_ms = T0 + bar * M15.ms
        if is_gap:
            gaps.add(Gap(symbol, open_ms))
            archive.add({}, [Gap(symbol, open_ms)])
        else:
            candles[symbol][open_ms] = candle(open_ms, price)
            archive.add({symbol: [candle(open_ms, price)]})
    for symbol, expected in candles.items():
        assert archive.read(symbol, 0, T0 + DAY_MS) == [expected[at] for at in sorted(expected)]
    unfilled = [gap for gap in gaps if gap.open_ms not in candles[gap.symbol]]
    unfilled.sort(key=lambda gap: (gap.open_ms, gap.symbol))
    for since_ms in (0, T0 + 30 * M15.ms):
        assert archive.gaps(since_ms) == [gap for gap in unfilled if gap.open_ms >= since_ms]
