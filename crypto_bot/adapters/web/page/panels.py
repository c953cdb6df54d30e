"""Small pieces of markup that several views show; every text in them is escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple


class Fact(NamedTuple):
    """A line `name ... value`; `tone` is a class for the value, `after` a muted addition."""

    name: str
    value: str
    after: str = ""
    tone: str = ""
    picture: str = ""
    """A drawing of `cells` before the value."""

    def markup(self) -> str:
        """HTML of the line."""
        after = f' <span class="muted">{escape(self.after)}</span>' if self.after else ""
        picture = f'<span class="bar">{self.picture}</span>' if self.picture else ""
        return (
            f"<dt>{escape(self.name)}</dt>"
            f'<dd>{picture}<span class="num {self.tone}">{escape(self.value)}{after}</span></dd>'
        )


def heading(title: str, corner: str = "") -> str:
    """The head of a panel."""
    return (
        f'<div class="head"><h2 class="title">{escape(title)}</h2>'
        f'<span class="muted">{escape(corner)}</span></div>'
    )


def facts(lines: Iterable[Fact]) -> str:
    """A list of facts."""
    return f'<dl class="facts">{"".join(line.markup() for line in lines)}</dl>'


def nothing(title: str, then: str) -> str:
    """An empty state: what there is not, and what to expect or to do."""
    return f'<div class="strong">{escape(title)}</div><div class="muted">{escape(then)}</div>'
