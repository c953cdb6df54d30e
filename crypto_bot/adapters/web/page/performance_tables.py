"""Tables of the performance view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, nan
from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import (
    Column,
    coin_link,
    columns,
    empty,
    muted,
    piece,
    table,
)
from crypto_bot.adapters.web.page.sentences import GLYPHS, Sentence
from crypto_bot.adapters.web.page.trade import SOURCES
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.signal import Source
from crypto_bot.reports.live_record import ModelsReport
from crypto_bot.reports.live_skill import LiveModel
from crypto_bot.statistics.breakdown import RANDOM_SIDE, Line
from crypto_bot.statistics.standing import Standing

Span = tuple[float, float]
_SOURCE = columns(
    "Source", "Calls|num", "|wide", "Hit rate|num", "95%|num more|muted",
    "Break-even|num more|muted", "Against it|more", "Mean, net|num more",
)  # fmt: skip
_COIN = columns("Coin", "|wide", "Hit|num", "n|num|muted")
_VOLATILITY = columns("ATR over price", "|wide", "Hit|num", "Mean, net|num", "n|num|muted")
_LIVE = columns(
    "Coin", "Live n|num", "Skill, live|num", "tested|num|muted", "", "Direction AUC, live|num",
    "tested|num|muted", "", "Calibration error / floor, live|num", "tested|num|muted",
)  # fmt: skip


class Share(NamedTuple):
    """A cell of the confusion table: so many, as a share of its row."""

    number: str
    share: float
    rate: str


def sentence(made: Sentence) -> Markup:
    """The verdict, its glyph before it."""
    return piece("sentence", cells.mark(made.glyph), made.word, made.rest)


def source_table(lines: Sequence[Line], random: Line) -> Markup:
    """Sources and sides, and under them what flipping a coin would have come to."""
    return _table(
        _SOURCE,
        [*lines, *([random] if random.n else [])],
        lambda line, drawing: (
            source_name(line.name),
            formats.number(line.n),
            drawing,
            _rate(line),
            formats.interval(line.rate, line.n),
            formats.percent(line.break_even),
            _standing(line.standing),
            formats.signed(line.mean_r.value, 2, "R"),
        ),
        "No LONG or SHORT has been resolved in this selection.",
    )


def coin_table(lines: Sequence[Line]) -> Markup:
    """Coins by their lower bound."""
    return _table(
        _COIN,
        lines,
        lambda line, drawing: (coin_link(line.name), drawing, _rate(line), formats.number(line.n)),
        "No coin has a resolved LONG or SHORT in this selection.",
    )


def volatility_table(lines: Sequence[Line]) -> Markup:
    """Fifths by ATR over price."""
    return _table(
        _VOLATILITY,
        lines,
        lambda line, drawing: (
            line.name,
            drawing,
            _rate(line),
            formats.signed(line.mean_r.value, 2, "R"),
            formats.number(line.n),
        ),
        "No call with a known volatility.",
    )


def _table(
    heads: Sequence[Column],
    lines: Sequence[Line],
    row: Callable[[Line, Markup], Sequence[str]],
    nothing: str,
) -> Markup:
    """A row for each line, its hit rate drawn on the scale of all."""
    if not lines:
        return empty(nothing)
    span = scale(lines)
    drawings = (cells.forest(line.rate, line.break_even, span) for line in lines)
    return table(heads, map(row, lines, drawings))


def confusion_table(counts: Sequence[Sequence[int]]) -> Markup:
    """Labels (rows) by what was called; a cell is as dark as its share of the row."""
    if not sum(map(sum, counts)):
        return empty("No call has been resolved in this selection.")
    return piece("confusion", [[_share(count, sum(row)) for count in row] for row in counts])


def live_table(live: ModelsReport, note: str | None) -> Markup:
    """Models live, beside what they showed on candles that they had never seen."""
    if not live.models and not live.together.n:
        return empty(note or "No model has been published: train some with crypto-bot train.")
    return table(_LIVE, map(_live_row, (live.together, *live.models)))


def likeness(live: Interval, tested: Interval) -> Markup:
    """Whether the two intervals meet; nothing where one is unknown."""
    if not (live.is_bounded and tested.is_bounded):
        return Markup()
    if live.high < tested.low:
        return piece("tag", cells.mark("warning", "warn") + " worse", "warn")
    return Markup("better") if live.low > tested.high else muted("as tested")


def scale(lines: Sequence[Line]) -> Span:
    """A scale of shares that holds every interval and yardstick."""
    # One call alone may reach from 0 to 1: those with few are clipped rather than rule the scale.
    sure = [line for line in lines if line.rate.is_estimated] or lines
    ends = [end for line in sure for end in (*line.rate[1:], line.break_even) if isfinite(end)]
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    margin = max(0.06 * (high - low), 0.005)
    return max(0.0, low - margin), min(1.0, high + margin)


def source_name(name: str) -> str:
    """`ML, long` of `ML_PER_COIN_V1 LONG`."""
    if name == RANDOM_SIDE:
        return "Random side, same exits"
    source, _, side = name.partition(" ")
    shown = SOURCES[Source(source)]
    return f"{shown[0].upper()}{shown[1:]}, {side.lower()}"


def _live_row(model: LiveModel) -> Sequence[str]:
    tested = model.tested
    skill = UNKNOWN if tested is None else tested.skill_prior
    auc = UNKNOWN if tested is None else tested.direction_auc
    errors = (nan, nan) if tested is None else (tested.ece, tested.ece_floor)
    name = formats.coin(model.symbol) if model.symbol else "All models"
    return (
        piece("titled", name, model.version),
        formats.number(model.n),
        _skill(model.skill),
        _skill(skill),
        likeness(model.skill, skill),
        _auc(model.direction_auc),
        _auc(auc),
        likeness(model.direction_auc, auc),
        _error(model.ece, model.ece_floor),
        _error(*errors),
    )


def _share(count: int, total: int) -> Share:
    share = count / total if total else 0.0
    rate = formats.rate(share, total) if total else formats.MISSING
    return Share(formats.number(count), share, rate)


def _rate(line: Line) -> str:
    if not line.rate.is_estimated:
        return muted(Standing.TOO_FEW) if line.n else formats.MISSING
    return piece("strong", formats.rate(line.rate.value, line.n))


def _standing(standing: Standing) -> Markup:
    colour = "muted" if standing in {Standing.NOT_PROVEN, Standing.TOO_FEW} else ""
    return piece("tag", cells.mark(GLYPHS[standing]) + f" {standing}", colour)


def _skill(measure: Interval) -> Markup:
    percent = measure.scaled(100.0)
    ends = formats.ends(percent, 2) if percent.is_bounded else ""
    return piece("measure", formats.signed(percent.value, 2, "%"), ends)


def _auc(measure: Interval) -> Markup:
    ends = f"[{measure.low:.3f}, {measure.high:.3f}]" if measure.is_bounded else ""
    return piece("measure", formats.number(measure.value, 3), ends)


def _error(error: float, floor: float) -> str:
    if not (isfinite(error) and isfinite(floor)):
        return formats.MISSING
    shown = f"{formats.number(error, 3)} / {formats.number(floor, 3)}"
    return piece("tag", shown, "warn" if error > 2 * floor else "")
