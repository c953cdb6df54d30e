"""The five figures at the head of the overview, each with its yardstick."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import Card, drawings, tone
from crypto_bot.adapters.web.page.readings import Readings
from crypto_bot.domain.signal import Pred
from crypto_bot.engine.health import Status
from crypto_bot.reports.live_record import SourceGroup, Window
from crypto_bot.statistics.loss_curve import ROLLING_DAYS
from crypto_bot.statistics.standing import Standing, standing

_READING = "the record is being read"


def cards(readings: Readings, preds: Sequence[Pred | None]) -> list[Card]:
    """Signals now, hit rate, log loss, paper equity, engine."""
    return [
        _signals(readings, preds),
        _hit_rate(readings),
        _log_loss(readings),
        _equity(readings),
        _engine(readings, preds),
    ]


def _signals(readings: Readings, preds: Sequence[Pred | None]) -> Card:
    longs, shorts = preds.count(Pred.LONG), preds.count(Pred.SHORT)
    quiet = preds.count(Pred.NO_TRADE)
    served = sum(1 for coin in readings.coins if coin.model and coin.model.served)
    ruled = len(readings.coins) - served
    foot = f"{quiet} no trade; {served} coins on ML, {ruled} on rules"
    if longs + shorts + quiet == 0:
        return Card("Signals now", formats.MISSING, "nothing scored yet")
    return Card(
        "Signals now",
        "",
        foot,
        picture=drawings.sides(shorts, longs) + cells.counts(shorts, quiet, longs),
    )


def _hit_rate(readings: Readings) -> Card:
    line = readings.record.trades
    title = f"Hit rate, {Window.MONTH.days} days"
    if not readings.record.is_read:
        return Card(title, formats.MISSING, _READING)
    if not line.rate.is_bounded:
        return Card(title, formats.MISSING, "no settled trade yet: the first come within hours")
    even = f"; break-even {100 * line.break_even:.1f}" if isfinite(line.break_even) else ""
    of = f"n {formats.number(line.n)} ({formats.number(line.calls)} calls)"
    return Card(
        title,
        formats.rate(line.rate.value, line.n),
        f"95% {formats.interval(line.rate, line.n)}, {of}{even}",
        corner=line.standing.value,
        picture=cells.forest(line.rate, line.break_even),
    )


def _log_loss(readings: Readings) -> Card:
    title = f"Log loss against baseline, {ROLLING_DAYS} days"
    if not readings.record.is_read:
        return Card(title, formats.MISSING, _READING)
    point = readings.record.loss
    if point is None or readings.record.predicted_by is not SourceGroup.MODELS:
        why = readings.models_note or "no four days yet with calls of a model after others"
        return Card(title, formats.MISSING, why)
    percent = point.difference.scaled(100.0)
    return Card(
        title,
        formats.signed(percent.value, 1, "%"),
        f"95% {formats.ends(percent, 1)}, n {formats.number(point.n)}; left of the mark is better",
        corner=_WORDS[standing(point.n, point.difference, 0.0)],
        picture=cells.forest(point.difference, 0.0),
    )


_WORDS = {
    Standing.ABOVE: "worse",
    Standing.NOT_PROVEN: "not proven",
    Standing.BELOW: "better",
    Standing.TOO_FEW: Standing.TOO_FEW.value,
}


def _equity(readings: Readings) -> Card:
    if not readings.is_paper:
        return Card("Paper equity", formats.MISSING, "paper trading is off: start with --paper 1")
    if not readings.accounts:
        return Card("Paper equity", formats.MISSING, "no account yet: it opens with the engine")
    account = readings.accounts[0]  # which Paper shows first too
    share = account.statistics.return_share
    change = formats.signed(100 * share, 2, "%")
    worst = formats.signed(-100 * account.statistics.max_drawdown, 1, "%")
    return Card(
        f"Paper equity, {account.name}",
        formats.number(float(account.equity), 2),
        f"worst drawdown {worst}; {len(account.open_positions)} open",
        corner="USDT",
        aside=change,
        tone=tone(share, change),
    )


def _engine(readings: Readings, preds: Sequence[Pred | None]) -> Card:
    scored = sum(pred is not None for pred in preds)
    newest = [coin.latest for coin in readings.coins if coin.latest]
    if newest and readings.health.status is not Status.STARTING:
        last = max(newest, key=lambda stored: stored.signal.candle_open_ms)
        close_ms = readings.timeframe.close_of(last.signal.candle_open_ms)
        lag = (last.created_ms - close_ms) / 1000
        foot = f"signals came {formats.number(lag, 1)} s after the close"
    else:
        started = formats.age((readings.now_ms - readings.health.health.started_ms) / 1000)
        loading = readings.health.health.loading
        foot = f"started {started} ago; {loading.words if loading else 'loading candles'}"
    return Card(
        "Engine",
        f"{scored}/{len(readings.coins)}",
        foot,
        corner=readings.health.status.value,
        aside="coins scored",
    )
