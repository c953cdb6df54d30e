"""Who is who at an exchange: from its own list, never by cutting strings."""

from __future__ import annotations

from typing import Any

import pytest

from crypto_bot.adapters.exchange.directory import listings
from crypto_bot.domain.errors import ConfigError


def market(base: str, quote: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"{base}{quote}",
        "symbol": f"{base}/{quote}",
        "base": base,
        "quote": quote,
        "type": "spot",
        "active": True,
        "linear": None,
        **changes,
    }


def test_symbols_are_found_by_base_and_quote() -> None:
    markets = [market("BTC", "USDT", id="XXBTZUSDT"), market("ETH", "BTC", active=None)]

    found = listings(markets, ["ETHBTC", "BTCUSDT"], "spot", "kraken")

    assert found == {"ETHBTC": "ETH/BTC", "BTCUSDT": "BTC/USDT"}


def test_the_id_decides_between_two_that_read_the_same() -> None:
    markets = [market("AB", "C", id="ABC"), market("A", "BC", id="A-BC")]

    assert listings(markets, ["ABC"], "spot", "x") == {"ABC": "AB/C"}
    assert listings(markets[::-1], ["ABC"], "spot", "x") == {"ABC": "AB/C"}


def test_only_markets_of_the_type_and_with_a_linear_payoff_count() -> None:
    markets = [
        market("BTC", "USD", type="swap", linear=False, symbol="BTC/USD:BTC"),
        market("BTC", "USDT", symbol="BTC/USDT"),
        market("BTC", "USDT", type="swap", linear=True, symbol="BTC/USDT:USDT"),
    ]

    assert listings(markets, ["BTCUSDT"], "swap", "x") == {"BTCUSDT": "BTC/USDT:USDT"}
    assert listings(markets, ["BTCUSDT"], "spot", "x") == {"BTCUSDT": "BTC/USDT"}
    with pytest.raises(ConfigError, match="unknown: BTCUSD "):
        listings(markets, ["BTCUSD"], "swap", "x")


def test_every_symbol_that_is_not_traded_is_named_in_one_line() -> None:
    markets = [market("BTC", "USDT"), market("LUNA", "USDT", active=False)]

    with pytest.raises(ConfigError) as caught:
        listings(markets, ["BTCUSDT", "NOPEUSDT", "LUNAUSDT", "BTC/USDT"], "spot", "binance")

    assert str(caught.value) == (
        "binance has no spot market for unknown: NOPEUSDT, BTC/USDT; not trading: LUNAUSDT "
        "(symbols are written as base and quote, e.g. BTCUSDT)"
    )
