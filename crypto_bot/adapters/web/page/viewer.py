"""Who looks at a page: the theme, colours and time zone that their cookies ask for.

Without a chosen theme the page has that of the operating system, which the browser reports in a
cookie of its own (`theme.js`): a chart's canvas is drawn with the server's palette.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple, Self
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from crypto_bot.adapters.web.page.palette import Directions, Palette, Theme, palette_of

THEME_COOKIE = "crypto_bot_theme"
SYSTEM_THEME_COOKIE = "crypto_bot_system_theme"
ZONE_COOKIE = "crypto_bot_zone"
DIRECTIONS_COOKIE = "crypto_bot_directions"


class Viewer(NamedTuple):
    """Dark and UTC, unless asked otherwise."""

    theme: Theme = Theme.DARK
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    chose_theme: bool = False
    """Whether the theme was chosen here, and is not that of the operating system."""
    directions: Directions = Directions.BLUE_ORANGE

    @classmethod
    def of(cls, cookies: Mapping[str, str]) -> Self:
        """As the cookies say; what they say that is not understood is as if it were not there."""
        chosen = cookies.get(THEME_COOKIE)
        chose = chosen in set(Theme)
        asked = chosen if chose else cookies.get(SYSTEM_THEME_COOKIE)
        theme = Theme.LIGHT if asked == Theme.LIGHT else Theme.DARK
        is_green = cookies.get(DIRECTIONS_COOKIE) == Directions.GREEN_RED
        directions = Directions.GREEN_RED if is_green else Directions.BLUE_ORANGE
        name = unquote(cookies.get(ZONE_COOKIE, "UTC"))
        try:
            return cls(theme, UTC if name == "UTC" else ZoneInfo(name), name, chose, directions)
        except (KeyError, ValueError, OSError):  # no such zone, or no name of one
            return cls(theme, chose_theme=chose, directions=directions)

    @property
    def palette(self) -> Palette:
        """The colours of the theme: a chart's canvas cannot read those of the style sheet."""
        return palette_of(self.theme, self.directions)

    @property
    def zone_label(self) -> str:
        """What stands over a column of times."""
        return "UTC" if self.zone_name == "UTC" else self.zone_name.rpartition("/")[2]
