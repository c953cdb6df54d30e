"""Drawn cells are sound markup whose numbers stay in their box."""

import re
from math import nan
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.web.page import cells
from crypto_bot.adapters.web.page.markup import drawings
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.signal import Pred, Probabilities

numbers = st.floats(-1e6, 1e6)


def drawn(markup: str) -> ET.Element:
    """As an element; positions in percent must lie on the drawing."""
    for position in re.findall(r'(?:x\d?|cx|width)="([-\d.]+)%"', markup):
        assert 0.0 <= float(position) <= 100.0
    return ET.fromstring(markup)


def classes(markup: str, tag: str) -> list[str | None]:
    return [each.get("class") for each in drawn(markup).iter(tag)]


@given(numbers, numbers, numbers, numbers, st.floats(0.0, 10.0))
def test_drawings_hold_any_number(
    low: float, high: float, value: float, yardstick: float, reward_r: float
) -> None:
    forest = cells.forest(Interval(value, low, high), yardstick, cells.RATES)
    assert drawn(forest).find("circle") is not None
    drawn(cells.track(value, reward_r))
    side = "long" if value >= 0 else "short"
    assert classes(drawings.lean(value), "rect") == ["trough", side]
    assert classes(drawings.level(value, side), "rect") == ["trough", side]


def test_without_an_estimate_there_is_no_dot_and_without_calls_no_line() -> None:
    few = cells.forest(Interval(nan, 0.3, 0.6), 0.5)
    assert drawn(few).find("circle") is None
    assert classes(few, "line") == ["rule", "reach pale", "yardstick"]
    assert classes(cells.forest(UNKNOWN), "line") == ["rule"]
    assert 'aria-label="no record"' in cells.forest(UNKNOWN)


@pytest.mark.parametrize(("now_r", "at"), [(-1.0, 4.0), (0.0, 40.8), (1.5, 96.0)])
def test_the_track_is_bad_to_the_left_and_good_to_the_right(now_r: float, at: float) -> None:
    assert f'cx="{at}%"' in cells.track(now_r, 1.5)


def test_a_bar_shows_the_call_and_dims_the_others() -> None:
    usual = {Pred.SHORT: 0.1, Pred.LONG: 0.3}
    bar = cells.split(Probabilities(0.2, 0.3, 0.5), Pred.LONG, usual)
    assert [tick.get("x1") for tick in drawn(bar).iter("line")] == ["10.0%", "70.0%"]
    assert "usual short 0.10, long 0.30" in bar
    bar = cells.split(Probabilities(0.2, 0.3, 0.5), Pred.LONG, {Pred.LONG: 0.3})
    assert "usual" not in bar
    assert classes(bar, "rect") == ["short pale", "none pale", "long"]
    assert [part.get("width") for part in drawn(bar).iter("rect")] == ["20.0%", "30.0%", "50.0%"]
    assert "pale" not in cells.counts(1, 2, 3)
    drawn(cells.counts(0, 0, 0))


@given(st.lists(st.floats(1e-6, 1e6), max_size=200))
def test_a_sparkline_has_at_most_32_whole_points(values: list[float]) -> None:
    found = re.findall(r"(\d+),(\d+)[ \"]", cells.sparkline(values))
    points = [(int(x), int(y)) for x, y in found]
    assert len(points) == (min(32, len(values)) if len(values) > 1 else 0)
    assert all(0 <= y <= 18 for _, y in points)
    assert [x for x, _ in points[:1] + points[-1:]] == ([1, 63] if points else [])


def test_texts_of_drawings() -> None:
    assert (
        drawn(drawings.results((True, False, True))).get("aria-label") == "2 of the last 3 gained"
    )
    assert drawings.results(()) == ""
    assert "<b>" not in drawings.verdict("<b>x</b>"), "a verdict that nobody knows is escaped"
    assert 'class="mark crit"' in drawings.verdict("BLOCKED")
