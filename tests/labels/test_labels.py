"""Labels by hand, at gaps and ends, their spans and overlaps, and what is warned of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.errors import ConfigError, NotEnoughData
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, SHORT_NO_TRADE_LONG, Direction, LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.labels import (
    UNKNOWN,
    Labels,
    count_classes,
    label,
    uniqueness,
)
from crypto_bot.labels.registered import LABELS, class_after
from tests.features.made_candles import candles_of, walk

TF = Timeframe.parse("15m")
QUIET = 20  # candles with a range of exactly 1.0 around 100: ATR(14) is 1.0
(SHORT,), (NO_TRADE,), (LONG,) = DOWN_NEUTRAL_UP


def labelled(spec: LabelSpec, *after: tuple[float, float, float, float]) -> Labels:
    """Labels of 20 quiet candles, followed by `after` (open, high, low, close)."""
    candles = [(100.0, 100.5, 99.5, 100.0, 1.0)] * QUIET + [(*prices, 1.0) for prices in after]
    return label(spec, TF, np.arange(len(candles)) * TF.ms, np.array(candles))


def flat(close: float = 100.0) -> tuple[float, float, float, float]:
    return (100.0, max(close, 100.5), min(close, 99.5), close)


@pytest.mark.parametrize(
    ("name", "close", "kind"),
    [
        *(("A", 100.76, LONG), ("A", 100.75, NO_TRADE), ("A", 99.25, NO_TRADE)),
        *(("A", 99.24, SHORT), ("fixed", 100.26, LONG), ("fixed", 100.24, NO_TRADE)),
        ("fixed", 99.74, SHORT),
    ],
)
def test_held_to_the_horizon_from_the_next_open(name: str, close: float, kind: int) -> None:
    bars = LABELS.get(name).horizon.bars(TF)
    found = labelled(LABELS.get(name), *[flat()] * (bars - 1), flat(close))
    at = QUIET - 1
    assert found.label[at] == kind
    assert found.atr_bps[at] == pytest.approx(100.0)
    assert found.long_bps[at] == pytest.approx((close / 100 - 1) * 1e4)
    assert found.end_ms[at] == (QUIET + bars) * TF.ms


@pytest.mark.parametrize(
    ("name", "close", "kind"),
    [
        *(("four_4h", 97.99, "STRONG_SELL"), ("four_4h", 98.0, "SELL"), ("four_4h", 99.9, "SELL")),
        *(("four_4h", 100.0, "BUY"), ("four_4h", 102.0, "BUY"), ("four_4h", 102.01, "STRONG_BUY")),
        *(("four_4h_50bp", 100.51, "STRONG_BUY"), ("four_4h_150bp", 101.49, "BUY")),
        *(("next_bar", 99.99, "DOWN"), ("next_bar", 100.0, "UP"), ("next_bar", 100.01, "UP")),
        *(("move_7d", 97.9, "SHORT"), ("move_14d", 97.9, "NO_TRADE"), ("move_30d", 105.1, "LONG")),
    ],
)
def test_classes_by_the_share_of_the_next_open(name: str, close: float, kind: str) -> None:
    spec = LABELS.get(name)
    found = labelled(spec, *[flat()] * (spec.horizon.bars(TF) - 1), flat(close))
    assert spec.classes[found.label[QUIET - 1]] == kind


def test_returns_are_counted_from_the_opens_that_are_traded_at() -> None:
    found = labelled(
        LABELS.get("A"), (101, 101, 101, 101), (102, 102, 102, 102), flat(), (104, 104, 104, 104)
    )
    at = QUIET - 1
    assert found.label[at] == LONG
    assert found.long_bps[at] == pytest.approx((104 / 101 - 1) * 1e4)
    assert found.late_bps[at] == pytest.approx((104 / 102 - 1) * 1e4)


@pytest.mark.parametrize(
    ("bars", "kind", "price", "last"),
    [
        ([(100, 102.1, 99.9, 101)], LONG, 102.0, 0),  # the upper barrier, at its price
        ([(100, 100, 97.9, 99)], SHORT, 98.0, 0),
        ([(100, 100.5, 99.5, 100), (103, 104, 102.5, 103)], LONG, 103.0, 1),  # opens beyond it
        ([(100, 102.1, 97.9, 101)], NO_TRADE, 101.0, 0),  # both: either side is stopped
        ([(100, 101.9, 98.1, 101.5)] * 16, NO_TRADE, 101.5, 15),  # neither
        ([(100, 101.9, 98.1, 100)] * 15 + [(100, 101, 98, 99)], SHORT, 98.0, 15),  # the last bar
    ],
)
def test_triple_barrier(
    bars: list[tuple[float, float, float, float]], kind: int, price: float, last: int
) -> None:
    rest = [(100.0, 100.5, 99.5, 100.0)] * (16 - len(bars))
    found = labelled(LABELS.get("B"), *bars, *rest)
    at = QUIET - 1
    assert found.label[at] == kind
    assert found.long_bps[at] == pytest.approx((price / bars[0][0] - 1) * 1e4)
    assert found.end_ms[at] == (QUIET + last + 1) * TF.ms
    assert np.isnan(found.late_bps[at]) == (last == 0)  # over before a late one entered


@pytest.mark.parametrize("name", ["A", "B", "fixed"])
def test_the_last_rows_and_those_before_a_gap_have_no_label(name: str) -> None:
    spec = LABELS.get(name)
    coin = walk(200, 41, missing=(120,))
    found = label(spec, TF, coin.open_ms, coin.candles)
    without = np.zeros(199, np.bool_)
    for first, end in ((0, 120), (120, 199)):
        without[first : first + 13] = True  # no ATR yet
        without[end - spec.horizon.bars(TF) : end] = True
    assert np.array_equal(found.label == UNKNOWN, without)
    assert np.array_equal(np.isnan(found.long_bps), without)
    assert np.array_equal(found.end_ms == 0, without)


def test_no_label_looks_beyond_its_horizon_or_at_its_own_candle() -> None:
    coin = walk(400, 42)
    for name in ("A", "B", "fixed"):
        spec = LABELS.get(name)
        whole = label(spec, TF, coin.open_ms, coin.candles)
        close_ms = coin.open_ms + TF.ms
        known = whole.label != UNKNOWN
        assert (whole.end_ms[known] > close_ms[known]).all()
        assert (whole.end_ms[known] <= close_ms[known] + spec.horizon.bars(TF) * TF.ms).all()
        for at in (50, 233):
            changed = coin.candles.copy()
            changed[at + spec.horizon.bars(TF) + 1 :, :4] *= 1.5
            assert label(spec, TF, coin.open_ms, changed).label[at] == whole.label[at]


def test_a_mirrored_market_has_mirrored_labels() -> None:
    coin = walk(3000, 43)
    mirrored = coin.candles.copy()
    mirrored[:, :4] = 2000.0 - coin.candles[:, [0, 2, 1, 3]]
    for name in ("A", "B"):
        up = label(LABELS.get(name), TF, coin.open_ms, coin.candles).label
        down = label(LABELS.get(name), TF, coin.open_ms, mirrored).label
        known = up != UNKNOWN
        assert np.array_equal(up[known], 2 - down[known])


def test_distribution_warns_of_rare_and_dominant_classes() -> None:
    even = count_classes(np.array([0, 1, 1, 2, UNKNOWN], np.int8), SHORT_NO_TRADE_LONG)
    assert even == ((1, 2, 1), ())
    odd = count_classes(np.array([0] * 3 + [1] * 91 + [2] * 6, np.int8), SHORT_NO_TRADE_LONG)
    assert odd.warnings == (
        "SHORT is 3.0% of 100 labels: too rare to be learnt well",
        "NO_TRADE is 91.0% of 100 labels: a constant would score as much",
    )


def test_no_label_or_one_class_alone_is_not_enough() -> None:
    still = np.tile([5.0, 5.0, 5.0, 5.0, 0.0], (100, 1))  # no ATR
    found = label(LABELS.get("A"), TF, np.arange(100) * TF.ms, still).label
    for labels, what in ((found, "0 labels hold nothing but no label"), (np.ones(7), "7 .* NO_TR")):
        with pytest.raises(NotEnoughData, match=what):
            count_classes(labels.astype(np.int8), SHORT_NO_TRADE_LONG)


def test_names_and_parameters() -> None:
    spec = LabelSpec("B", "barrier_atr", Horizon(16), (2.0,), direction=DOWN_NEUTRAL_UP)
    assert LABELS.get("B") == spec
    assert LABELS.get("A").as_json() == {
        "name": "A",
        "rule": "hold_atr",
        "horizon": "4b",
        "thresholds": [0.75],
        "classes": ["SHORT", "NO_TRADE", "LONG"],
        "direction": [0, 1, 2],
    }
    for name in LABELS.names():
        assert LabelSpec.from_json(LABELS.get(name).as_json()) == LABELS.get(name)
    before = {"name": "B", "rule": "barrier_atr", "horizon_bars": 16, "threshold": 2.0}
    assert LabelSpec.from_json(before) == spec
    with pytest.raises(ConfigError, match="unknown label 'C'"):
        LABELS.get("C")
    assert LABELS.get("four_4h").as_json()["direction"] == [[0, 1], [], [2, 3]]
    for wrong in (
        Direction((0,), (1,), ()),
        Direction((0,), (), (1,)),
        Direction((0, 1), (), (1, 2)),
    ):
        with pytest.raises(ConfigError, match="each class is a fall, no move or a rise"):
            LabelSpec("wrong", "hold_atr", Horizon(4), (0.75,), direction=wrong)


def test_average_uniqueness_by_hand() -> None:
    step = TF.ms
    # live in bars 1-2, 2-3, 3 (ends early), none, and 8-9 on its own
    open_ms = np.array([0, 1, 2, 3, 7]) * step
    end_ms = np.array([3, 4, 4, 0, 10]) * step
    expected = [(1 + 1 / 2) / 2, (1 / 2 + 1 / 2) / 2, 1 / 2, 0.0, 1.0]
    assert uniqueness(open_ms, end_ms, TF).tolist() == pytest.approx(expected)


@given(spans=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6)), min_size=1, max_size=40))
def test_uniqueness_is_the_average_of_one_over_the_living(spans: list[tuple[int, int]]) -> None:
    opens = np.cumsum([step for step, _ in spans])
    ends = opens + [length for _, length in spans]
    weights = uniqueness(opens * TF.ms, (ends + 1) * TF.ms, TF)
    living = [{*range(a + 1, b + 1)} for a, b in zip(opens.tolist(), ends.tolist(), strict=True)]
    for own, weight in zip(living, weights.tolist(), strict=True):
        shares = [1 / sum(bar in other for other in living) for bar in own]
        assert weight == pytest.approx(sum(shares) / len(shares))
    # together the labels weigh no more than the bars they live in
    assert sum(w * len(own) for w, own in zip(weights, living, strict=True)) == pytest.approx(
        len(set().union(*living))
    )


@pytest.mark.parametrize("name", ["A", "B", "fixed", "four_4h_50bp", "next_bar"])
def test_live_labels_are_those_of_the_history(name: str) -> None:
    coin, spec = walk(400, seed=4), LABELS.get(name)
    known = label(spec, TF, coin.open_ms, coin.candles)
    candles = candles_of(coin)
    bars = np.flatnonzero(known.label != UNKNOWN)
    assert bars.size > 300
    for bar in bars:
        atr = known.atr_bps[bar] * coin.candles[bar, 3] / 1e4
        found = class_after(spec, atr, candles[bar + 1 : bar + 1 + spec.horizon.bars(TF)])
        assert found == spec.classes[known.label[bar]]
