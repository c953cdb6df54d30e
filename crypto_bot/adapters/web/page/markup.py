"""Markup from the templates, which escape every text that is not markup itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crypto_bot.adapters.web.page import formats

NOTHING = Markup()
_TEMPLATES = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,
)
_TEMPLATES.filters["coin"] = formats.coin


class Column(NamedTuple):
    """A column of a table: its heading, its classes, and further classes of its cells."""

    name: str
    kind: str = ""
    cells: str = ""


def columns(*heads: str) -> tuple[Column, ...]:
    """Columns written as `name|classes|further classes of the cells`."""
    return tuple(Column(*head.split("|")) for head in heads)


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

    def markup(self) -> Markup:
        """What stands inside the card's panel."""
        return piece("card", self)


def piece(name: str, *values: object) -> Markup:
    """What the macro `name` of `pieces.html` makes of `values`."""
    return _made("pieces.html", name, values)


def drawn(name: str, *values: object) -> Markup:
    """The same of `drawings.html`."""
    return _made("drawings.html", name, values)


def render(template: str, **values: object) -> Markup:
    """A whole template."""
    return Markup(_TEMPLATES.get_template(template).render(**values))  # noqa: S704 - as above


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], kind: str = "") -> Markup:
    """A table of figures; the first cell of a row is its heading."""
    return piece("table", columns, list(rows), kind)


def heading(title: str, corner: str = "") -> Markup:
    """The head of a panel."""
    return piece("heading", title, corner)


def facts(lines: Iterable[Fact]) -> Markup:
    """A list of facts."""
    return piece("facts", list(lines))


def nothing(title: str, then: str = "") -> Markup:
    """An empty state: what there is not, and what to expect or to do."""
    return piece("nothing", title, then)


def empty(why: str) -> Markup:
    """In place of a table without rows."""
    return piece("empty", why)


def coin_link(symbol: str) -> Markup:
    """The name of a coin, leading to its view."""
    return piece("coin_link", symbol)


def muted(text: str) -> Markup:
    """A text that stands back."""
    return piece("tag", text, "muted")


def tone(value: float | None, shown: str) -> str:
    """The class of a change that is `shown` with a sign: `long` for a gain, `short` for a loss."""
    if value is None or shown[0] not in f"+{formats.MINUS}":
        return ""
    return "long" if value > 0 else "short"


def toned(value: float | None, shown: str) -> Markup:
    """A change in the colour of its side."""
    return piece("tag", shown, tone(value, shown))


def _made(template: str, macro: str, values: tuple[object, ...]) -> Markup:
    made = getattr(_TEMPLATES.get_template(template).module, macro)(*values)
    return Markup(made.strip())  # noqa: S704 - of a template
