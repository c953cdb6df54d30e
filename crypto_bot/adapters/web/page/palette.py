"""The colours of the page: one table for the style sheet and for the charts.

Blue and orange stay apart for colour-blind eyes (CIE76 of 103 and more after Machado's simulation);
the usual green and red do not, and are there for who chooses them. There is no accent: focus and
selection use the colour of text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Theme(StrEnum):
    """Which of the two tables is in use."""

    DARK = "dark"
    LIGHT = "light"


class Directions(StrEnum):
    """Which two colours stand for long and short, gain and loss."""

    BLUE_ORANGE = "blue_orange"
    GREEN_RED = "green_red"


class Palette(NamedTuple):
    """Surfaces, text and the few colours that mean something, as `#RRGGBB`."""

    bg: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    none: str
    """P(no trade) and volume: for shapes that have their number beside them, never for text."""
    long: str
    """Long, up, gain; always with an arrow, a sign or a word."""
    short: str
    """Short, down, loss."""
    warn: str
    crit: str
    on_fill: str
    """Text on a filled chip or banner."""


PALETTES = {
    Theme.DARK: Palette(
        *("#0E1116", "#151A21", "#1D242D", "#2B3440", "#E6EAF0", "#9BA7B6"),
        *("#4A5564", "#5AA9FF", "#F59A3E", "#F2CF63", "#FF6B88", "#0B0E12"),
    ),
    Theme.LIGHT: Palette(
        *("#F3F5F8", "#FFFFFF", "#EDF0F4", "#D3DAE2", "#17202B", "#55626F"),
        *("#AEB8C3", "#1560BD", "#B04A00", "#7A5900", "#B8124A", "#FFFFFF"),
    ),
}
_GREEN_RED = {Theme.DARK: ("#3DDC97", "#FF5A4F"), Theme.LIGHT: ("#08764A", "#C8281E")}


def palette_of(theme: Theme, directions: Directions) -> Palette:
    """The table of `theme`, with the two colours that were chosen."""
    usual = PALETTES[theme]
    if directions is Directions.BLUE_ORANGE:
        return usual
    long, short = _GREEN_RED[theme]
    return usual._replace(long=long, short=short)


def tokens() -> str:
    """CSS that names every colour, e.g. `--on-fill`, under `:root[data-theme]`."""
    usual = [f":root[data-theme={theme}]{{{_values(theme)}}}" for theme in Theme]
    chosen = [
        f":root[data-theme={theme}][data-directions={Directions.GREEN_RED}]"
        f"{{--long:{long};--short:{short};}}"
        for theme, (long, short) in _GREEN_RED.items()
    ]
    return "\n".join([*usual, *chosen])


def system_tokens() -> str:
    """The same for a page that follows the operating system where no theme was chosen."""
    light = f"@media(prefers-color-scheme:light){{:root{{{_values(Theme.LIGHT)}}}}}"
    return f":root{{{_values(Theme.DARK)}}}\n{light}\n{tokens()}"


def _values(theme: Theme) -> str:
    colours = PALETTES[theme]._asdict().items()
    named = "".join(f"--{name.replace('_', '-')}:{colour};" for name, colour in colours)
    return f"color-scheme:{theme};{named}"
