"""Models as lines by verdict, bad first, and what a line opens to. Texts of files are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from math import isfinite
from typing import NamedTuple
from urllib.parse import quote

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.model_card import ModelCard, ModelEntry, ModelMetrics

ORDER = ("BLOCKED", "REJECTED", "LOW", "WARMUP", "ACTIVE")
NONE = "NO MODEL"
_SERVED = frozenset({"WARMUP", "ACTIVE"})
MEANINGS = {
    "BLOCKED": "too good to be true, or a leak was found: not served until a person audits it",
    "REJECTED": "says no more than the label frequencies: not served",
    "LOW": "no skill proven: not served",
    "WARMUP": "skill proven, direction not: answers, and never trades alone",
    "ACTIVE": "skill and direction proven: answers and trades",
    NONE: "the rules answer for these coins",
}


class Group(NamedTuple):
    """The coins of one verdict."""

    verdict: str
    meaning: str
    entries: tuple[ModelEntry, ...]


def groups(entries: Sequence[ModelEntry]) -> tuple[Group, ...]:
    """By verdict, bad first, coins without a model last; empty ones left out."""
    names = [*ORDER, *sorted({verdict_of(each) for each in entries} - {*ORDER, NONE}), NONE]
    found = []
    for name in names:
        mine = sorted(entry for entry in entries if verdict_of(entry) == name)
        if mine:
            found.append(Group(name, MEANINGS.get(name, "an unknown verdict"), tuple(mine)))
    return tuple(found)


def verdict_of(entry: ModelEntry) -> str:
    """Its word; `NO MODEL` without one."""
    return NONE if entry.card is None else entry.card.verdict


def heading(group: Group) -> str:
    """The verdict, how many, and what it means."""
    return (
        f"{cells.verdict(group.verdict)} <b>{len(group.entries)}</b> "
        f"<span class=muted>{escape(group.meaning)}</span>"
    )


def line(entry: ModelEntry, now_ms: int) -> str:
    """The closed line of a coin: its reason in words, then the figures."""
    card = entry.card
    told = "" if card is None else _figures(card, now_ms)
    fit = card is not None and card.verdict in _SERVED and not entry.served
    served = f". <span class=muted>Not served: {escape(entry.reason)}.</span>" if fit else ""
    return (
        f"<span class=coin title='{escape(entry.symbol)}'>{escape(formats.coin(entry.symbol))}"
        f"</span><span class=why>{escape(reason(entry))}{served}</span>{told}"
    )


def reason(entry: ModelEntry) -> str:
    """Why the verdict is what it is, in words; the log loss beside its baseline first."""
    card = entry.card
    if card is None:
        return entry.reason
    loss = next((gate for gate in card.gates if gate.name == "log_loss"), None)
    said = [f"the pool of {len(card.trained_with)} coins answers"] if entry.pooled else []
    said += [] if loss is None else [_loss_words(loss)]
    if card.verdict != "ACTIVE":
        said += [each for each in card.reasons if loss is None or each != loss.words][:1]
    return "; ".join(said or card.reasons[:1]) or entry.reason


def opened(entry: ModelEntry, viewer: Viewer) -> str:
    """What a line opens to: gates, what it is, and what was measured."""
    card = entry.card
    if card is None:
        return f"<div class=muted>{escape(entry.reason)}</div>"
    accepted = ""
    if card.accepted_because is not None:
        accepted = (
            f"<p>{cells.mark('warning', 'warn')} A person lifted the block: "
            f"{escape(card.accepted_because)}</p>"
        )
    return (
        f"<div class=opened><div><h3>Gates</h3>{_gates(card.gates)}{accepted}</div>"
        f"<div><h3>Measured on candles it never saw</h3>{_measured(card.metrics)}"
        f"<h3>What it is</h3>{_facts(entry, card, viewer)}</div></div>"
    )


def _loss_words(gate: Gate) -> str:
    told = f"log loss {formats.number(gate.value, 3)}, baseline {formats.number(gate.limit, 3)}"
    if not (isfinite(gate.value) and isfinite(gate.limit)):
        return told
    return f"{told}: {'better' if gate.value < gate.limit else 'worse'}"


def _figures(card: ModelCard, now_ms: int) -> str:
    metrics = card.metrics
    age = formats.age((now_ms - card.last_open_ms) / 1000)
    if metrics is None:
        return f"<span class='num muted'>not measured</span><span class='num muted'>{age}</span>"
    skill = metrics.skill_prior
    return (
        f"<span class=picture>{_skill_picture(skill)}</span>"
        f"<span class=num>{_percent(skill)}</span>"
        f"<span class='num more'>{_of_floor(metrics)}</span>"
        f"<span class='num more'>{formats.number(metrics.direction_auc.value, 3)}</span>"
        f"<span class='num more muted'>{formats.number(metrics.rows)}</span>"
        f"<span class='num muted' title='{escape(card.version)}'>{age}</span>"
    )


def _skill_picture(skill: Interval) -> str:
    """Skill in percent, from −1 to 3, with the baseline at 0."""
    return cells.forest(skill, 0.0, (-0.01, 0.03))


def _percent(measure: Interval) -> str:
    return formats.signed(100 * measure.value, 2, "%")


def _of_floor(metrics: ModelMetrics) -> str:
    told = f"{formats.number(metrics.ece, 3)} / {formats.number(metrics.ece_floor, 3)}"
    over = metrics.ece > metrics.ece_floor + 0.010
    return f"<span class=warn>{told}</span>" if over else told


def _gates(gates: Sequence[Gate]) -> str:
    if not gates:
        return "<div class=muted>No gate is told in its files.</div>"
    head = (
        "<tr><th scope=col>Gate</th><th scope=col>Result</th><th scope=col class=num>Value</th>"
        "<th scope=col class=num>Limit</th><th scope=col class=more>In words</th></tr>"
    )
    rows = "".join(
        f"<tr><th scope=row>{escape(gate.name.replace('_', ' '))}</th><td>{_passed(gate)}</td>"
        f"<td class=num>{_plain(gate.value)}</td><td class='num muted'>{_plain(gate.limit)}</td>"
        f"<td class='words muted more'>{escape(gate.words)}</td></tr>"
        for gate in sorted(gates, key=lambda gate: gate.passed)
    )
    return f"<table class=figures><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _passed(gate: Gate) -> str:
    if gate.passed:
        return f"{cells.mark('tick')} passed"
    return f"<b class=crit>{cells.mark('cross', 'crit')} failed</b>"


def _measured(metrics: ModelMetrics | None) -> str:
    if metrics is None:
        return "<div class=muted>Nothing is told in its files.</div>"
    together = f"Direction AUC, {metrics.coins_together} coins"
    facts = (
        ("Skill against label shares", _scaled(metrics.skill_prior, 100, 2, "%"), "0"),
        ("Skill against the climatology", _scaled(metrics.skill_climatology, 100, 2, "%"), "0"),
        ("Direction AUC, this coin", _scaled(metrics.direction_auc, 1, 3, ""), "0.500"),
        (together, _scaled(metrics.direction_auc_together, 1, 3, ""), "0.500"),
        (
            "Calibration error",
            formats.number(metrics.ece, 4),
            f"noise floor {formats.number(metrics.ece_floor, 4)}",
        ),
        (
            "Test rows",
            formats.number(metrics.rows),
            f"{formats.number(metrics.days)} days",
        ),
    )
    head = (
        "<tr><th scope=col></th><th scope=col class=num>Value, 95%</th>"
        "<th scope=col class=num>Yardstick</th></tr>"
    )
    rows = "".join(
        f"<tr><th scope=row>{name}</th><td class=num>{value}</td>"
        f"<td class='num muted'>{beside}</td></tr>"
        for name, value, beside in facts
    )
    return f"<table class=figures><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _scaled(measure: Interval, by: int, decimals: int, unit: str) -> str:
    if not measure.is_estimated:
        return formats.MISSING
    show = formats.signed if by == 100 else formats.number
    told = show(by * measure.value, decimals) + unit
    if not (isfinite(measure.low) or isfinite(measure.high)):
        return told
    low, high = (show(by * end, decimals) for end in measure[1:])
    return f"{told} <span class=muted>[{low}, {high}]</span>"


def _facts(entry: ModelEntry, card: ModelCard, viewer: Viewer) -> str:
    time = formats.clock_time(card.trained_ms, viewer.zone)
    coins = len(card.trained_with)
    trained_with = f"{coins} coins together" if coins > 1 else "this coin alone"
    facts = (
        ("State", entry.reason),
        ("Version", card.version),
        ("Network", f"{card.family}, {card.size}; {card.features}, {card.window_bars} bars"),
        ("Label", f"{card.label}, {card.horizon_bars} bars ahead"),
        (
            "Candles",
            formats.number(card.candles)
            + ", "
            + _dates(card.first_open_ms, card.last_open_ms, viewer),
        ),
        (
            "Trained",
            f"{_date(card.trained_ms, viewer)}, {time} {viewer.zone_label}, on {trained_with}",
        ),
    )
    rows = "".join(
        f"<tr><th scope=row>{name}</th><td class=words>{escape(value)}</td></tr>"
        for name, value in facts
    )
    link = f"<a class=line href='/coin/{quote(entry.symbol, safe='')}'>Its calls</a>"
    return f"<table class=figures><tbody>{rows}</tbody></table>{link}"


def _dates(first_ms: int, last_ms: int, viewer: Viewer) -> str:
    return f"{_date(first_ms, viewer)} to {_date(last_ms, viewer)}"


def _date(at_ms: int, viewer: Viewer) -> str:
    """`21 Nov 2025`."""
    year = datetime.fromtimestamp(at_ms / 1000, viewer.zone).year
    return f"{formats.day(at_ms, viewer.zone)} {year}"


def _plain(value: float) -> str:
    return formats.number(value, 0 if abs(value) >= 2 and value == round(value) else 4)
