"""Fills that differ between live and backtest are listed, each with its reason."""

from crypto_bot.backtesting.beside import NOT_MADE, OTHER, QUOTE, beside
from crypto_bot.domain.ledger import Event, Kind
from tests.domain.paper_accounts import T0, TF_MS, D


def fill(bar: int, kind: Kind = Kind.OPEN, price: str = "100", after_ms: int = 0) -> Event:
    reason = "SL" if kind is Kind.CLOSE else None
    at_ms, name = T0 + bar * TF_MS + after_ms, f"A:15m:{bar}"
    return Event(
        f"{name}:{kind}", "main", bar, at_ms, kind, D(0), "A", name, None, reason, D(price)
    )


def test_every_parting_has_its_reason() -> None:
    live = [fill(1), fill(2, after_ms=3_000), fill(3), fill(4), fill(4, Kind.CLOSE)]
    here = [fill(1), fill(2), fill(3, price="101"), fill(5), fill(6), fill(6, Kind.CLOSE)]
    found = beside("main", live, here, ({"A:15m:5": "late"}, {"A:15m:4": "cooldown"}))
    assert found.equal == 1
    assert {(each.prediction_id, each.what): each.why for each in found.partings} == {
        ("A:15m:2", "OPEN"): QUOTE,
        ("A:15m:3", "OPEN"): OTHER,
        ("A:15m:4", "OPEN"): "refused in the backtest: cooldown",
        ("A:15m:4", "CLOSE SL"): "refused in the backtest: cooldown",
        ("A:15m:5", "OPEN"): "refused live: late",
        ("A:15m:6", "OPEN"): NOT_MADE,
        ("A:15m:6", "CLOSE SL"): NOT_MADE,
    }
