"""Drawn cells are sound markup whose numbers stay in their box."""

import re
from math import nan
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.web.page import cells
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.signal import Pred

numbers = st.floats(-1e6, 1e6)
shares = st.floats(0.0, 1.0)


def drawn(markup: str) -> ET.Element:
    """As an element; positions in percent must lie on the drawing."""
    for position in re.findall(r'(?:x\d?|cx)="([-\d.]+)%"', markup):
        assert 0.0 <= float(position) <= 100.0
    return ET.fromstring(markup)


@given(numbers, numbers, numbers, numbers)
def test_intervals_are_clipped_to_their_scale(
    low: float, high: float, dot: float, yardstick: float
) -> None:
    made = drawn(cells.forest(Interval(dot, low, high), yardstick, cells.RATES))
    assert made.find("circle") is not None


def test_without_an_estimate_there_is_no_dot_and_without_calls_no_line() -> None:
    few = drawn(cells.forest(Interval(nan, 0.3, 0.6), 0.5))
    assert few.find("circle") is None
    assert [line.get("class") for line in few.iter("line")] == ["rule", "reach pale", "yardstick"]
    none = drawn(cells.forest(UNKNOWN))
    assert [line.get("class") for line in none.iter("line")] == ["rule"]
    assert none.get("aria-label") == "no record"


@given(numbers, st.floats(0.0, 10.0))
def test_the_track_holds_any_result(now_r: float, reward_r: float) -> None:
    drawn(cells.track(now_r, reward_r))


def test_the_track_is_bad_to_the_left_and_good_to_the_right() -> None:
    at = [
        float(drawn(cells.track(r, 1.5)).find("circle").get("cx").rstrip("%"))  # type: ignore[union-attr]
        for r in (-1.0, 0.0, 1.5)
    ]
    assert at == pytest.approx([4.0, 40.8, 96.0])


def test_a_bar_shows_the_call_and_dims_the_others() -> None:
    parts = list(drawn(cells.split(0.2, 0.3, 0.5, Pred.LONG)).iter("rect"))
    assert [part.get("class") for part in parts] == ["short pale", "none pale", "long"]
    assert [part.get("width") for part in parts] == ["20.0%", "30.0%", "50.0%"]
    assert "pale" not in cells.counts(1, 2, 3)
    drawn(cells.counts(0, 0, 0))


@given(st.lists(st.floats(1e-6, 1e6), max_size=200))
def test_a_sparkline_has_at_most_32_whole_points(values: list[float]) -> None:
    markup = cells.sparkline(values)
    if len(values) < 2:
        assert markup == ""
        return
    line = drawn(markup).find("polyline")
    assert line is not None
    points = [tuple(map(int, point.split(","))) for point in (line.get("points") or "").split()]
    assert 2 <= len(points) <= 32
    assert all(0 <= x <= 64 and 0 <= y <= 18 for x, y in points)
    assert points[0][0] == 1
    assert points[-1][0] == 63


@given(st.floats(-3, 3))
def test_a_part_of_a_score_leans_to_its_side(value: float) -> None:
    bar = list(drawn(cells.lean(value)).iter("rect"))[1]
    assert bar.get("class") == ("long" if value >= 0 else "short")


def test_last_results_are_said_in_words() -> None:
    made = drawn(cells.last_results([True, False, True]))
    assert made.get("aria-label") == "2 of the last 3 gained"
    assert cells.last_results([]) == ""


def test_a_verdict_that_nobody_knows_is_escaped() -> None:
    assert "<b>" not in cells.verdict("<b>x</b>")
    assert 'class="mark crit"' in cells.verdict("BLOCKED")


@given(shares, st.sampled_from(["long", "short", "none"]))
def test_levels(share: float, side: str) -> None:
    bar = list(drawn(cells.level(share, side)).iter("rect"))[1]
    assert bar.get("class") == side
