"""The rail of a coin: its open call, who declined and why, the score in parts, its record."""

from __future__ import annotations

import re
from math import isfinite

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.figures import html
from crypto_bot.adapters.web.page.log_rows import Ending, endings
from crypto_bot.adapters.web.page.markup import NOTHING, Fact, drawings, pieces
from crypto_bot.adapters.web.page.rows import CoinState
from crypto_bot.adapters.web.page.trade import SOURCES, OpenTrade, calibrated, usual_shares
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.ports import LoggedSignal

_PART = re.compile(r"(trend|structure|momentum|levels|volume) ([+-]\d+\.\d+): (.*)", re.DOTALL)
"""One part of the analyzer's score, -1..1, as a stored reason, and what it was made of."""


class Panels:
    """The panels of a coin; those that have nothing to say are not seen."""

    def __init__(self) -> None:
        names = "call", "outlook", "why", "score", "record", "calls"
        self._panels = [html(f"panel {name}") for name in names]

    def show(
        self, state: CoinState, scored: LoggedSignal | None, outlook: Markup, viewer: Viewer
    ) -> None:
        """Sends what differs; what was written by others is escaped."""
        first = _call(state, viewer), outlook, _chains(state, viewer)
        second = _score(scored, viewer), _record(state), _last_calls(state, viewer)
        for panel, markup in zip(self._panels, (*first, *second), strict=True):
            panel.set_visibility(bool(markup))
            panel.set_content(markup)


def _call(state: CoinState, viewer: Viewer) -> Markup:
    signal, trade = state.signal, state.trade
    if signal is None:
        return pieces.heading("Open call") + pieces.nothing(
            "Not scored yet", "The first signal comes with the first cycle of this coin."
        )
    if trade is None:
        return (
            pieces.heading("No open call", SOURCES[signal.source])
            + _probabilities(state, signal)
            + pieces.nothing(
                "Nothing to follow",
                "The newest signal is no trade, or its trade has ended already.",
            )
        )
    return (
        pieces.heading("Open call", f"bar {trade.bars} of {trade.of_bars}")
        + _probabilities(state, signal)
        + pieces.facts(_levels(state, signal, trade, viewer))
    )


def _probabilities(state: CoinState, signal: Signal) -> Markup:
    """Beside how often each occurred, as dashed ticks."""
    if not calibrated(signal):
        if signal.pred is Pred.NO_TRADE:
            return NOTHING
        name = SOURCES[signal.source]
        return pieces.block(f"By the rule {name}: no probability. Its record is below.")
    shares, usual = signal.probabilities, usual_shares(state.reading.model, signal.label)
    return pieces.facts(
        Fact(name, formats.probability(share), picture=drawings.level(share, side, usual.get(pred)))
        for name, pred, share, side in (
            ("P(long)", Pred.LONG, shares.long, "long"),
            ("P(none)", Pred.NO_TRADE, shares.no_trade, "none"),
            ("P(short)", Pred.SHORT, shares.short, "short"),
        )
    )


def _levels(state: CoinState, signal: Signal, trade: OpenTrade, viewer: Viewer) -> list[Fact]:
    decimals = state.decimals

    def away(price: float) -> str:
        return formats.signed(100 * (price / trade.entry - 1.0), 2, "%")

    tone = "long" if trade.now_r > 0 else "short"
    shown = [
        Fact("Entry", formats.number(trade.entry, decimals)),
        Fact("Target", formats.number(trade.target, decimals), away(trade.target)),
        Fact("Stop", formats.number(trade.stop, decimals), away(trade.stop)),
        Fact("Reward : risk", formats.number(trade.reward_r, 1)),
        Fact("Now", formats.signed(trade.now_r, 2, "R"), tone=tone if trade.now_r else ""),
        Fact(
            "Expires",
            f"{formats.clock_time(trade.expires_ms, viewer.zone)} {viewer.zone_label}",
        ),
    ]
    if signal.expected_bps is not None:
        cost = f"cost {formats.number(signal.cost_bps)} bp"
        shown.append(Fact("Expected", formats.signed(signal.expected_bps, 0, " bp"), cost))
    version = re.split(r"(?<=[,(:])|(?=\+)", signal.model_version or "")
    shown.append(Fact("Source", SOURCES[signal.source], Markup("<wbr>").join(version)))
    return shown


