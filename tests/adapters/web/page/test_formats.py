"""Numbers as a person reads them, in the zone that the cookies choose."""

from collections.abc import Callable
from datetime import UTC
from functools import partial
from math import inf, nan
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.palette import PALETTES, Theme
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.interval import Interval

T0 = 1_764_600_300_000  # 2025-12-01T14:45:00Z
EXPECTED: list[tuple[Callable[[Any], Any], dict[Any, Any]]] = [
    (formats.signed, {0.4: "+0.4", -0.31: "−0.3", 0.0: "0.0", -0.04: "0.0", 1234.56: "+1,234.6"}),
    (formats.signed, dict.fromkeys((nan, inf, None), "–")),
    (formats.number, dict.fromkeys((nan, inf, None), "–")),
    (formats.age, {-3: "0 s", 59.9: "59 s", 60: "1 min", 7200: "2 h", 172_800: "2 d"}),
    (partial(formats.rate, 0.4519), {999: "45%", 1000: "45.2%"}),
    (
        partial(formats.interval, Interval(0.45, 0.433, 0.471)),
        {40: "[43, 47]", 1000: "[43.3, 47.1]"},
    ),
    (
        partial(formats.moment, T0),
        {UTC: "2025-12-01 14:45", ZoneInfo("Asia/Tokyo"): "2025-12-01 23:45"},
    ),
    (
        partial(formats.in_zone, zone=UTC),
        {
            "down since 2025-12-01T14:45:00.113Z": "down since 2025-12-01 14:45",
            "at 14:45": "at 14:45",
        },
    ),
    (
        formats.decimals_of,
        {
            (68_250.1, 68_241.25): 2,
            (0.000_012_34,): 8,
            (452.0,): 0,
            (1 / 3,): 7,
            (): 2,
            (nan, -1): 2,
        },
    ),
]


@pytest.mark.parametrize(("shown", "expected"), EXPECTED)
def test_what_is_shown(shown: Callable[[Any], Any], expected: dict[Any, Any]) -> None:
    """A sign on changes but none on zero, a dash for what is missing, few digits of few calls."""
    assert {value: shown(value) for value in expected} == expected


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 4))
def test_no_number_has_a_hyphen_for_a_minus(value: float, decimals: int) -> None:
    assert "-" not in formats.signed(value, decimals) + formats.number(value, decimals)


@pytest.mark.parametrize(
    ("theme", "zone", "expected"),
    [
        ("light", "Europe%2FBerlin", (Theme.LIGHT, ZoneInfo("Europe/Berlin"), "Berlin")),
        *(
            ("<script>", zone, (Theme.DARK, UTC, "UTC"))
            for zone in ("UTC", "../../etc/passwd", "Europe", "", "Not/AZone", "\0", "x" * 5000)
        ),
    ],
)
def test_cookies_as_anybody_may_set_them(theme: str, zone: str, expected: Any) -> None:
    viewer = Viewer.of({"crypto_bot_theme": theme, "crypto_bot_zone": zone})
    assert (viewer.theme, viewer.zone, viewer.zone_label) == expected
    assert viewer.palette == PALETTES[viewer.theme]
