"""Glassnode: what moves on the chain of a coin, by day.

https://docs.glassnode.com/basic-api/api. A stamp is the beginning of its day. Figures of the past
are revised there; here a day that was read once stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crypto_bot.adapters.series.provider import Limits, Provider, Rows, rows_of
from crypto_bot.adapters.series.server import Server

_METRICS = {
    "exchange_net_flow": "transactions/transfers_volume_exchanges_net",
    "sopr": "indicators/sopr",
    "active_addresses": "addresses/active_count",
}


def _fetch(
    server: Server, coin: str, names: Sequence[str], since_s: int, until_s: int
) -> dict[str, Rows]:
    """`exchange_net_flow` in coins; no currency is asked for."""
    span: dict[str, Any] = {"s": since_s, "u": until_s + 1}  # `u` itself is left out
    return {
        name: server.get(f"/v1/metrics/{_METRICS[name]}", _points, a=coin, i="24h", **span)
        for name in names
    }


def _points(content: Any) -> Any:
    return rows_of(content, "t", "v")


GLASSNODE = Provider(
    name="glassnode",
    url="https://api.glassnode.com",
    variable="GLASSNODE_API_KEY",
    pace_s=0.2,
    together=False,
    series={
        "exchange_net_flow": Limits(),
        "sopr": Limits(low=0.0),
        "active_addresses": Limits(low=0.0),
    },
    header=lambda key: {"x-api-key": key},
    fetch=_fetch,
)
