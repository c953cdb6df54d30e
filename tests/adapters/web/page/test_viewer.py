"""Cookies as anybody may set them."""

from datetime import UTC

import pytest

from crypto_bot.adapters.web.page.palette import PALETTES, Theme
from crypto_bot.adapters.web.page.viewer import Viewer


def test_dark_and_utc_unless_asked_otherwise() -> None:
    viewer = Viewer.of({})
    assert (viewer.theme, viewer.zone, viewer.zone_label) == (Theme.DARK, UTC, "UTC")
    assert viewer.palette == PALETTES[Theme.DARK]


def test_light_and_the_zone_of_a_browser() -> None:
    viewer = Viewer.of({"crypto_bot_theme": "light", "crypto_bot_zone": "Europe%2FBerlin"})
    assert (viewer.theme, viewer.zone_label) == (Theme.LIGHT, "Berlin")


@pytest.mark.parametrize("zone", ["../../etc/passwd", "Europe", "", "Not/AZone", "\0", "x" * 5000])
def test_a_zone_that_is_none_is_utc(zone: str) -> None:
    viewer = Viewer.of({"crypto_bot_zone": zone, "crypto_bot_theme": "<script>"})
    assert (viewer.theme, viewer.zone) == (Theme.DARK, UTC)


def test_a_phone_is_known_by_its_agent() -> None:
    assert Viewer.of({}, "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0").is_phone is False
    assert Viewer.of({}, "Mozilla/5.0 (Linux; Android 15) Mobile Safari/537.36").is_phone is True
