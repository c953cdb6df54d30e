"""Pages of training: one file each, which a browser shows without any network."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from crypto_bot.domain.interval import Interval

_WIDTH, _ROW, _LEFT, _TOP = 640, 18, 140, 30
_TEMPLATES = Environment(
    loader=PackageLoader("crypto_bot.training"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,
)


class TableRow(NamedTuple):
    """The cells of a row; `served` marks the model that answers."""

    cells: tuple[str, ...]
    served: bool = False


class Mark(NamedTuple):
    """One line of a forest plot in pixels; `low`, `high` and `tick` where they are known."""

    name: str
    y: int
    value: float
    low: float | None
    high: float | None
    tick: float | None


class Forest(NamedTuple):
    """A plot of estimates with their intervals, one below the other, in pixels."""

    title: str
    width: int
    height: int
    left: int
    top: int
    chance: float
    least: str
    most: str
    marks: tuple[Mark, ...]


def render(template: str, **values: object) -> str:
    """A whole page; every value is escaped."""
    return _TEMPLATES.get_template(template).render(**values)


def shown(measured: Interval | None, scale: float, decimals: int) -> str:
    """Such as `1.50 [1.32, 1.70]`; a dash where nothing is known."""
    if measured is None or not measured.is_estimated:
        return "–"
    value, low, high = (f"{scale * each:.{decimals}f}" for each in measured)
    return f"{value} [{low}, {high}]" if measured.is_bounded else value


def forest(
    title: str,
    measured: Sequence[tuple[str, Interval | None, Interval | None]],
    *,
    scale: float,
    chance: float,
) -> Forest | None:
    """A dot and a line for each name's first interval, a tick for the second; None without any."""
    found = [(name, one, two) for name, one, two in measured if one and one.is_estimated]
    if not found:
        return None
    known = [v for _, *pair in found for one in pair if one is not None for v in one if isfinite(v)]
    low, high = min(*known, chance) * scale, max(*known, chance) * scale
    step = (_WIDTH - _LEFT - 20) / ((high - low) or 1.0)

    def x_of(value: float) -> float:
        return _LEFT + (scale * value - low) * step

    return Forest(
        title=title,
        width=_WIDTH,
        height=_TOP + _ROW * len(found) + 24,
        left=_LEFT,
        top=_TOP - 6,
        chance=x_of(chance),
        least=f"{low:.3g}",
        most=f"{high:.3g}",
        marks=tuple(
            Mark(
                name=name,
                y=_TOP + _ROW * place + 6,
                value=x_of(one.value),
                low=x_of(one.low) if one.is_bounded else None,
                high=x_of(one.high) if one.is_bounded else None,
                tick=x_of(two.value) if two is not None and two.is_estimated else None,
            )
            for place, (name, one, two) in enumerate(found)
        ),
    )
