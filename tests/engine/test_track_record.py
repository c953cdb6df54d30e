"""The record counts every outcome once and does not depend on the order of arrival."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.record import Tally, tally_of
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.engine.track_record import TrackRecord
from crypto_bot.ports import Settled
from tests.domain.paper_accounts import signal

LAG_MS = 100


def test_a_coin_sees_its_own_outcome_at_once_and_those_of_others_a_lag_later() -> None:
    record = TrackRecord(LAG_MS)
    before = record.probabilities(Source.RSI_MA, "BTCUSDT", Pred.LONG, 50)
    record.add(signal("BTCUSDT"), Pred.LONG, settled_ms=50)
    own = record.probabilities(Source.RSI_MA, "BTCUSDT", Pred.LONG, 50)
    other = record.probabilities(Source.RSI_MA, "ETHUSDT", Pred.LONG, 149)
    later = record.probabilities(Source.RSI_MA, "ETHUSDT", Pred.LONG, 150)
    assert own.long > before.long
    assert other == before
    assert later.long > before.long
    record.add(signal("BTCUSDT", source=Source.HOLD), Pred.SHORT, settled_ms=0)
    assert record.pooled(Source.RSI_MA, 1_000) == Tally(1, 1, 0)
    assert record.pooled(Source.HOLD, 1_000) == Tally(1, 0, 0)


OUTCOMES = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda step: step * 10),
        st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
        st.sampled_from(Pred),
        st.sampled_from(Pred),
    ),
    max_size=40,
)


def pooled_by_hand(outcomes: Sequence[tuple[int, str, Pred, Pred]], close_ms: int) -> Tally:
    total = Tally()
    for settled_ms, _, pred, label in outcomes:
        if settled_ms <= close_ms - LAG_MS:
            total = total.plus(tally_of(pred, label))
    return total


@given(OUTCOMES, st.data())
def test_a_coin_that_is_less_than_a_lag_behind_changes_nothing(
    outcomes: list[tuple[int, str, Pred, Pred]], data: st.DataObject
) -> None:
    """Outcomes arrive by coin in order, but one coin is up to a lag later than the others."""
    ordered = sorted(outcomes, key=lambda each: each[0])
    late = data.draw(st.integers(0, LAG_MS - 1))
    arrivals = sorted(ordered, key=lambda each: each[0] + (late if each[1] == "SOLUSDT" else 0))
    record = TrackRecord(LAG_MS)
    pending = list(arrivals)
    for close_ms in range(0, 401, 10):
        while pending and pending[0][0] + (late if pending[0][1] == "SOLUSDT" else 0) <= close_ms:
            settled_ms, symbol, pred, label = pending.pop(0)
            record.add(signal(symbol, pred=pred), label, settled_ms)
        assert record.pooled(Source.RSI_MA, close_ms) == pooled_by_hand(ordered, close_ms)


@given(OUTCOMES, st.integers(200, 500))
def test_a_restored_record_gives_the_same(
    outcomes: list[tuple[int, str, Pred, Pred]], close_ms: int
) -> None:
    live, tallies = TrackRecord(LAG_MS), dict[tuple[Source, str], Tally]()
    for settled_ms, symbol, pred, label in outcomes:
        live.add(signal(symbol, pred=pred), label, settled_ms)
        key = (Source.RSI_MA, symbol)
        tallies[key] = tallies.get(key, Tally()).plus(tally_of(pred, label))
    recent = [
        Settled(Source.RSI_MA, settled_ms, tally_of(pred, label))
        for settled_ms, _, pred, label in outcomes
        if settled_ms >= close_ms - LAG_MS
    ]
    restored = TrackRecord(LAG_MS)
    restored.restore(tallies, recent)
    for pred in Pred:
        assert restored.probabilities(
            Source.RSI_MA, "BTCUSDT", pred, close_ms
        ) == live.probabilities(Source.RSI_MA, "BTCUSDT", pred, close_ms)


@given(OUTCOMES, st.integers(0, 500))
def test_pooled_is_the_sum_of_a_lag_ago_in_any_order_of_arrival(
    outcomes: list[tuple[int, str, Pred, Pred]], asked_ms: int
) -> None:
    """So a coin that is far behind uses nothing from its future."""
    record = TrackRecord(LAG_MS)
    for settled_ms, symbol, pred, label in outcomes:
        record.add(signal(symbol, pred=pred), label, settled_ms)
        record.pooled(Source.RSI_MA, asked_ms)
    for close_ms in range(0, 500, 10):
        assert record.pooled(Source.RSI_MA, close_ms) == pooled_by_hand(outcomes, close_ms)


def test_what_is_very_old_is_kept_as_a_sum() -> None:
    record = TrackRecord(LAG_MS)
    count = 40_000
    for settled_ms in range(count):
        record.add(signal("BTCUSDT"), Pred.LONG, settled_ms)
    assert record.pooled(Source.RSI_MA, count + LAG_MS) == Tally(count, count, 0)
    assert record.pooled(Source.RSI_MA, count - 100 + LAG_MS) == Tally(count - 99, count - 99, 0)
