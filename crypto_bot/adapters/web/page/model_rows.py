"""Models as lines by verdict, bad first, and what a line opens to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from operator import itemgetter
from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import Column, Table, drawings, pieces
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.model_card import STALE, ModelCard, ModelEntry, ModelMetrics
from crypto_bot.domain.role_change import RoleChange

ORDER = (STALE, "BLOCKED", "REJECTED", "LOW", "WARMUP", "ACTIVE")
NONE = "NO MODEL"
_NAMED = 4
_SERVED = frozenset({"WARMUP", "ACTIVE"})
MEANINGS = {
    STALE: "its data are older than the settings allow: it declines, and the rules answer",
    "BLOCKED": "too good to be true, or a leak was found: not served until a person audits it",
    "REJECTED": "says no more than the label frequencies: not served",
    "LOW": "no skill proven: not served",
    "WARMUP": "skill proven, direction not: answers, and never trades alone",
    "ACTIVE": "skill and direction proven: answers and trades",
    NONE: "the rules answer for these coins",
}


class Line(NamedTuple):
    """A model and the coins that it is asked for: several for the pool, and for none at all."""

    entry: ModelEntry
    coins: tuple[str, ...]

    @property
    def name(self) -> str:
        """The coin, or how many there are."""
        if len(self.coins) == 1:
            return formats.coin(self.coins[0])
        return f"{len(self.coins)} coins"


def groups(entries: Sequence[ModelEntry]) -> dict[str, list[Line]]:
    """The models of each verdict: bad first, coins without one last; empty ones left out."""
    found: dict[str, list[Line]] = {}
    for entry in sorted(entries):
        lines = found.setdefault(NONE if entry.card is None else entry.card.verdict, [])
        one = next((at for at, line in enumerate(lines) if _alike(line.entry, entry)), None)
        if one is None:
            lines.append(Line(entry, (entry.symbol,)))
        else:
            lines[one] = lines[one]._replace(coins=(*lines[one].coins, entry.symbol))
    names = [*ORDER, *sorted(set(found) - {*ORDER, NONE}), NONE]
    return {name: found[name] for name in names if name in found}


def _alike(one: ModelEntry, other: ModelEntry) -> bool:
    """Whether both are answered for by the same model, or by none since none was published."""
    return (one.pooled and one.signed == other.signed) or (one.missing and other.missing)


def heading(verdict: str, count: int) -> Markup:
    """The verdict, how many coins have it, and what it means."""
    return pieces.group(verdict, count, MEANINGS.get(verdict, "an unknown verdict"))


def closed(line: Line, now_ms: int) -> Markup:
    """The closed line of a model: its reason in words, then the figures."""
    entry, card = line.entry, line.entry.card
    fit = card is not None and card.verdict in _SERVED and not entry.served
    figures = () if card is None else _figures(card, now_ms)
    title = ", ".join(map(formats.coin, line.coins))
    return pieces.model(line.name, title, _why(line), entry.reason if fit else "", figures)


def _why(line: Line) -> str:
    if len(line.coins) > 1 and line.entry.missing:
        return f"no model has been published of {', '.join(map(formats.coin, line.coins))}"
    return reason(line.entry)


def reason(entry: ModelEntry) -> str:
    """Why the verdict is what it is, in words; the log loss beside its baseline first."""
    card = entry.card
    if card is None:
        return entry.reason
    loss = next((gate for gate in card.gates if gate.name == "log_loss"), None)
    reasons = []
    if entry.pooled:
        answers = "answers" if entry.served else "is asked"
        reasons.append(f"the pool of {len(card.trained_with)} coins {answers}")
    if entry.stale is not None:
        reasons += card.reasons[:1]
    reasons += [] if loss is None else [_loss_words(loss)]
    if card.verdict != "ACTIVE" and entry.stale is None:
        reasons += [each for each in card.reasons if loss is None or each != loss.words][:1]
    reasons = reasons or list(card.reasons[:1]) or [entry.reason]
    if entry.challenger is not None:
        reasons.append(f"{entry.challenger} answers beside it as challenger")
    return "; ".join(reasons)


def opened(line: Line, viewer: Viewer) -> Markup:
    """What a line opens to: gates, what it is, and what was measured."""
    entry, card = line.entry, line.entry.card
    if card is None:
        return pieces.tag(entry.reason, "muted")
    gates = pieces.tag("Its files name no gate.", "muted")
    if card.gates:
        gates = _GATES.of(sorted(card.gates, key=lambda gate: gate.passed))
    measured = pieces.tag("Its files hold no measurement.", "muted")
    if card.metrics:
        measured = _MEASURED.of(_measured(card.metrics))
    lifted = drawings.mark("warning", "warn"), card.accepted_because
    facts = _FACTS.of(_facts(entry, card, viewer))
    return pieces.opened_model(gates, lifted, measured, facts, line.coins)


def _loss_words(gate: Gate) -> str:
    text = f"log loss {formats.number(gate.value, 3)}, baseline {formats.number(gate.limit, 3)}"
    if not (isfinite(gate.value) and isfinite(gate.limit)):
        return text
    return f"{text}: {'better' if gate.value < gate.limit else 'worse'}"


def _figures(card: ModelCard, now_ms: int) -> Sequence[tuple[str, str]]:
    """Classes and content of the cells of a line."""
    metrics = card.metrics
    age = pieces.titled(formats.age((now_ms - card.last_open_ms) / 1000), card.version)
    if metrics is None:
        return (("num muted", "not measured"), ("num muted", age))
    skill = metrics.skill_prior
    return (
        # Skill from −1 to 3 %, with the baseline at 0.
        ("picture", cells.forest(skill, 0.0, (-0.01, 0.03))),
        ("num", formats.signed(100 * skill.value, 2, "%")),
        ("num more", _of_floor(metrics)),
        ("num more", formats.number(metrics.direction_auc.value, 3)),
        ("num more muted", formats.number(metrics.rows)),
        ("num muted", age),
    )


def _of_floor(metrics: ModelMetrics) -> Markup:
    text = f"{formats.number(metrics.ece, 3)} / {formats.number(metrics.ece_floor, 3)}"
    return pieces.tag(text, "warn" if metrics.ece > metrics.ece_floor + 0.010 else "")


def _result(gate: Gate) -> Markup:
    glyph, colour, word = ("tick", "", "passed") if gate.passed else ("cross", "crit", "failed")
    return pieces.tag(drawings.mark(glyph, colour) + f" {word}", colour and f"strong {colour}")


def _plain(value: float) -> str:
    return formats.number(value, 0 if abs(value) >= 2 and value == round(value) else 4)


_GATES = Table[Gate](
    Column("Gate", lambda gate: gate.name.replace("_", " ")),
    Column("Result", _result),
    Column("Value", lambda gate: _plain(gate.value), "num"),
    Column("Limit", lambda gate: _plain(gate.limit), "num", "muted"),
    Column("In words", lambda gate: gate.words, "more", "words muted"),
)
_MEASURED = Table[Sequence[str]](
    Column("", itemgetter(0), term="Measure"),
    Column("Value, 95%", itemgetter(1), "num"),
    Column("Yardstick", itemgetter(2), "num", "muted"),
)
_FACTS = Table[Sequence[str]](Column("", itemgetter(0)), Column("", itemgetter(1), "", "words"))

ALARMS = Table[Alarm](
    Column("Coin", lambda alarm: formats.coin(alarm.symbol) if alarm.symbol else "all"),
    Column("Drifted", lambda alarm: alarm.what.value),
    Column("Evidence", lambda alarm: alarm.evidence, "", "words"),
)


def changes_of(changes: Sequence[RoleChange], viewer: Viewer) -> Markup:
    """Changes of roles as a table."""
    return Table[RoleChange](
        Column("At", lambda each: formats.moment(each.at_ms, viewer.zone)),
        Column("Coin", lambda each: formats.coin(each.symbol) if each.symbol else "the pool"),
        Column("Served since", lambda each: each.champion, "", "words"),
        Column("Because of", lambda each: each.because.value),
        Column("Evidence", lambda each: each.evidence, "", "words"),
    ).of(changes)


def unwatched_words(coins: Sequence[str]) -> str:
    """Why the inputs of some models are not compared with those of their training."""
    if not coins:
        return ""
    named = ", ".join(map(formats.coin, coins[:_NAMED]))
    more = f" and {len(coins) - _NAMED} more" if len(coins) > _NAMED else ""
    return (
        f"The inputs of {named}{more} are not watched: the model was published without "
        "inputs.json, which a new training brings. Calibration and log loss are watched all the "
        "same."
    )


def _measured(metrics: ModelMetrics) -> Sequence[Sequence[str]]:
    floor = f"noise floor {formats.number(metrics.ece_floor, 4)}"
    together = f"Direction AUC, {metrics.coins_together} coins"
    return (
        ("Skill against label shares", _scaled(metrics.skill_prior, _skill, "%"), "0"),
        ("Skill against the climatology", _scaled(metrics.skill_climatology, _skill, "%"), "0"),
        ("Direction AUC, this coin", _scaled(metrics.direction_auc, _auc), "0.500"),
        (together, _scaled(metrics.direction_auc_together, _auc), "0.500"),
        ("Calibration error", formats.number(metrics.ece, 4), floor),
        ("Test rows", formats.number(metrics.rows), f"{formats.number(metrics.days)} days"),
    )


def _skill(share: float) -> str:
    return formats.signed(100 * share, 2)


_auc = partial(formats.number, decimals=3)


def _scaled(measure: Interval, show: Callable[[float], str], unit: str = "") -> Markup:
    if not measure.is_estimated:
        return pieces.measure(formats.MISSING, "")
    value, low, high = map(show, measure)
    known = isfinite(measure.low) or isfinite(measure.high)
    return pieces.measure(value + unit, f"[{low}, {high}]" if known else "")


def _facts(entry: ModelEntry, card: ModelCard, viewer: Viewer) -> Sequence[Sequence[str]]:
    coins = len(card.trained_with)
    trained_with = f"{coins} coins together" if coins > 1 else "this coin alone"
    trained = formats.moment(card.trained_ms, viewer.zone)
    first, last = (formats.day(at, viewer.zone) for at in (card.first_open_ms, card.last_open_ms))
    return (
        ("State", entry.reason),
        ("Version", card.version),
        ("Network", f"{card.family}, {card.size}; {card.features}, {card.window_bars} bars"),
        ("Label", f"{card.label}, {card.horizon_bars} bars ahead"),
        ("Candles", f"{formats.number(card.candles)}, {first} to {last}"),
        (
            "Trained",
            f"{trained} {viewer.zone_label}, on {trained_with}",
        ),
    )
