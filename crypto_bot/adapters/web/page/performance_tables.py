"""Tables of the performance view."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import Column, Table, drawings, pieces
from crypto_bot.adapters.web.page.sentences import GLYPHS
from crypto_bot.adapters.web.page.trade import SOURCES
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.model_card import ModelMetrics
from crypto_bot.domain.signal import Source
from crypto_bot.reports.live_record import ModelsReport
from crypto_bot.reports.live_skill import LiveModel
from crypto_bot.statistics.breakdown import RANDOM_SIDE, Line
from crypto_bot.statistics.standing import Standing

_EPISODES = Column[Line]("n", lambda line: formats.number(line.n), "num", "muted")
_CALLS = Column[Line]("Calls", lambda line: formats.number(line.calls), "num more", "muted")
_MEAN = Column[Line]("Mean, net", lambda line: formats.signed(line.mean_r.value, 2, "R"), "num")


def source_table(lines: Sequence[Line], random: Line) -> Markup:
    """Sources and sides, and under them what flipping a coin would have come to."""
    shown = [*lines, *([random] if random.n else [])]
    return Table[Line](
        Column("Source", lambda line: source_name(line.name)),
        _EPISODES._replace(name="Episodes", cells=""),
        _CALLS,
        _intervals(shown),
        Column("Hit rate", _rate, "num"),
        Column("95%", lambda line: formats.interval(line.rate, line.n), "num more", "muted"),
        Column("Break-even", lambda line: formats.percent(line.break_even), "num more", "muted"),
        Column("Against it", lambda line: _standing(line.standing), "more"),
        _MEAN._replace(kind="num more"),
        nothing="No LONG or SHORT has been resolved in this selection.",
    ).of(shown)


def coin_table(lines: Sequence[Line]) -> Markup:
    """Coins by their lower bound."""
    return Table[Line](
        Column("Coin", lambda line: pieces.coin_link(line.name)),
        _intervals(lines),
        Column("Hit", _rate, "num"),
        _EPISODES,
        nothing="No coin has a resolved LONG or SHORT in this selection.",
    ).of(lines)


def volatility_table(lines: Sequence[Line]) -> Markup:
    """Fifths by ATR over price."""
    return Table[Line](
        Column("ATR over price", lambda line: line.name),
        _intervals(lines),
        Column("Hit", _rate, "num"),
        _MEAN,
        _EPISODES,
        nothing="No call with a known volatility.",
    ).of(lines)


def confusion_table(counts: Sequence[Sequence[int]]) -> Markup:
    """Labels (rows) by what was called; a cell is as dark as its share of the row."""
    if not sum(map(sum, counts)):
        return pieces.empty("No call has been resolved in this selection.")
    return pieces.confusion(counts)


def live_table(live: ModelsReport, note: str | None) -> Markup:
    """Models live, beside what they showed on candles that they had never seen."""
    known = bool(live.models or live.together.n)
    return Table[LiveModel](
        Column("Coin", _name),
        Column("Live n", lambda model: formats.number(model.n), "num"),
        Column("Skill, live", lambda model: _skill(model.skill), "num"),
        Column(
            "tested",
            lambda model: _skill(_tested(model).skill_prior),
            "num more",
            "muted",
            "Skill, tested",
        ),
        Column(
            "",
            lambda model: likeness(model.skill, _tested(model).skill_prior),
            term="Skill, compared",
        ),
        Column("Direction AUC, live", lambda model: _auc(model.direction_auc), "num more"),
        Column(
            "tested",
            lambda model: _auc(_tested(model).direction_auc),
            "num more",
            "muted",
            "Direction AUC, tested",
        ),
        Column(
            "",
            lambda model: likeness(model.direction_auc, _tested(model).direction_auc),
            "more",
            term="Direction AUC, compared",
        ),
        Column("Calibration error / floor, live", _error, "num more"),
        Column(
            "tested",
            lambda model: _error(_tested(model)),
            "num more",
            "muted",
            "Calibration error / floor, tested",
        ),
        nothing=note or "No model has been published: train some with crypto-bot train.",
    ).of((live.together, *live.models) if known else ())


class _Tested(NamedTuple):
    """What a model showed in its tests, or that it is not known."""

    skill_prior: Interval = UNKNOWN
    direction_auc: Interval = UNKNOWN
    ece: float = nan
    ece_floor: float = nan


def _tested(model: LiveModel) -> ModelMetrics | _Tested:
    return model.tested or _Tested()


def _name(model: LiveModel) -> Markup:
    name = formats.coin(model.symbol) if model.symbol else "All models"
    return pieces.titled(name, model.version)


def likeness(live: Interval, tested: Interval) -> Markup:
    """Whether the two intervals meet; nothing where one is unknown."""
    if not (live.is_bounded and tested.is_bounded):
        return Markup()
    if live.high < tested.low:
        return pieces.tag(drawings.mark("warning", "warn") + " worse", "warn")
    return Markup("better") if live.low > tested.high else pieces.tag("as tested", "muted")


def scale(lines: Sequence[Line]) -> tuple[float, float]:
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


def _intervals(lines: Sequence[Line]) -> Column[Line]:
    """The hit rates drawn on the scale of all `lines`."""
    span = scale(lines)
    return Column(
        "",
        lambda line: cells.forest(line.rate, line.break_even, span),
        "wide",
        term="Hit rate, drawn",
    )


def _rate(line: Line) -> str:
    if not line.rate.is_estimated:
        return pieces.tag(Standing.TOO_FEW, "muted") if line.n else formats.MISSING
    return pieces.strong(formats.rate(line.rate.value, line.n))


def _standing(standing: Standing) -> Markup:
    colour = "muted" if standing in {Standing.NOT_PROVEN, Standing.TOO_FEW} else ""
    return pieces.tag(drawings.mark(GLYPHS[standing]) + f" {standing}", colour)


def _skill(measure: Interval) -> Markup:
    percent = measure.scaled(100.0)
    ends = formats.ends(percent, 2) if percent.is_bounded else ""
    return pieces.measure(formats.signed(percent.value, 2, "%"), ends)


def _auc(measure: Interval) -> Markup:
    ends = f"[{measure.low:.3f}, {measure.high:.3f}]" if measure.is_bounded else ""
    return pieces.measure(formats.number(measure.value, 3), ends)


def _error(measured: LiveModel | ModelMetrics | _Tested) -> str:
    error, floor = measured.ece, measured.ece_floor
    if not (isfinite(error) and isfinite(floor)):
        return formats.MISSING
    shown = f"{formats.number(error, 3)} / {formats.number(floor, 3)}"
    return pieces.tag(shown, "warn" if error > 2 * floor else "")
