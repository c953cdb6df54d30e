"""Tables of the paper view as markup. Every text that others wrote is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from urllib.parse import quote

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.trade import SOURCES
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.paper_report import (
    AccountReport,
    ClosedTrade,
    OpenPosition,
    Refusal,
)
from crypto_bot.domain.signal import Pred

_SIDES = {Pred.LONG: ("up", "long"), Pred.SHORT: ("down", "short"), Pred.NO_TRADE: ("none", "")}
_ENDS = {
    "SL": ("cross", "stop"),
    "TP1": ("tick", "target"),
    "TP2": ("tick", "target 2"),
    "TP3": ("tick", "target 3"),
    "TRAIL": ("tick", "trailing stop"),
    "TIME": ("clock", "time"),
    "KILL": ("blocked", "kill switch"),
}


def positions_table(positions: Sequence[OpenPosition], now_ms: int) -> str:
    """What is held, from its stop to its next target."""
    if not positions:
        return _nothing("Nothing is held. A LONG or SHORT that passes the rules opens a position.")
    head = _heads(
        ("Coin", ""),
        ("Side", ""),
        ("Amount", "num more"),
        ("Entry", "num"),
        ("Now", "num"),
        ("Stop to target", "wide"),
        ("Result", "num"),
        ("Unrealised", "num more"),
        ("Stop", "num more"),
        ("Next target", "num more"),
        ("Ends in", "num more"),
        ("Source", "more"),
    )
    rows = "".join(_position(each, now_ms) for each in positions)
    return f"<table class=figures><thead>{head}</thead><tbody>{rows}</tbody></table>"


def trades_table(trades: Sequence[ClosedTrade], viewer: Viewer) -> str:
    """What was held, the newest first."""
    if not trades:
        return _nothing("No trade has ended yet.")
    head = _heads(
        (f"Ended, {viewer.zone_label}", ""),
        ("Coin", ""),
        ("Side", ""),
        ("By", ""),
        ("Entry", "num more"),
        ("Exit", "num more"),
        ("Gross", "num more"),
        ("Fees", "num more"),
        ("Funding", "num more"),
        ("Net", "num"),
        ("Result", "num"),
        ("Source", "more"),
    )
    rows = "".join(_trade(each, viewer) for each in trades)
    return f"<table class=figures><thead>{head}</thead><tbody>{rows}</tbody></table>"


def refusals_table(account: AccountReport) -> str:
    """Every rule in words, and how many signals it has refused, the most first."""
    names = sorted(
        {*account.rules, *account.refusals}, key=lambda name: (-account.refusals.get(name, 0), name)
    )
    if not names:
        return _nothing("No rule is switched on.")
    most = max(account.refusals.values(), default=0) or 1
    head = _heads(("Rule", ""), ("", "wide"), ("Refused", "num"))
    rows = ""
    for name in names:
        count = account.refusals.get(name, 0)
        words = account.rules.get(name, "")
        rows += (
            f"<tr><th scope=row class=words><b>{escape(name.replace('_', ' '))}</b>"
            f"<div class=muted>{escape(words)}</div></th>"
            f"<td class=wide>{cells.level(count / most, 'none')}</td>"
            f"<td class=num>{formats.number(count)}</td></tr>"
        )
    return f"<table class='figures rules'><thead>{head}</thead><tbody>{rows}</tbody></table>"


def newest_refusals(refusals: Sequence[Refusal], viewer: Viewer) -> str:
    """The newest signals that were not followed."""
    if not refusals:
        return _nothing("No signal has been refused.")
    rows = "".join(
        f"<tr><th scope=row class=muted>{formats.moment(each.at_ms, viewer.zone)}</th>"
        f"<td>{escape(formats.coin(each.prediction_id.partition(':')[0]))}</td>"
        f"<td class=words><b>{escape(each.rule.replace('_', ' '))}</b> "
        f"<span class=muted>{escape(each.reason)}</span></td></tr>"
        for each in refusals
    )
    return f"<table class=figures><tbody>{rows}</tbody></table>"


def way(position: OpenPosition) -> str:
    """The track of a position from its stop to its next target, wherever the stop has moved to."""
    if position.price is None or not position.targets:
        return ""
    stop, target = position.stop, position.targets[0]
    if stop == target:
        return ""

    def share(price: Decimal) -> float:
        return float((price - stop) / (target - stop))

    entry, now = share(position.entry), share(position.price)
    if not 0.0 < entry < 1.0:  # the stop has passed the entry: nothing is at risk any more
        entry = 0.0
    reward = (1.0 - entry) / entry if entry else 1.0
    return cells.track((now - entry) / entry if entry else now - 0.5, reward)


def _position(held: OpenPosition, now_ms: int) -> str:
    known = [] if held.price is None else [held.price]
    digits = _digits(held.entry, held.stop, *held.targets, *known)
    target = held.targets[0] if held.targets else None
    left = formats.age(max(0, held.expires_ms - now_ms) / 1000)
    return (
        f"<tr>{_coin(held.symbol)}<td>{_side(held.side)}</td>"
        f"<td class='num more muted'>{_amount(held.amount)}</td>"
        f"<td class=num>{_price(held.entry, digits)}</td>"
        f"<td class=num>{_price(held.price, digits)}</td>"
        f"<td class=wide>{way(held)}</td>"
        f"<td class=num>{_toned(held.r, formats.result(held.r))}</td>"
        f"<td class='num more'>{_money(held.unrealised)}</td>"
        f"<td class='num more muted'>{_price(held.stop, digits)}</td>"
        f"<td class='num more muted'>{_price(target, digits)}</td>"
        f"<td class='num more muted'>{left}</td>"
        f"<td class='more muted'>{SOURCES[held.source]}</td></tr>"
    )


def _trade(done: ClosedTrade, viewer: Viewer) -> str:
    glyph, word = _ENDS.get(done.reason, ("none", done.reason))
    digits = _digits(done.entry, done.exit)
    return (
        f"<tr><th scope=row class=muted>{formats.moment(done.exit_ms, viewer.zone)}</th>"
        f"{_coin(done.symbol, 'td')}<td>{_side(done.side)}</td>"
        f"<td title='{escape(word)}'>{cells.mark(glyph)} <span class=more>{escape(word)}"
        "</span></td>"
        f"<td class='num more'>{_price(done.entry, digits)}</td>"
        f"<td class='num more'>{_price(done.exit, digits)}</td>"
        f"<td class='num more muted'>{_money(done.gross, toned=False)}</td>"
        f"<td class='num more muted'>{formats.number(float(done.fees), 2)}</td>"
        f"<td class='num more muted'>{_money(done.funding, toned=False)}</td>"
        f"<td class=num>{_money(done.net)}</td>"
        f"<td class=num>{_toned(done.r, formats.result(done.r))}</td>"
        f"<td class='more muted'>{SOURCES[done.source]}</td></tr>"
    )


def _coin(symbol: str, tag: str = "th") -> str:
    scope = " scope=row" if tag == "th" else ""
    return (
        f"<{tag}{scope}><a class=line href='/coin/{quote(symbol, safe='')}' "
        f"title='{escape(symbol)}'>{escape(formats.coin(symbol))}</a></{tag}>"
    )


def _side(side: Pred) -> str:
    glyph, name = _SIDES[side]
    return f"{cells.mark(glyph, name)} {name}"


def _digits(*prices: Decimal) -> int:
    return formats.decimals_of([float(price) for price in prices])


def _price(price: Decimal | None, digits: int) -> str:
    return formats.number(None if price is None else float(price), digits)


def _amount(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _money(value: Decimal | None, *, toned: bool = True) -> str:
    told = None if value is None else float(value)
    text = formats.signed(told, 2)
    return _toned(told, text) if toned else text


def _toned(value: float | None, text: str) -> str:
    if value is None or text[0] not in f"+{formats.MINUS}":
        return text
    return f"<span class={'long' if value > 0 else 'short'}>{text}</span>"


def _heads(*names: tuple[str, str]) -> str:
    cells_ = "".join(f"<th scope=col class='{kind}'>{escape(name)}</th>" for name, kind in names)
    return f"<tr>{cells_}</tr>"


def _nothing(why: str) -> str:
    return f"<div class='empty muted'>{escape(why)}</div>"
