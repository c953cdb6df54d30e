"""The rail's panel of the daily answers: for each horizon its probabilities, model and record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import NOTHING, Fact, drawings, pieces
from crypto_bot.adapters.web.page.trade import usual_shares
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.signal import Pred, Signal, Source
from crypto_bot.ports import OutlookLog
from crypto_bot.statistics.daily import block_days
from crypto_bot.statistics.performance import Performance, performance


class OutlookReading(NamedTuple):
    """The newest daily answer for a coin and one horizon, if any; the model and its record."""

    horizon: str
    answer: Signal | None
    as_of_ms: int
    """Close of the newest candle that the answer knows of."""
    model: ModelEntry
    record: Performance


def read_outlook(logs: Sequence[OutlookLog], symbol: str) -> list[OutlookReading]:
    """Of each horizon for which there is a model or an answer. Raises StoreError."""
    found = []
    for log in logs:
        stored = log.queries.latest_prediction(symbol)
        answer = None if stored is None else stored.signal
        if answer is not None and answer.source is not Source.DAILY_OUTLOOK:
            answer = None
        model = log.catalog.entry(symbol)
        if answer is None and model.missing:
            continue
        rows = log.queries.performance_rows(symbol, Source.DAILY_OUTLOOK, None)
        most = block_days(Horizon.parse(log.horizon).ms(log.timeframe))
        as_of_ms = 0 if answer is None else log.timeframe.close_of(answer.candle_open_ms)
        found.append(OutlookReading(log.horizon, answer, as_of_ms, model, performance(rows, most)))
    return found


def outlook_panel(readings: Sequence[OutlookReading], now_ms: int) -> Markup:
    """Nothing where there are no models of the day."""
    if not readings:
        return NOTHING
    head = pieces.heading("Outlook", "once a day; dashed: base rate")
    return head + Markup().join(_horizon(reading, now_ms) for reading in readings)


def _horizon(reading: OutlookReading, now_ms: int) -> Markup:
    answer, card = reading.answer, reading.model.card
    verdict = drawings.verdict(card.verdict) if card else NOTHING
    name = f"{Horizon.parse(reading.horizon).count} days"
    if answer is None:
        return pieces.horizon(name, NOTHING, verdict, "") + pieces.block(
            f"No answer: {reading.model.reason}"
        )
    age = f"{formats.age((now_ms - reading.as_of_ms) / 1000)} old"
    usual = usual_shares(reading.model, answer.label)
    lines = [
        Fact(name, formats.probability(share), picture=drawings.level(share, side, usual.get(pred)))
        for name, pred, side, share in (
            ("P(long)", Pred.LONG, "long", answer.probabilities.long),
            ("P(none)", Pred.NO_TRADE, "none", answer.probabilities.no_trade),
            ("P(short)", Pred.SHORT, "short", answer.probabilities.short),
        )
    ]
    decisions = reading.record.episodes
    rate, n = decisions.hit_rate, decisions.n
    if n:
        calls = formats.number(reading.record.trades)
        of = f"{formats.interval(rate, n)}, n {formats.number(n)} ({calls} calls)"
        lines.append(Fact("Hit rate, live", formats.rate(rate.value, n), of))
    chip = cells.chip(answer.pred, filled=True)
    return pieces.horizon(name, chip, verdict, age) + pieces.facts(lines)
