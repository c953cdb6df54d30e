"""Who is who at an exchange: from its own list, never by cutting strings."""

from __future__ import annotations

from typing import Any

from crypto_bot.adapters.exchange.directory import directory


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

    found = directory(markets, ["ETHBTC", "BTCUSDT"], "spot").listings

    assert found == {"ETHBTC": "ETH/BTC", "BTCUSDT": "BTC/USDT"}


def test_the_id_decides_between_two_that_read_the_same() -> None:
    markets = [market("AB", "C", id="ABC"), market("A", "BC", id="A-BC")]

    assert directory(markets, ["ABC"], "spot").listings == {"ABC": "AB/C"}
    assert directory(markets[::-1], ["ABC"], "spot").listings == {"ABC": "AB/C"}


def test_only_markets_of_the_type_and_with_a_linear_payoff_count() -> None:
    markets = [
        market("BTC", "USD", type="swap", linear=False, symbol="BTC/USD:BTC"),
        market("BTC", "USDT", symbol="BTC/USDT"),
        market("BTC", "USDT", type="swap", linear=True, symbol="BTC/USDT:USDT"),
    ]

    assert directory(markets, ["BTCUSDT"], "swap").listings == {"BTCUSDT": "BTC/USDT:USDT"}
    assert directory(markets, ["BTCUSDT"], "spot").listings == {"BTCUSDT": "BTC/USDT"}
    assert directory(markets, ["BTCUSD"], "swap").absent == {"BTCUSD"}


def test_coins_that_do_not_trade_or_are_not_listed_are_told_apart() -> None:
    markets = [market("BTC", "USDT"), market("LUNA", "USDT", active=False)]

    found = directory(markets, ["BTCUSDT", "NOPEUSDT", "LUNAUSDT", "BTC/USDT"], "spot")

    assert found.listings == {"BTCUSDT": "BTC/USDT", "LUNAUSDT": "LUNA/USDT"}
    assert found.halted == {"LUNAUSDT"}
    assert found.absent == {"NOPEUSDT", "BTC/USDT"}
