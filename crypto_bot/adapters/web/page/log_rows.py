"""Lines of the prediction log and how they ended, ready to show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import drawings, pieces, tone
from crypto_bot.adapters.web.page.trade import ENDINGS, SOURCES, calibrated, result_r, usual_shares
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.instant import instant
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import LoggedSignal

Row = dict[str, Any]


def log_row(
    line: LoggedSignal,
    timeframe: Timeframe,
    decimals: int,
    viewer: Viewer,
    model: ModelEntry | None = None,
) -> Row:
    """One line of the table; `reasons`, `declined` and `inputs` are what it opens to.

    `model` is the coin's of now: of another version's answers it does not know the usual shares.
    """
    signal, outcome = line.stored.signal, line.outcome
    is_its = model is not None and model.signed == signal.model_version
    usual = usual_shares(model if is_its else None, signal.label)
    close_ms = timeframe.close_of(signal.candle_open_ms)
    targets = signal.levels.take_profits
    return {
        "id": signal.id,
        "time": formats.moment(close_ms, viewer.zone),
        "iso": instant(close_ms),
        "coin": formats.coin(signal.symbol),
        "href": f"/coin/{quote(signal.symbol, safe='')}?at={signal.candle_open_ms}",
        "source": SOURCES[signal.source],
        "bar": cells.split(signal.probabilities, signal.pred, usual) if calibrated(signal) else "",
        "p": formats.probability(signal.confidence) if calibrated(signal) else "",
        "chip": cells.chip(signal.pred, filled=calibrated(signal)),
        "entry": formats.number(signal.levels.entry, decimals),
        "stop": _price(signal.levels.stop_loss, decimals),
        "target": _price(targets[0] if targets else None, decimals),
        **_ended(signal, outcome),
        "late": "late" if line.stored.late else "",
        "lag": formats.age((line.stored.created_ms - close_ms) / 1000),
        "reasons": list(signal.reasons),
        "declined": [f"{SOURCES[each.source]} declined: {each.reason}" for each in signal.declined],
        "inputs": _inputs(line, decimals, viewer),
    }


class Ending(NamedTuple):
    """A trade that ended, the instant and the word it is listed by, and the coin it leads to."""

    line: LoggedSignal
    at_ms: int
    who: str
    symbol: str = ""


def endings(listed: Iterable[Ending], viewer: Viewer) -> Markup:
    """How trades ended, one a line, with each day above its first."""
    shown, above = Markup(), ""
    for line, at_ms, who, symbol in listed:
        signal = line.stored.signal
        ended = _ended(signal, line.outcome)
        day, time = formats.day(at_ms, viewer.zone), formats.clock_time(at_ms, viewer.zone)
        shown += pieces.day(day) if day != above else Markup()
        result = pieces.number(ended["r"], ended["tone"])
        how = ended["glyph"] + ended["word"]
        shown += pieces.ending(symbol, time, who, cells.direction(signal.pred), how, result)
        above = day
    return shown


def _ended(signal: Signal, outcome: Outcome | None) -> Row:
    if outcome is None:
        return {"glyph": "", "word": "open", "r": "", "tone": ""}
    glyph, word = ENDINGS[outcome.status]
    if signal.pred is Pred.NO_TRADE:
        right = {True: ("tick", "right"), False: ("cross", "moved"), None: ("clock", "no label")}
        glyph, word = right[outcome.correct]
        return {"glyph": drawings.mark(glyph), "word": word, "r": "", "tone": ""}
    r = result_r(signal, outcome)
    shown = formats.result(r)
    return {"glyph": drawings.mark(glyph), "word": word, "r": shown, "tone": tone(r, shown)}


def _inputs(line: LoggedSignal, decimals: int, viewer: Viewer) -> list[list[str]]:
    """Name and value of the inputs and the result of a line."""
    signal, outcome = line.stored.signal, line.outcome
    targets = signal.levels.take_profits or ()
    shown = [
        ("id", signal.id),
        ("made", formats.moment(line.stored.created_ms, viewer.zone)),
        ("model", signal.model_version),
        ("confidence", formats.probability(signal.confidence)),
        ("expected", signal.expected_bps and formats.signed(signal.expected_bps, 1, " bp")),
        ("cost", signal.cost_bps and formats.number(signal.cost_bps, 1) + " bp"),
        ("ATR", signal.atr and formats.number(signal.atr, decimals)),
        ("horizon", f"{signal.horizon_bars} candles"),
        ("targets 2 and 3", " and ".join(_price(price, decimals) for price in targets[1:])),
        ("judged by", signal.label and signal.label.words),
    ]
    if outcome is not None:
        shown += [
            ("settled", formats.moment(outcome.settled_ms, viewer.zone)),
            ("exit", formats.number(outcome.exit_price, decimals)),
            ("return", formats.signed(outcome.return_bps, 1, " bp")),
            (
                "best and worst",
                f"{formats.signed(outcome.mfe_bps, 0)} and {formats.signed(outcome.mae_bps, 0)} bp",
            ),
            ("label", outcome.label and str(outcome.label)),
        ]
    return [[name, str(value)] for name, value in shown if value]


def _price(price: float | None, decimals: int) -> str:
    return "" if price is None else formats.number(price, decimals)
