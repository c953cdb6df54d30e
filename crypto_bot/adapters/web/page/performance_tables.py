"""Tables of the performance view as markup. Every text that others wrote is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite, nan
from urllib.parse import quote

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.sentences import GLYPHS, Said
from crypto_bot.adapters.web.page.trade import SOURCES
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.signal import Source
from crypto_bot.reports.live_skill import LiveModel
from crypto_bot.statistics.breakdown import RANDOM_SIDE, Line
from crypto_bot.statistics.standing import Standing

Span = tuple[float, float]


def sentence(said: Said) -> str:
    """The verdict, its glyph before it."""
    return f"{cells.mark(said.glyph)} <b>{escape(said.word)}</b> {escape(said.rest)}"


def source_table(lines: Sequence[Line], random: Line) -> str:
    """Sources and sides, and under them what flipping a coin would have come to."""
    shown = [*lines, *([random] if random.n else [])]
    if not shown:
        return _nothing("No LONG or SHORT has been resolved in this selection.")
    span = scale(shown)
    head = (
        "<th scope=col>Source</th><th scope=col class=num>Calls</th><th scope=col class=wide>"
        "</th><th scope=col class=num>Hit rate</th><th scope=col class='num more'>95%</th>"
        "<th scope=col class='num more'>Break-even</th>"
        "<th scope=col class=more>Against it</th><th scope=col class='num more'>Mean, net</th>"
    )
    rows = "".join(
        f"<tr><th scope=row>{escape(source_name(line.name))}</th>"
        f"<td class=num>{formats.number(line.n)}</td>"
        f"<td class=wide>{_forest(line, span)}</td>"
        f"<td class=num>{_rate(line)}</td>"
        f"<td class='num more muted'>{formats.interval(line.rate, line.n)}</td>"
        f"<td class='num more muted'>{_break_even(line)}</td>"
        f"<td class=more>{_standing(line.standing)}</td>"
        f"<td class='num more'>{formats.signed(line.mean_r.value, 2, 'R')}</td></tr>"
        for line in shown
    )
    return f"<table class=figures><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def coin_table(lines: Sequence[Line]) -> str:
    """Coins by their lower bound."""
    if not lines:
        return _nothing("No coin has a resolved LONG or SHORT in this selection.")
    span = scale(lines)
    head = (
        "<th scope=col>Coin</th><th scope=col class=wide></th><th scope=col class=num>Hit</th>"
        "<th scope=col class=num>n</th>"
    )
    rows = "".join(
        f"<tr><th scope=row><a class=line href='/coin/{quote(line.name, safe='')}' "
        f"title='{escape(line.name)}'>{escape(formats.coin(line.name))}</a></th>"
        f"<td class=wide>{_forest(line, span)}</td>"
        f"<td class=num>{_rate(line)}</td><td class='num muted'>{formats.number(line.n)}</td></tr>"
        for line in lines
    )
    return f"<table class=figures><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def volatility_table(lines: Sequence[Line]) -> str:
    """Fifths by ATR over price."""
    if not lines:
        return _nothing("No call with a known volatility.")
    span = scale(lines)
    head = (
        "<th scope=col>ATR over price</th><th scope=col class=wide></th>"
        "<th scope=col class=num>Hit</th><th scope=col class=num>Mean, net</th>"
        "<th scope=col class=num>n</th>"
    )
    rows = "".join(
        f"<tr><th scope=row>{escape(line.name)}</th><td class=wide>{_forest(line, span)}</td>"
        f"<td class=num>{_rate(line)}</td>"
        f"<td class=num>{formats.signed(line.mean_r.value, 2, 'R')}</td>"
        f"<td class='num muted'>{formats.number(line.n)}</td></tr>"
        for line in lines
    )
    return f"<table class=figures><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def confusion_table(counts: Sequence[Sequence[int]]) -> str:
    """What came (rows) by what was called; a cell is as dark as its share of the row."""
    if not sum(map(sum, counts)):
        return _nothing("No call has been resolved in this selection.")
    names = ("short", "no trade", "long")
    head = "".join(f"<th scope=col class=num>called {name}</th>" for name in names)
    rows = ""
    for came, (name, row) in enumerate(zip(names, counts, strict=True)):
        total = sum(row)
        rows += f"<tr><th scope=row>came {name}</th>"
        for called, count in enumerate(row):
            share = count / total if total else 0.0
            right = " right" if came == called else ""
            told = formats.rate(share, total) if total else formats.MISSING
            rows += (
                f"<td class='num shade{right}' style='--share:{share:.3f}'>"
                f"<b>{formats.number(count)}</b> <span>{told}</span></td>"
            )
        rows += "</tr>"
    return (
        f"<table class='figures confusion'><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def live_table(together: LiveModel, models: Sequence[LiveModel]) -> str:
    """Models live, beside what they showed on candles that they had never seen."""
    head = (
        "<th scope=col>Coin</th><th scope=col class=num>Live n</th>"
        "<th scope=col class=num>Skill, live</th><th scope=col class=num>tested</th>"
        "<th scope=col></th>"
        "<th scope=col class=num>Direction AUC, live</th><th scope=col class=num>tested</th>"
        "<th scope=col></th>"
        "<th scope=col class=num>Calibration error / floor, live</th>"
        "<th scope=col class=num>tested</th>"
    )
    rows = "".join(_live_row(each) for each in (together, *models))
    return f"<table class=figures><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _live_row(model: LiveModel) -> str:
    tested = model.tested
    skill = UNKNOWN if tested is None else tested.skill_prior
    auc = UNKNOWN if tested is None else tested.direction_auc
    errors = (nan, nan) if tested is None else (tested.ece, tested.ece_floor)
    name = formats.coin(model.symbol) if model.symbol else "All models"
    return (
        f"<tr><th scope=row title='{escape(model.version)}'>{escape(name)}</th>"
        f"<td class=num>{formats.number(model.n)}</td>"
        f"<td class=num>{_skill(model.skill)}</td><td class='num muted'>{_skill(skill)}</td>"
        f"<td>{likeness(model.skill, skill)}</td>"
        f"<td class=num>{_auc(model.direction_auc)}</td><td class='num muted'>{_auc(auc)}</td>"
        f"<td>{likeness(model.direction_auc, auc)}</td>"
        f"<td class=num>{_error(model.ece, model.ece_floor)}</td>"
        f"<td class='num muted'>{_error(*errors)}</td></tr>"
    )


def likeness(live: Interval, tested: Interval) -> str:
    """Whether the two intervals meet; nothing where one is unknown."""
    if not (live.is_bounded and tested.is_bounded):
        return ""
    if live.high < tested.low:
        return f"<span class=warn>{cells.mark('warning', 'warn')} worse</span>"
    return "better" if live.low > tested.high else "<span class=muted>as tested</span>"


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
    told = SOURCES[Source(source)]
    return f"{told[0].upper()}{told[1:]}, {side.lower()}"


def _nothing(why: str) -> str:
    return f"<div class='empty muted'>{escape(why)}</div>"


def _forest(line: Line, span: Span) -> str:
    return cells.forest(line.rate, line.break_even, span)


def _rate(line: Line) -> str:
    if not line.rate.is_estimated:
        return f"<span class=muted>{Standing.TOO_FEW}</span>" if line.n else formats.MISSING
    return f"<b>{formats.rate(line.rate.value, line.n)}</b>"


def _break_even(line: Line) -> str:
    return f"{100 * line.break_even:.1f}%" if isfinite(line.break_even) else formats.MISSING


def _standing(standing: Standing) -> str:
    colour = "muted" if standing in {Standing.NOT_PROVEN, Standing.TOO_FEW} else ""
    return f"<span class='{colour}'>{cells.mark(GLYPHS[standing])} {standing}</span>"


def _skill(measure: Interval) -> str:
    percent = measure.scaled(100.0)
    told = formats.signed(percent.value, 2, "%")
    return (
        f"{told} <span class=muted>{formats.ends(percent, 2)}</span>"
        if measure.is_bounded
        else told
    )


def _auc(measure: Interval) -> str:
    told = formats.number(measure.value, 3)
    if not measure.is_bounded:
        return told
    return f"{told} <span class=muted>[{measure.low:.3f}, {measure.high:.3f}]</span>"


def _error(error: float, floor: float) -> str:
    if not (isfinite(error) and isfinite(floor)):
        return formats.MISSING
    told = f"{formats.number(error, 3)} / {formats.number(floor, 3)}"
    return f"<span class=warn>{told}</span>" if error > 2 * floor else told
