"""Tables of the paper view."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import coin_link, columns, empty, piece, table, toned
from crypto_bot.adapters.web.page.trade import ENDINGS, SOURCES
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.paper_report import AccountReport, ClosedTrade, OpenPosition, Refusal
from crypto_bot.domain.signal import Pred

_ENDS: dict[str, tuple[str, str]] = {
    **ENDINGS,
    "TRAIL": ("tick", "trailing stop"),
    "TIME": ("clock", "time"),
    "KILL": ("blocked", "kill switch"),
}
"""Of a status, which is its name too, and of what else ends a trade."""
_POSITIONS = columns(
    "Coin", "Side", "Amount|num more|muted", "Entry|num", "Now|num", "Stop to target|wide",
    "Result|num", "Unrealised|num more", "Stop|num more|muted", "Next target|num more|muted",
    "Ends in|num more|muted", "Source|more|muted",
)  # fmt: skip
_TRADES = columns(
    "Coin", "Side", "By", "Entry|num more", "Exit|num more", "Gross|num more|muted",
    "Fees|num more|muted", "Funding|num more|muted", "Net|num", "Result|num",
    "Source|more|muted",
)  # fmt: skip
_RULES = columns("Rule||words", "|wide", "Refused|num")


def positions_table(positions: Sequence[OpenPosition], now_ms: int) -> Markup:
    """What is held, from its stop to its next target."""
    if not positions:
        return empty("Nothing is held. A LONG or SHORT that passes the rules opens a position.")
    return table(_POSITIONS, (_position(each, now_ms) for each in positions))


def trades_table(trades: Sequence[ClosedTrade], viewer: Viewer) -> Markup:
    """What was held, the newest first."""
    if not trades:
        return empty("No trade has ended yet.")
    ended = columns(f"Ended, {viewer.zone_label}||muted")
    return table((*ended, *_TRADES), (_trade(each, viewer) for each in trades))


def refusals_table(account: AccountReport) -> Markup:
    """Every rule in words, and how many signals it has refused, the most first."""
    counts = account.refusals
    names = sorted({*account.rules, *counts}, key=lambda name: (-counts.get(name, 0), name))
    if not names:
        return empty("No rule is switched on.")
    most = max(counts.values(), default=0) or 1
    rows = (
        (
            piece("rule", name, account.rules.get(name, "")),
            cells.level(counts.get(name, 0) / most, "none"),
            formats.number(counts.get(name, 0)),
        )
        for name in names
    )
    return table(_RULES, rows, "rules")


def newest_refusals(refusals: Sequence[Refusal], viewer: Viewer) -> Markup:
    """The newest signals that were not followed."""
    if not refusals:
        return empty("No signal has been refused.")
    rows = (
        (
            formats.moment(each.at_ms, viewer.zone),
            formats.coin(each.prediction_id.partition(":")[0]),
            piece("refusal", each),
        )
        for each in refusals
    )
    return table(columns("||muted", "", "||words"), rows)


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


def _position(held: OpenPosition, now_ms: int) -> Sequence[str]:
    known = [] if held.price is None else [held.price]
    digits = _digits(held.entry, held.stop, *held.targets, *known)
    return (
        coin_link(held.symbol),
        _side(held.side),
        f"{held.amount.normalize():f}",
        _price(held.entry, digits),
        _price(held.price, digits),
        way(held),
        toned(held.r, formats.result(held.r)),
        _money(held.unrealised),
        _price(held.stop, digits),
        _price(held.targets[0] if held.targets else None, digits),
        formats.age(max(0, held.expires_ms - now_ms) / 1000),
        SOURCES[held.source],
    )


def _trade(done: ClosedTrade, viewer: Viewer) -> Sequence[str]:
    glyph, word = _ENDS.get(done.reason, ("none", done.reason))
    digits = _digits(done.entry, done.exit)
    return (
        formats.moment(done.exit_ms, viewer.zone),
        coin_link(done.symbol),
        _side(done.side),
        piece("ended_by", cells.mark(glyph), word),
        _price(done.entry, digits),
        _price(done.exit, digits),
        formats.signed(float(done.gross), 2),
        formats.number(float(done.fees), 2),
        formats.signed(float(done.funding), 2),
        _money(done.net),
        toned(done.r, formats.result(done.r)),
        SOURCES[done.source],
    )


def _side(side: Pred) -> Markup:
    name = "" if side is Pred.NO_TRADE else cells.SIDES[side]
    return cells.direction(side) + f" {name}"


def _digits(*prices: Decimal) -> int:
    return formats.decimals_of([float(price) for price in prices])


def _price(price: Decimal | None, digits: int) -> str:
    return formats.number(None if price is None else float(price), digits)


def _money(value: Decimal | None) -> Markup:
    known = None if value is None else float(value)
    return toned(known, formats.signed(known, 2))
