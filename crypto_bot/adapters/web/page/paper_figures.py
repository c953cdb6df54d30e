"""The figures at the head of the paper view, each with its yardstick, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import NOTHING, Card, Column, Table, drawings, pieces, tone
from crypto_bot.adapters.web.page.trade import ENDINGS, SOURCES
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper_report import (
    AccountReport,
    ClosedTrade,
    DayResult,
    OpenPosition,
    Refusal,
)
from crypto_bot.domain.signal import Pred

_WEEK_MS = 7 * DAY_MS
_ENDS: dict[str, tuple[str, str]] = {
    **ENDINGS,
    "TRAIL": ("tick", "trailing stop"),
    "TIME": ("clock", "time"),
    "KILL": ("blocked", "kill switch"),
    "GONE": ("blocked", "no candles for a day"),
}
"""Of a status, which is its name too, and of what else ends a trade."""


def strip(account: AccountReport, days: Sequence[DayResult]) -> Markup:
    """Worth, against buying and holding, and what a trade brought, as markup."""
    return pieces.strip([*_worth(account, days), *_trades(account)])


def _worth(account: AccountReport, days: Sequence[DayResult]) -> tuple[Card, ...]:
    known = account.statistics
    start, cash = (formats.number(float(each), 2) for each in (account.start, account.cash))
    hold = formats.signed(100 * known.buy_and_hold_share, 2)
    change = formats.signed(100 * known.return_share, 2, "%")
    newest = [day.change for day in days if day.day_ms > days[-1].day_ms - _WEEK_MS]
    week = f"; 7 days {formats.signed(float(sum(newest)), 2)}" if newest else ""
    return (
        Card(
            "Equity",
            formats.number(float(account.equity), 2),
            f"start {start}; cash {cash}{week}",
            aside=change,
            tone=tone(known.return_share, change),
        ),
        Card(
            "Against buy and hold",
            formats.signed(100 * (known.return_share - known.buy_and_hold_share), 2, "%"),
            f"the same money in equal parts: {hold}%",
        ),
        Card(
            "Drawdown, worst",
            formats.signed(-100 * known.max_drawdown, 1, "%"),
            "from the highest equity so far",
        ),
    )


def _trades(account: AccountReport) -> tuple[Card, ...]:
    known = account.statistics
    n, result, wins, sharpe = known.trades, known.expectancy_r, known.win_rate, known.sharpe
    none = "no trade has ended yet"
    factor = formats.number(known.profit_factor, 2)
    ratios = f"95% {formats.ends(sharpe, 1)}; Sortino {formats.number(known.sortino, 2)}"
    return (
        Card(
            "Result a trade",
            formats.signed(result.value, 2, "R"),
            f"95% {formats.ends(result, 2)}, n {formats.number(n)}" if n else none,
            picture=_forest(result),
        ),
        Card(
            "Win rate",
            formats.rate(wins.value, n),
            f"95% {formats.interval(wins, n)}; profit factor {factor}" if n else none,
        ),
        Card(
            "Sharpe, a year",
            formats.number(sharpe.value, 2),
            ratios if sharpe.is_bounded else "too few days to say",
            picture=_forest(sharpe),
        ),
        Card(
            "Fees and funding",
            formats.number(float(known.fees), 2),
            f"funding {formats.signed(float(known.funding), 2)}; turnover "
            f"{formats.number(known.turnover, 1)} times",
        ),
    )


def _forest(known: Interval) -> Markup:
    return cells.forest(known, 0.0) if known.is_bounded else NOTHING


def positions_table(positions: Sequence[OpenPosition], now_ms: int) -> Markup:
    """What is held, from its stop to its next target."""
    return Table[OpenPosition](
        Column("Coin", lambda held: pieces.coin_link(held.symbol)),
        Column("Side", lambda held: _side(held.side)),
        Column("Amount", lambda held: f"{held.amount.normalize():f}", "num more", "muted"),
        Column("Entry", lambda held: _price(held, held.entry), "num"),
        Column("Now", lambda held: _price(held, held.price), "num"),
        Column("Stop to target", way, "wide"),
        Column("Result", lambda held: _result(held.r), "num"),
        Column("Unrealised", lambda held: _money(held.unrealised), "num more"),
        Column("Stop", lambda held: _price(held, held.stop), "num more", "muted"),
        Column("Next target", lambda held: _price(held, *held.targets[:1]), "num more", "muted"),
        Column("Ends in", lambda held: _left(held, now_ms), "num more", "muted"),
        Column("Source", lambda held: SOURCES[held.source], "more", "muted"),
        nothing="Nothing is held. A LONG or SHORT that passes the rules opens a position.",
    ).of(positions)


def trades_table(trades: Sequence[ClosedTrade], viewer: Viewer) -> Markup:
    """What was held, the newest first."""
    return Table[ClosedTrade](
        Column(
            f"Ended, {viewer.zone_label}",
            lambda done: formats.moment(done.exit_ms, viewer.zone),
            cells="muted",
        ),
        Column("Coin", lambda done: pieces.coin_link(done.symbol)),
        Column("Side", lambda done: _side(done.side)),
        Column("By", lambda done: _end(done.reason)),
        Column("Entry", lambda done: _price(done, done.entry), "num more"),
        Column("Exit", lambda done: _price(done, done.exit), "num more"),
        Column("Gross", lambda done: formats.signed(float(done.gross), 2), "num more", "muted"),
        Column("Fees", lambda done: formats.number(float(done.fees), 2), "num more", "muted"),
        Column("Funding", lambda done: formats.signed(float(done.funding), 2), "num more", "muted"),
        Column("Net", lambda done: _money(done.net), "num"),
        Column("Result", lambda done: _result(done.r), "num"),
        Column("Source", lambda done: SOURCES[done.source], "more", "muted"),
        nothing="No trade has ended yet.",
    ).of(trades)


def refusals_table(account: AccountReport) -> Markup:
    """Every rule in words, and how many signals it has refused, the most first."""
    counts = {**dict.fromkeys(account.rules, 0), **account.refusals}
    most = max(counts.values(), default=0) or 1
    return Table[tuple[str, int]](
        Column(
            "Rule", lambda each: pieces.rule(each[0], account.rules.get(each[0], "")), "", "words"
        ),
        Column(
            "", lambda each: drawings.level(each[1] / most, "none"), "wide", term="Refusals, drawn"
        ),
        Column("Refused", lambda each: formats.number(each[1]), "num"),
        nothing="No rule is switched on.",
        kind="rules",
    ).of(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def newest_refusals(refusals: Sequence[Refusal], viewer: Viewer) -> Markup:
    """The newest signals that were not followed."""
    return Table[Refusal](
        Column("", lambda each: formats.moment(each.at_ms, viewer.zone), "", "muted"),
        Column("", lambda each: formats.coin(each.prediction_id.partition(":")[0])),
        Column("", pieces.refusal, "", "words"),
        nothing="No signal has been refused.",
    ).of(refusals)


def way(position: OpenPosition) -> Markup:
    """The track of a position from its stop to its next target, wherever the stop has moved to."""
    if position.price is None or not position.targets:
        return Markup()
    stop, target = position.stop, position.targets[0]
    if stop == target:
        return Markup()

    def share(price: Decimal) -> float:
        return float((price - stop) / (target - stop))

    entry, now = share(position.entry), share(position.price)
    if not 0.0 < entry < 1.0:  # the stop has passed the entry: nothing is at risk any more
        entry = 0.0
    reward = (1.0 - entry) / entry if entry else 1.0
    return cells.track((now - entry) / entry if entry else now - 0.5, reward)


def _side(side: Pred) -> Markup:
    name = "" if side is Pred.NO_TRADE else cells.SIDES[side]
    return cells.direction(side) + f" {name}"


def _price(of: OpenPosition | ClosedTrade, price: Decimal | None = None) -> str:
    """With the digits of all the prices that stand in its line."""
    known = (of.entry, of.exit) if isinstance(of, ClosedTrade) else (of.entry, of.stop, *of.targets)
    now = [of.price] if isinstance(of, OpenPosition) and of.price is not None else []
    digits = formats.decimals_of([float(each) for each in (*known, *now)])
    return formats.number(None if price is None else float(price), digits)


def _left(held: OpenPosition, now_ms: int) -> str:
    return formats.age((held.expires_ms - now_ms) / 1000)


def _end(reason: str) -> Markup:
    glyph, word = _ENDS.get(reason, ("none", reason))
    return pieces.ended_by(drawings.mark(glyph), word)


def _result(r: float | None) -> Markup:
    shown = formats.result(r)
    return pieces.tag(shown, tone(r, shown))


def _money(value: Decimal | None) -> Markup:
    known = None if value is None else float(value)
    shown = formats.signed(known, 2)
    return pieces.tag(shown, tone(known, shown))
