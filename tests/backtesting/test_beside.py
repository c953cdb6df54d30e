"""Fills that differ between live and backtest are listed, each with its reason."""

from crypto_bot.backtesting.beside import (
    FOLLOWS,
    LEFT,
    NOT_MADE,
    OPEN_STILL,
    OTHER,
    QUOTE,
    beside,
)
from crypto_bot.domain.ledger import Event, Kind
from tests.domain.paper_accounts import T0, TF_MS, D


def fill(
    bar: int, what: str = "OPEN", price: str = "100", after_ms: int = 0, amount: str = "2"
) -> Event:
    kind, _, reason = what.partition(" ")
    at_ms, name = T0 + bar * TF_MS + after_ms, f"A:15m:{bar}"
    return Event(
        *(f"{name}:{what}", "main", bar, at_ms, Kind(kind), D(0), "A", name, None, reason),
        *(D(price), D(amount)),
    )


LIVE = [
    *(fill(1), fill(2, after_ms=3_000), fill(3), fill(4), fill(4, "CLOSE SL")),
    *(
        fill(7, after_ms=3_000),
        fill(7, "CLOSE SL", "90"),
        fill(8),
        fill(8, "CLOSE TP1", amount="1"),
    ),
    *(fill(9), fill(9, "CLOSE SL")),
]
HERE = [
    *(fill(1), fill(2), fill(3, price="101"), fill(5), fill(6), fill(6, "CLOSE SL")),
    *(fill(7), fill(7, "CLOSE SL", "89"), fill(8), fill(8, "CLOSE SL"), fill(9)),
]


def test_every_parting_has_its_reason() -> None:
    found = beside("main", LIVE, HERE, ({"A:15m:5": "late"}, {"A:15m:4": "cooldown"}))
    assert found.equal == 3
    assert {(each.prediction_id, each.what): each.why for each in found.partings} == {
        ("A:15m:2", "OPEN"): QUOTE,
        ("A:15m:3", "OPEN"): OTHER,
        ("A:15m:4", "OPEN"): "refused in the backtest: cooldown",
        ("A:15m:4", "CLOSE SL"): "refused in the backtest: cooldown",
        ("A:15m:5", "OPEN"): "refused live: late",
        ("A:15m:6", "OPEN"): NOT_MADE,
        ("A:15m:6", "CLOSE SL"): NOT_MADE,
        ("A:15m:7", "OPEN"): QUOTE,
        ("A:15m:7", "CLOSE SL"): FOLLOWS,
        ("A:15m:8", "CLOSE TP1"): LEFT,
        ("A:15m:8", "CLOSE SL"): OPEN_STILL,
        ("A:15m:9", "CLOSE SL"): OPEN_STILL,
    }
