"""Who looks at a page: the theme and the time zone that their cookies ask for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple, Self
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from crypto_bot.adapters.web.page.palette import PALETTES, Palette, Theme

THEME_COOKIE = "crypto_bot_theme"
ZONE_COOKIE = "crypto_bot_zone"


class Viewer(NamedTuple):
    """Dark and UTC, unless asked otherwise."""

    theme: Theme = Theme.DARK
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    is_phone: bool = False

    @classmethod
    def of(cls, cookies: Mapping[str, str], agent: str = "") -> Self:
        """As the cookies say; what they say that is not understood is as if it were not there."""
        is_phone = "Mobi" in agent
        light = cookies.get(THEME_COOKIE) == Theme.LIGHT
        theme = Theme.LIGHT if light else Theme.DARK
        name = unquote(cookies.get(ZONE_COOKIE, "UTC"))
        try:
            return cls(theme, UTC if name == "UTC" else ZoneInfo(name), name, is_phone)
        except (KeyError, ValueError, OSError):  # no such zone, or no name of one
            return cls(theme, is_phone=is_phone)

    @property
    def palette(self) -> Palette:
        """The colours of the theme: a chart's canvas cannot read those of the style sheet."""
        return PALETTES[self.theme]

    @property
    def zone_label(self) -> str:
        """What stands over a column of times."""
        return "UTC" if self.zone_name == "UTC" else self.zone_name.rpartition("/")[2]
