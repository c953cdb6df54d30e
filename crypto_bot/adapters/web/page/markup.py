"""Markup from the templates, which escape every text that is not markup itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from markupsafe import Markup

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.templating import TEMPLATES
from crypto_bot.reports.glossary import meaning

NOTHING = Markup()
_Row = TypeVar("_Row")


def width(share: float) -> str:
    """A share of a drawing, clipped to 0..1, in percent."""
    return f"{100 * min(1.0, max(0.0, share)):.1f}%"


_FILTERS = (formats.coin, formats.number, formats.rate, width, meaning)
TEMPLATES.filters |= {each.__name__: each for each in _FILTERS}


class Macros:
    """The macros of a template as functions that return markup."""

    def __init__(self, template: str) -> None:
        self._template = template

    def __getattr__(self, name: str) -> Callable[..., Markup]:
        macro = getattr(TEMPLATES.get_template(self._template).module, name)

        def made(*values: object) -> Markup:
            markup: Markup = macro(*values)
            return markup.strip()

        return made


class Drawings(Macros):
    """Those whose values can be hashed: the same is drawn once, though every price draws all."""

    def __getattr__(self, name: str) -> Callable[..., Markup]:
        made = lru_cache(maxsize=_DRAWN)(super().__getattr__(name))
        setattr(self, name, made)
        return made


_DRAWN = 2048
"""Of each kind, some hundred bytes each."""

pieces = Macros("pieces.html")
drawings = Drawings("drawings.html")


class Column(NamedTuple, Generic[_Row]):
    """A column of a table: its heading, its cell in a row, and classes.

    `kind` is of the heading and the cells, `cells` of the cells alone. `term` is the heading's
    entry in the glossary where that is another; a heading without a name is read out as its term.
    """

    name: str
    cell: Callable[[_Row], str]
    kind: str = ""
    cells: str = ""
    term: str = ""


class Table(Generic[_Row]):
    """A table of figures; the first cell of a row is its heading."""

    def __init__(self, *columns: Column[_Row], nothing: str = "", kind: str = "") -> None:
        self._columns, self._nothing, self._kind = columns, nothing, kind

    def of(self, rows: Iterable[_Row]) -> Markup:
        """The table of `rows`; the text `nothing` where there are none."""
        shown = list(rows)
        if not shown:
            return pieces.empty(self._nothing)
        return pieces.table(self._columns, shown, self._kind)


class Fact(NamedTuple):
    """A line `name ... value`; `tone` is a class for the value, `after` a muted addition."""

    name: str
    value: str
    after: str = ""
    tone: str = ""
    picture: Markup = NOTHING
    """A drawing before the value."""


class Card(NamedTuple):
    """One figure of a strip: `aside` stands beside it in the class `tone`, then a drawing."""

    title: str
    figure: str
    foot: str
    corner: str = ""
    aside: str = ""
    tone: str = ""
    picture: Markup = NOTHING


def tone(value: float | None, shown: str) -> str:
    """The class of a change that is `shown` with a sign: `long` for a gain, `short` for a loss."""
    if value is None or shown[0] not in f"+{formats.MINUS}":
        return ""
    return "long" if value > 0 else "short"