def _chains(state: CoinState, viewer: Viewer) -> Markup:
    """Why the newest signal, and before it why the open call where that is an older one."""
    latest, call = state.reading.latest, state.signal
    if latest is None or call is None:
        return NOTHING
    newest = pieces.heading("Why, newest signal", "late" if latest.late else "")
    newest += _chain(latest.signal)
    if call.id == latest.signal.id:
        return newest
    when = formats.clock_time(call.candle_open_ms, viewer.zone)
    return pieces.heading("Why, open call", f"of {when}") + _chain(call) + newest


def _chain(signal: Signal) -> Markup:
    """Who was asked, in turn: those who declined, then who answered."""
    turns = [
        pieces.turn("muted", "", SOURCES[each.source], f"declined: {each.reason}")
        for each in signal.declined
    ]
    reasons = "; ".join(signal.reasons) or "no reason given"
    called = {Pred.LONG: "long", Pred.SHORT: "short", Pred.NO_TRADE: "no trade"}[signal.pred]
    answer = f"answered {called}: {reasons}"
    arrow = cells.direction(signal.pred)
    turns.append(pieces.turn("", arrow, SOURCES[signal.source], answer))
    return pieces.chain(turns)


def _score(line: LoggedSignal | None, viewer: Viewer) -> Markup:
    """The score that the analyzer stored in parts with its newest call."""
    if line is None:
        return NOTHING
    signal = line.stored.signal
    matches = (_PART.fullmatch(reason) for reason in signal.reasons)
    found = [(each[1], float(each[2]), each[3]) for each in matches if each]
    rows = (
        Fact(name.capitalize(), formats.signed(value, 2), picture=drawings.lean(value))
        for name, value, _ in found
    )
    names = tuple(name for name, _, _ in found)
    others = [reason for reason in signal.reasons if not reason.startswith(names)]
    when = formats.moment(signal.candle_open_ms, viewer.zone)
    return (
        pieces.heading("Analyzer's score in parts", f"call of {when}")
        + pieces.facts(rows)
        + pieces.in_words(found, others)
    )


def _record(state: CoinState) -> Markup:
    line = state.reading.record
    head = pieces.heading("Record, 30 days", "live calls in time")
    if line is None:
        return head + pieces.nothing(
            "No settled trade", "A call counts when it was made in time and has ended."
        )
    shown = [
        Fact(
            "Hit rate",
            formats.rate(line.rate.value, line.n),
            f"{formats.interval(line.rate, line.n)}, n {formats.number(line.n)}"
            f" ({formats.number(line.calls)} calls)",
        )
    ]
    if isfinite(line.break_even):
        shown.append(Fact("Break-even, all coins", formats.percent(line.break_even)))
    mean = line.record.mean_net_bps
    if mean.is_estimated:
        reach = formats.ends(mean, 1) if mean.is_bounded else ""
        shown.append(Fact("Mean, net", formats.signed(mean.value, 1, " bp"), reach))
    drawing = cells.forest(line.rate, line.break_even, cells.RATES)
    return head + pieces.wide_cell(drawing) + pieces.facts(shown)


def _last_calls(state: CoinState, viewer: Viewer) -> Markup:
    head = pieces.heading("Last calls", viewer.zone_label)
    if not state.reading.trades:
        return head + pieces.nothing(
            "No call has ended", "The first long or short that ends stands here."
        )

    def listed(line: LoggedSignal) -> Ending:
        signal = line.stored.signal
        known = calibrated(signal)
        who = formats.probability(signal.confidence) if known else SOURCES[signal.source]
        return Ending(line, signal.candle_open_ms, who)

    return head + endings(map(listed, state.reading.trades), viewer)
