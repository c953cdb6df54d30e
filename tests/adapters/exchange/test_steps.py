"""How finely exchanges count, in each of the ways in which they say so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crypto_bot.adapters.exchange.steps import instrument
from crypto_bot.domain.quote import Instrument


def market(**changes: Any) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "precision": {"price": 0.01, "amount": 1e-05},
        "limits": {"amount": {"min": 0.001}, "cost": {"min": 5.0}},
        "contractSize": None,
    }
    return listed | changes


def test_steps_are_those_of_the_listing() -> None:
    steps = instrument("BTCUSDT", market(), in_steps=True)
    assert steps == Instrument(
        "BTCUSDT", Decimal("0.01"), Decimal("0.00001"), Decimal("0.001"), Decimal(5)
    )


def test_digits_are_made_steps() -> None:
    steps = instrument("X", market(precision={"price": 2.0, "amount": 0}), in_steps=False)
    assert (steps.tick, steps.lot) == (Decimal("0.01"), Decimal(1))


def test_contracts_are_counted_in_coins() -> None:
    listed = market(precision={"price": 0.1, "amount": 1.0}, contractSize=0.01)
    steps = instrument("X", listed | {"limits": {"amount": {"min": 5.0}}}, in_steps=True)
    assert (steps.lot, steps.min_amount, steps.min_notional) == (
        Decimal("0.01"),
        Decimal("0.05"),
        Decimal(0),
    )


@pytest.mark.parametrize("limits", [{}, {"amount": None, "cost": None}, {"amount": {"min": None}}])
def test_a_missing_step_is_the_finest(limits: dict[str, Any]) -> None:
    listed = market(precision={"price": None, "amount": 0.0}, limits=limits)
    steps = instrument("X", listed, in_steps=True)
    finest = Decimal("1E-8")
    assert steps == Instrument("X", finest, finest, finest, Decimal(0))
