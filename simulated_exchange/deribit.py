"""Deribit's index of implied volatility, made up, as its public REST sends it.

Source: https://docs.deribit.com/api-reference/market-data/public-get_volatility_index_data.
"""

from __future__ import annotations

from math import pi, sin

from simulated_exchange import query as asked
from simulated_exchange.query import Query, Refused
from simulated_exchange.rest import Reply

VOLATILITY_INDEX = "/api/v2/public/get_volatility_index_data"
_RESOLUTIONS_MS = {"60": 60_000, "3600": 3_600_000, "43200": 43_200_000, "1D": 86_400_000}
_LEVELS = {"BTC": 48.0, "ETH": 63.0}
_WAVES = ((6.0, 31.0), (12.0, 220.0), (2.0, 7.0))
"""Points of the index, and hours of a cycle."""
_MOST = 1000
_HOUR_MS = 3_600_000


def implied_volatility(currency: str, at_ms: int) -> float:
    """The index of BTC or ETH at `at_ms`, in percent a year."""
    waves = (size * sin(2.0 * pi * at_ms / (hours * _HOUR_MS)) for size, hours in _WAVES)
    return round(_LEVELS[currency] + sum(waves), 2)


def reply(path: str, query: Query, now_ms: int) -> Reply | None:
    """The answer to `GET path?query` at `now_ms`; None where there is no such endpoint.

    A thousand candles at most, the newest of those asked for, and the open one among them.
    """
    if path != VOLATILITY_INDEX:
        return None
    try:
        currency, name = asked.required(query, "currency"), asked.required(query, "resolution")
        since_ms = asked.whole(query, "start_timestamp", 0)
        until_ms = min(now_ms, asked.whole(query, "end_timestamp", now_ms))
    except Refused:
        return _refused("Invalid params")
    step_ms = _RESOLUTIONS_MS.get(name)
    if step_ms is None or currency not in _LEVELS:
        return _refused("Invalid params")
    first, last = -(-since_ms // step_ms), until_ms // step_ms
    kept = range(max(first, last - _MOST + 1), last + 1)
    rows = [_candle(currency, at * step_ms, step_ms, now_ms) for at in kept]
    more = (kept.start - 1) * step_ms if kept.start > first else None
    return Reply(200, {"jsonrpc": "2.0", "result": {"data": rows, "continuation": more}})


def _candle(currency: str, open_ms: int, step_ms: int, now_ms: int) -> list[object]:
    ends = [implied_volatility(currency, at) for at in (open_ms, min(open_ms + step_ms, now_ms))]
    return [open_ms, ends[0], max(ends), min(ends), ends[1]]


def _refused(message: str) -> Reply:
    return Reply(400, {"jsonrpc": "2.0", "error": {"code": -32602, "message": message}})
