"""Tables of the paper view: from calls to money, closed trades in parts, results by month."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import Column, Table, pieces, tone
from crypto_bot.adapters.web.page.trade import SOURCES
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper_report import AccountReport, DayResult, TradeGroup
from crypto_bot.domain.signal import Source
from crypto_bot.statistics.daily import MIN_CALLS

_MOST_REASONS = 3


class _Step(NamedTuple):
    """A line of the way from calls to money."""

    name: str
    figure: str
    words: str = ""


def bridge_table(account: AccountReport) -> Markup:
    """What became of the LONG and SHORT calls: refused, traded, and what that came to."""
    known, refusals = account.statistics, account.refusals
    refused, held = sum(refusals.values()), len(account.open_positions)
    opened = known.trades + held
    most = sorted(refusals.items(), key=lambda each: (-each[1], each[0]))[:_MOST_REASONS]
    reasons = ", ".join(f"{rule.replace('_', ' ')} {formats.number(count)}" for rule, count in most)
    mean = f"mean {formats.signed(known.expectancy_r.value, 2, 'R')}"
    change = account.equity - account.start
    rest = change - known.gross + known.fees - known.funding
    steps = (
        _Step("LONG and SHORT calls", formats.number(refused + opened), "since it was opened"),
        _Step("refused by a rule", formats.number(refused), reasons),
        _Step("trades", formats.number(opened), f"{held} open"),
        _Step(
            "ended",
            formats.number(known.trades),
            f"{mean} {formats.ends(known.expectancy_r, 2)} after costs" if known.trades else "",
        ),
        _Step("gross of those", _money(known.gross)),
        _Step("fees", _money(-known.fees), "of every fill"),
        _Step("funding", _money(known.funding)),
        _Step("open positions", _money(rest), "at the newest prices"),
        _Step("equity less the start", pieces.strong(_money(change))),
    )
    return Table[_Step](
        Column("", lambda step: step.name),
        Column("", lambda step: step.figure, "num"),
        Column("", lambda step: step.words, "", "muted words"),
    ).of(steps)


def groups_table(by: str, groups: Sequence[TradeGroup], *, linked: bool = True) -> Markup:
    """Closed trades by coin, source and so on; no mean below 30 trades, its interval alone.

    `linked`: coins lead to their pages.
    """
    sure = [group.mean_r for group in groups if group.trades >= MIN_CALLS]
    span = _span(sure or [group.mean_r for group in groups])
    return Table[TradeGroup](
        Column(by.capitalize(), lambda group: _name(by, group.name, linked=linked)),
        Column("Trades", lambda group: formats.number(group.trades), "num"),
        Column("Won", lambda group: formats.number(group.won), "num more", "muted"),
        Column("Net", lambda group: _toned(group.net), "num"),
        Column("Fees", lambda group: formats.number(float(group.fees), 2), "num more", "muted"),
        Column("Mean, net", lambda group: formats.signed(group.mean_r.value, 2, "R"), "num"),
        Column("95%", lambda group: formats.ends(group.mean_r, 2), "num more", "muted"),
        Column("", lambda group: _drawn(group.mean_r, span), "wide", term="Mean, drawn"),
        nothing="No trade has ended yet.",
    ).of(groups)


class _Month(NamedTuple):
    name: str
    days: Sequence[DayResult]

    @property
    def changes(self) -> list[Decimal]:
        return [day.change for day in self.days]


def months_table(days: Sequence[DayResult]) -> Markup:
    """The daily results by month (UTC), the newest first."""
    months: dict[str, list[DayResult]] = {}
    for day in days:
        months.setdefault(formats.month(day.day_ms), []).append(day)
    return Table[_Month](
        Column("Month", lambda month: month.name),
        Column("Result", lambda month: _toned(sum(month.changes, Decimal(0))), "num"),
        Column("Days up", lambda month: f"{sum(each > 0 for each in month.changes)}", "num"),
        Column("Days down", lambda month: f"{sum(each < 0 for each in month.changes)}", "num"),
        Column("Best day", lambda month: _money(max(month.changes)), "num more", "muted"),
        Column("Worst day", lambda month: _money(min(month.changes)), "num more", "muted"),
        Column("Trades ended", lambda month: f"{sum(day.trades for day in month.days)}", "num"),
        nothing="No day yet: a point of equity is kept at every cycle.",
    ).of([_Month(name, of) for name, of in reversed(months.items())])


def _name(by: str, name: str, *, linked: bool) -> str:
    if by == "coin":
        return pieces.coin_link(name) if linked else formats.coin(name)
    return SOURCES[Source(name)] if by == "source" else name


def _span(intervals: Sequence[Interval]) -> tuple[float, float]:
    ends = [end for each in intervals if each.is_bounded for end in each[1:]]
    low, high = min([*ends, -0.1]), max([*ends, 0.1])
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _drawn(known: Interval, span: tuple[float, float]) -> Markup:
    return cells.forest(known, 0.0, span)


def _money(value: Decimal) -> str:
    return formats.signed(float(value), 2)


def _toned(value: Decimal) -> Markup:
    shown = _money(value)
    return pieces.tag(shown, tone(float(value), shown))
