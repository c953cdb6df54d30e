"""The probability that a source's next call is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.record import POOL_WEIGHT, PRIOR_WEIGHT, Tally, probabilities, tally_of
from crypto_bot.domain.signal import Pred

NOTHING = Tally()


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    n = draw(st.integers(0, 10_000))
    hits = draw(st.integers(0, n))
    return Tally(n, hits, draw(st.integers(0, n - hits)))


@given(st.sampled_from(Pred), tallies(), tallies())
def test_they_are_probabilities(pred: Pred, on_coin: Tally, pooled: Tally) -> None:
    on_coin, pooled = (
        (t._replace(flats=0) if pred is Pred.NO_TRADE else t) for t in (on_coin, pooled)
    )
    chances = probabilities(pred, on_coin, pooled)
    assert sum(chances) == pytest.approx(1.0)
    assert min(chances) >= -1e-12


def test_shrinks_the_coin_to_the_source_and_the_source_to_the_prior() -> None:
    pooled = Tally(70, 30, 10)
    source_rate = (30 + PRIOR_WEIGHT / 3) / (70 + PRIOR_WEIGHT)
    on_coin = Tally(10, 9, 0)
    expected = (9 + POOL_WEIGHT * source_rate) / (10 + POOL_WEIGHT)
    assert probabilities(Pred.LONG, on_coin, pooled).long == pytest.approx(expected)
    assert probabilities(Pred.SHORT, on_coin, pooled).short == pytest.approx(expected)
    assert probabilities(Pred.LONG, NOTHING, pooled).long == pytest.approx(source_rate)
    assert probabilities(Pred.LONG, NOTHING, NOTHING) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    held = probabilities(Pred.NO_TRADE, on_coin, pooled)
    assert (held.no_trade, held.long) == pytest.approx((expected, (1 - expected) / 2))


@pytest.mark.parametrize(
    ("pred", "label", "tally"),
    [
        (Pred.LONG, Pred.LONG, Tally(1, 1, 0)),
        (Pred.LONG, Pred.NO_TRADE, Tally(1, 0, 1)),
        (Pred.LONG, Pred.SHORT, Tally(1, 0, 0)),
        (Pred.NO_TRADE, Pred.NO_TRADE, Tally(1, 1, 0)),
        (Pred.NO_TRADE, Pred.LONG, Tally(1, 0, 0)),
    ],
)
def test_a_call_is_a_hit_a_miss_or_flat(pred: Pred, label: Pred, tally: Tally) -> None:
    assert tally_of(pred, label) == tally
