"""Binance's perpetual contracts: settled funding rates, and their premium over the index price.

https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api. The
index is a mean of spot prices; no key is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crypto_bot.adapters.series.cache import SOON_MS
from crypto_bot.adapters.series.provider import Limits, Provider, Rows, rows_of
from crypto_bot.adapters.series.server import InputFailed, Server, Trouble
from crypto_bot.domain.instant import HOUR_MS

_FIRST_MS = 1_567_900_800_000
"""2019-09-08, before which there was no contract; a start of 0 is refused in places."""
_RATES, _CANDLES = 1000, 1500
"""Rows that a reply holds at most; fewer do no harm."""
_CLOSE = 4


def _fetch(
    server: Server, coin: str, names: Sequence[str], since_s: int, until_s: int
) -> dict[str, Rows]:
    symbol, span_ms = f"{coin}USDT", (max(since_s * 1000, _FIRST_MS), until_s * 1000)
    found: dict[str, Rows] = {}
    if "funding" in names:
        found["funding"] = list(_funding(server, symbol, span_ms))
    if "premium_1h" in names:
        contract = dict(_closes(server, "/fapi/v1/klines", span_ms, symbol=symbol))
        index = dict(_closes(server, "/fapi/v1/indexPriceKlines", span_ms, pair=symbol))
        both = sorted(contract.keys() & index.keys())
        found["premium_1h"] = [(at // 1000, contract[at] / index[at] - 1.0) for at in both]
    return found


def _funding(server: Server, symbol: str, span_ms: tuple[int, int]) -> Iterator[tuple[Any, Any]]:
    """Each rate as that of the hour at whose end it is settled; stamps are some ms off."""
    since_ms, until_ms = span_ms
    # A settlement at the end of the first hour that is asked for is part of it.
    while since_ms <= until_ms:
        rows = server.get(
            "/fapi/v1/fundingRate", _rates, symbol=symbol, startTime=since_ms, limit=_RATES
        )
        for due_ms, rate in rows:
            yield due_ms // HOUR_MS * 3600 - 3600, rate
        if not rows:
            return
        since_ms = max(since_ms, rows[-1][0]) + 1


def _closes(
    server: Server, path: str, span_ms: tuple[int, int], **of: str
) -> Iterator[tuple[int, float]]:
    """Open time and close of each hour that begins in `span_ms`."""
    since_ms, until_ms = span_ms
    while since_ms <= until_ms:
        rows = server.get(path, _candles, interval="1h", startTime=since_ms, limit=_CANDLES, **of)
        yield from rows
        if not rows:
            return
        since_ms = max(since_ms, rows[-1][0]) + HOUR_MS


def _rates(content: Any) -> list[tuple[int, float]]:
    rows = rows_of(content, "fundingTime", "fundingRate")
    return [_numbers(at, rate) for at, rate in rows]


def _candles(content: Any) -> list[tuple[int, float]]:
    if not isinstance(content, list) or not all(isinstance(row, list) for row in content):
        raise InputFailed(Trouble.REPLY, "a reply without the rows that its documentation names")
    found = [
        _numbers(*(row[0], row[_CLOSE]) if len(row) > _CLOSE else (None, None)) for row in content
    ]
    if any(close <= 0.0 for _, close in found):
        raise InputFailed(Trouble.REPLY, "a reply with a price that is not above zero")
    return found


def _numbers(at: Any, value: Any) -> tuple[int, float]:
    try:
        return int(at), float(value)
    except (OverflowError, TypeError, ValueError) as error:
        raise InputFailed(Trouble.REPLY, f"{at!r:.20}, {value!r:.20} are no numbers") from error


BINANCE_FUTURES = Provider(
    name="binance_futures",
    url="https://fapi.binance.com",
    variable="",
    pace_s=0.3,  # candles have a weight of 10, of which 2400 are allowed a minute
    together=False,
    series={"funding": Limits(-0.1, 0.1), "premium_1h": Limits(-0.5, 0.5)},
    header=lambda _: {},
    fetch=_fetch,
    step_ms=HOUR_MS,
    published_ms=SOON_MS,
)
