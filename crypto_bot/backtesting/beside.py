"""A backtest beside the live accounts of the same days: where do they part, and why?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from crypto_bot.domain.ledger import Event, Kind

QUOTE = "filled live from a quote within the bar"
OTHER = "another price, amount or time"
NOT_MADE = "no such trade before it"
_FILLS = {Kind.OPEN, Kind.CLOSE}


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
    refused: tuple[Mapping[str, str], Mapping[str, str]],
) -> Beside:
    """Compares fills of the same call and kind. `refused`: by prediction, live and in the backtest.

    Two are equal where time, price and amount are.
    """
    theirs, ours = (_fills(events) for events in (live, here))
    equal, partings = 0, []
    for key in sorted({*theirs, *ours}):
        one, two = theirs.get(key), ours.get(key)
        if one is not None and two is not None and _same(one, two):
            equal += 1
        else:
            partings.append(
                Parting(*key, _words(one), _words(two), _why(key[0], one, two, refused))
            )
    return Beside(account, equal, partings)


def _fills(events: Iterable[Event]) -> dict[tuple[str, str], Event]:
    return {
        (event.prediction_id or "", f"{event.kind} {event.reason or ''}".strip()): event
        for event in events
        if event.kind in _FILLS
    }


def _same(one: Event, two: Event) -> bool:
    return (one.at_ms, one.price, one.amount) == (two.at_ms, two.price, two.amount)


def _words(event: Event | None) -> str:
    return "–" if event is None else f"{event.amount.normalize():f} at {event.price.normalize():f}"


def _why(
    prediction_id: str,
    one: Event | None,
    two: Event | None,
    refused: tuple[Mapping[str, str], Mapping[str, str]],
) -> str:
    if one is not None and two is not None:
        return QUOTE if one.at_ms != two.at_ms else OTHER
    side, rules = ("live", refused[0]) if one is None else ("in the backtest", refused[1])
    rule = rules.get(prediction_id)
    return NOT_MADE if rule is None else f"refused {side}: {rule}"
