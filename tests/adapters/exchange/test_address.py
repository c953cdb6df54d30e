"""Where an exchange is asked: every address moves, whatever the exchange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import ccxt.async_support as ccxt
import ccxt.pro as streaming
import pytest

from crypto_bot.adapters.exchange.address import Host
from crypto_bot.domain.errors import ConfigError


def leaves(addresses: Any) -> Iterator[str]:
    if isinstance(addresses, dict):
        for value in addresses.values():
            yield from leaves(value)
    elif isinstance(addresses, str):
        yield addresses


@pytest.mark.parametrize(
    ("host", "address", "moved"),
    [
        ("http://127.0.0.1:8001", "https://api.binance.com/api/v3", "http://127.0.0.1:8001/api/v3"),
        ("http://127.0.0.1:8001", {"v5": {"rest": "https://{hostname}"}},
         {"v5": {"rest": "http://127.0.0.1:8001"}}),
        ("https://proxy.example/binance/", "https://api.binance.com/api/v3",
         "https://proxy.example/binance/api/v3"),
        ("http://127.0.0.1:8001", {"ws": "wss://stream.binance.com:9443/ws"},
         {"ws": "ws://127.0.0.1:8001/ws"}),
        ("https://proxy.example/binance", "wss://stream.binance.com:9443/ws",
         "wss://proxy.example/binance/ws"),
        ("http://127.0.0.1:8001", {"name": "api.binance.com", "none": None, "number": 3},
         {"name": "api.binance.com", "none": None, "number": 3}),
    ],
)  # fmt: skip
def test_addresses_move_with_their_paths_and_stay_what_they_are(
    host: str, address: Any, moved: Any
) -> None:
    assert Host(host).redirected(address) == moved


@pytest.mark.parametrize("kind", [ccxt, streaming])
@pytest.mark.parametrize("exchange_id", ["binance", "kraken", "okx", "bybit", "gate", "kucoin"])
def test_no_address_of_an_exchange_stays_outside(exchange_id: str, kind: Any) -> None:
    addresses = getattr(kind, exchange_id)().urls["api"]
    known = [url for url in leaves(addresses) if "://" in url]

    moved = list(leaves(Host("http://127.0.0.1:8001").redirected(addresses)))

    moved = [url for url in moved if "://" in url]
    assert len(moved) == len(known) > 0
    assert {urlsplit(url).netloc for url in moved} == {"127.0.0.1:8001"}
    assert [urlsplit(url).path for url in moved] == [urlsplit(url).path for url in known]


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:8001", "localhost", "ftp://127.0.0.1", "http://", "http://host:port"),
        *("http://host:99999", "http://[::1", "http://host/?a=1", "http://host/#a"),
    ],
)
def test_an_unusable_address_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a usable address") as caught:
        Host(url)
    assert f"'{url}'" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8001", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:80", True),
        ("http://localhost:1", True),
        ("http://10.0.0.1", False),
        ("https://api.binance.com", False),
    ],
)
def test_loopback_is_recognised(url: str, loopback: bool) -> None:
    assert Host(url).is_loopback is loopback
