"""A backtest beside the live accounts of the same days: where do they part, and why?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from crypto_bot.domain.ledger import Event, Kind

QUOTE = "filled live from a quote within the bar"
FOLLOWS = "its entry had another price or amount"
LEFT = "left at another level: other prices were seen, or the levels are of another entry"
OPEN_STILL = "still open on the other side"
OTHER = "unexplained: another price, amount or time"
NOT_MADE = "unexplained: no such trade, and no rule that refused it"
_ENTRY = str(Kind.OPEN)
_Fills = Mapping[tuple[str, str], Event]
_Rules = Mapping[str, str]


class Parting(NamedTuple):
    """A fill of one side alone, or one that differs; `live` and `here` in words."""

    prediction_id: str
    what: str
    live: str
    here: str
    why: str


class Beside(NamedTuple):
    """One account: the number of fills that are equal, and the others."""

    account: str
    equal: int
    partings: Sequence[Parting]

    def reasons(self) -> Counter[str]:
        """How often each."""
        return Counter(each.why for each in self.partings)


def beside(
    account: str,
    live: Iterable[Event],
    here: Iterable[Event],
    refused: tuple[_Rules, _Rules],
) -> Beside:
    """Compares fills of the same call and kind. `refused`: by prediction, live and in the backtest.

    Two are equal where time, price and amount are.
    """
    fills = _fills(live), _fills(here)
    equal, partings = 0, []
    for key in sorted({*fills[0], *fills[1]}):
        one, two = (each.get(key) for each in fills)
        if one is not None and two is not None and _same(one, two):
            equal += 1
        else:
            why = _why(key, fills, refused)
            partings.append(Parting(*key, _words(one), _words(two), why))
    return Beside(account, equal, partings)


def _fills(events: Iterable[Event]) -> _Fills:
    return {
        (event.prediction_id or "", f"{event.kind} {event.reason or ''}".strip()): event
        for event in events
        if event.kind in {Kind.OPEN, Kind.CLOSE}
    }


def _same(one: Event, two: Event) -> bool:
    return (one.at_ms, one.price, one.amount) == (two.at_ms, two.price, two.amount)


def _words(event: Event | None) -> str:
    return "–" if event is None else f"{event.amount.normalize():f} at {event.price.normalize():f}"


def _why(key: tuple[str, str], fills: tuple[_Fills, _Fills], refused: tuple[_Rules, _Rules]) -> str:
    id_ = key[0]
    one, two = (each.get(key) for each in fills)
    entry, other = (each.get((id_, _ENTRY)) for each in fills)
    if one is not None and two is not None:
        if one.at_ms != two.at_ms:
            return QUOTE
        differs = (
            key[1] != _ENTRY and entry is not None and other is not None and not _same(entry, other)
        )
        return FOLLOWS if differs else OTHER
    if entry is not None and other is not None:
        return LEFT if _left(id_, fills[0 if one is None else 1]) else OPEN_STILL
    side, rules = ("live", refused[0]) if entry is None else ("in the backtest", refused[1])
    return f"refused {side}: {rules[id_]}" if id_ in rules else NOT_MADE


def _left(id_: str, fills: _Fills) -> bool:
    """Whether all of the position was closed."""
    closed = (each for key, each in fills.items() if key[0] == id_ and each.kind is Kind.CLOSE)
    return sum(each.amount for each in closed) == fills[id_, _ENTRY].amount
