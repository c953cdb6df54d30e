"""The five figures at the head of the overview, each with its yardstick."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.readings import LOSS_DAYS, RECORD_DAYS, Readings, grouped
from crypto_bot.domain.signal import Pred
from crypto_bot.reports.trade_review import loss_gap, proof, trade_performance


class Card(NamedTuple):
    """One figure. All are texts but `picture`, which is a drawing of `cells`."""

    title: str
    figure: str
    foot: str
    corner: str = ""
    aside: str = ""
    tone: str = ""
    """Class of the aside: `long` for a gain, `short` for a loss."""
    picture: str = ""

    def markup(self) -> str:
        """HTML, every text escaped."""
        return (
            f'<div class="head"><span>{escape(self.title)}</span>'
            f"<span>{escape(self.corner)}</span></div>"
            f'<div class="middle"><b class="figure">{escape(self.figure)}</b>'
            f'<span class="aside {self.tone}">{escape(self.aside)}</span>{self.picture}</div>'
            f'<div class="foot">{escape(self.foot)}</div>'
        )


def cards(readings: Readings, preds: Sequence[Pred | None], break_even: float | None) -> list[Card]:
    """Signals now, hit rate, log loss, paper equity, engine."""
    return [
        _signals(readings, preds),
        _hit_rate(readings, break_even),
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
    arrows = (
        f'<span class="sides">{cells.mark("down", "short")}<b class="short">{shorts}</b>'
        f'{cells.mark("up", "long")}<b class="long">{longs}</b></span>'
    )
    scored = longs + shorts + quiet
    return Card(
        "Signals now",
        "",
        foot if scored else "nothing scored yet",
        picture=arrows + cells.counts(shorts, quiet, longs),
    )


def _hit_rate(readings: Readings, break_even: float | None) -> Card:
    record = trade_performance(grouped(readings.coins))
    interval = record.hit_rate_interval
    title = f"Hit rate, {RECORD_DAYS} days"
    if interval is None:
        return Card(title, formats.MISSING, "no settled trade yet: the first come within hours")
    even = "" if break_even is None else f"; break-even {100 * break_even:.1f}"
    return Card(
        title,
        formats.rate(record.hit_rate, record.n),
        f"95% {formats.interval(*interval, record.n)}, n {formats.number(record.n)}{even}",
        corner=proof(interval, break_even).value,
        picture=cells.forest(
            *interval, record.hit_rate, break_even, _span([*interval, break_even])
        ),
    )


def _log_loss(readings: Readings) -> Card:
    title = f"Log loss against baseline, {LOSS_DAYS} days"
    gap = loss_gap(readings.scored)
    if gap is None:
        why = readings.models_note or "fewer than 30 calls of a model are settled"
        return Card(title, formats.MISSING, why)
    low, high = gap.interval or (None, None)
    said = "no interval below 4 days"
    if low is not None and high is not None:
        reach = [formats.signed(100 * bound, 1) for bound in (low, high)]
        said = f"95% [{reach[0]}, {reach[1]}]"
    span = _span([low, high, 0.0, gap.gap])
    return Card(
        title,
        formats.signed(100 * gap.gap, 1, "%"),
        f"{said}, n {formats.number(gap.n)}; left of the mark is better",
        corner=_WORDS[proof(gap.interval, 0.0).value],
        picture=cells.forest(low, high, gap.gap, 0.0, span),
    )


_WORDS = {"above": "worse", "not proven": "not proven", "below": "better"}


def _equity(readings: Readings) -> Card:
    if not readings.is_paper:
        return Card("Paper equity", formats.MISSING, "paper trading is off: start with --paper 1")
    if not readings.accounts:
        return Card("Paper equity", formats.MISSING, "no account yet: it opens with the engine")
    account = readings.accounts[0]
    share = account.statistics.return_share
    worst = formats.signed(-100 * account.statistics.max_drawdown, 1, "%")
    return Card(
        "Paper equity",
        formats.number(float(account.equity), 2),
        f"worst drawdown {worst}; {len(account.open_positions)} open",
        corner="USDT",
        aside=formats.signed(100 * share, 2, "%"),
        tone="" if share == 0 else "long" if share > 0 else "short",
    )


def _engine(readings: Readings, preds: Sequence[Pred | None]) -> Card:
    scored = sum(pred is not None for pred in preds)
    newest = [coin.latest.stored for coin in readings.coins if coin.latest]
    if newest:
        last = max(newest, key=lambda stored: stored.signal.candle_open_ms)
        close_ms = readings.timeframe.close_of(last.signal.candle_open_ms)
        lag = (last.created_ms - close_ms) / 1000
        foot = f"signals came {formats.number(lag, 1)} s after the close"
    else:
        started = formats.age((readings.now_ms - readings.health.health.started_ms) / 1000)
        foot = f"started {started} ago; loading candles"
    return Card(
        "Engine",
        f"{scored}/{len(readings.coins)}",
        foot,
        corner=readings.health.status.value,
        aside="coins scored",
    )


def _span(values: Sequence[float | None]) -> tuple[float, float]:
    """A scale that holds all of `values`, with a margin."""
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    margin = max(0.35 * (high - low), 1e-3)
    return low - margin, high + margin
