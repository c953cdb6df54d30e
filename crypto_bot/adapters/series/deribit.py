"""Deribit: the index of implied volatility of bitcoin (DVOL), in percent a year.

https://docs.deribit.com/api-reference/market-data/public-get_volatility_index_data. No key is
needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crypto_bot.adapters.series.cache import SOON_MS
from crypto_bot.adapters.series.provider import Limits, Provider, Rows
from crypto_bot.adapters.series.server import InputFailed, Server, Trouble
from crypto_bot.domain.instant import HOUR_MS

_PATH = "/api/v2/public/get_volatility_index_data"
_FIRST_S = 1_614_556_800
"""2021-03-01, when the index began."""
_MOST_PAGES = 200
_CLOSE = 4


def _fetch(
    server: Server, coin: str, names: Sequence[str], since_s: int, until_s: int
) -> dict[str, Rows]:
    """Read backwards, as the replies lead."""
    span = {"start_timestamp": max(since_s, _FIRST_S) * 1000, "end_timestamp": until_s * 1000}
    found: list[tuple[Any, Any]] = []
    for _ in range(_MOST_PAGES):
        rows, more = server.get(_PATH, _page, currency=coin, resolution="3600", **span)
        found += rows
        if more is None or more >= span["end_timestamp"]:
            break
        span["end_timestamp"] = more
    return dict.fromkeys(names, sorted(dict(found).items()))


def _page(content: Any) -> tuple[list[tuple[int, float]], int | None]:
    try:
        result = content["result"]
        rows = [(int(row[0]) // 1000, float(row[_CLOSE])) for row in result["data"]]
        more = result["continuation"]
        return rows, None if more is None else int(more)
    except (LookupError, OverflowError, TypeError, ValueError) as error:
        reason = "a reply without the rows that its documentation names"
        raise InputFailed(Trouble.REPLY, reason) from error


DERIBIT = Provider(
    name="deribit",
    url="https://www.deribit.com",
    variable="",
    pace_s=0.3,
    together=True,
    series={"btc_implied_volatility": Limits(low=1.0, high=1000.0)},
    header=lambda _: {},
    fetch=_fetch,
    step_ms=HOUR_MS,
    published_ms=SOON_MS,
    market="BTCUSDT",
)
