"""What an exchange says wrongly as long as it is asked to: faults that no retry cures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from http import HTTPStatus

from simulated_exchange.intervals import INTERVALS
from simulated_exchange.query import Json, Query
from simulated_exchange.rest import Reply

_OPEN_MS, _VOLUME = 0, 5
_PRICES = slice(1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """The faults of the moment; none by default.

    `status` and `unlisted` concern the list of symbols. `rows` are `{"symbol", "open_ms", "column",
    "value"}`: one value of a candle, whatever its interval. `provisional_ms`: for so long after its
    close a candle has half of its volume. `stamp_factor` multiplies the times of candles, the
    `price_factors` the prices of a coin. `oldest_ms`: an earlier `startTime` is refused. Of the
    clock of `/time`, `time_offset_ms` is added and the sum multiplied by `time_factor`.
    """

    status: Mapping[str, str] = field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    rows: tuple[Mapping[str, object], ...] = ()
    provisional_ms: int = 0
    stamp_factor: float = 1
    price_factors: Mapping[str, float] = field(default_factory=dict)
    oldest_ms: int = 0
    time_offset_ms: int = 0
    time_factor: float = 1

    @classmethod
    def of(cls, wanted: Mapping[str, object]) -> Quirks:
        """From JSON. Raises ValueError for a name that is none of the above."""
        unknown = set(wanted) - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"no quirks {', '.join(sorted(unknown))}")
        return cls(**wanted)  # type: ignore[arg-type]  # JSON of a test

    def applied(self, path: str, query: Query, reply: Reply, now_ms: int) -> Reply:
        """`reply` as these quirks have it."""
        change = _CHANGES.get(path.rpartition("/")[2])
        if change is None or reply.status != HTTPStatus.OK:
            return reply
        return change(self, query, reply, now_ms)


def _time(quirks: Quirks, _query: Query, _reply: Reply, now_ms: int) -> Reply:
    return Reply(200, {"serverTime": int((now_ms + quirks.time_offset_ms) * quirks.time_factor)})


def _listed(quirks: Quirks, _query: Query, reply: Reply, _now_ms: int) -> Reply:
    assert isinstance(reply.body, dict)
    entries = reply.body["symbols"]
    assert isinstance(entries, list)
    kept = [
        {**entry, "status": quirks.status.get(entry["symbol"], entry["status"])}
        for entry in entries
        if entry["symbol"] not in quirks.unlisted
    ]
    return Reply(200, {**reply.body, "symbols": kept})


def _klines(quirks: Quirks, query: Query, reply: Reply, now_ms: int) -> Reply:
    symbol = query["symbol"]
    if symbol in quirks.unlisted:
        return Reply(400, {"code": -1121, "msg": "Invalid symbol."})
    if int(query.get("startTime", now_ms)) < quirks.oldest_ms:
        return Reply(400, {"code": -1100, "msg": "Illegal parameter 'startTime': too long ago."})
    assert isinstance(reply.body, list)
    step_ms = INTERVALS[query["interval"]]
    rows = [list(row) for row in reply.body if isinstance(row, list)]
    for row in rows:
        _spoil(quirks, symbol, row, int(row[_OPEN_MS]) + step_ms, now_ms)
    return Reply(200, [*rows])


def _spoil(quirks: Quirks, symbol: str, row: list[object], close_ms: int, now_ms: int) -> None:
    if close_ms <= now_ms < close_ms + quirks.provisional_ms:
        row[_VOLUME] = f"{float(str(row[_VOLUME])) / 2:.8f}"
    factor = quirks.price_factors.get(symbol, 1.0)
    if factor != 1.0:
        row[_PRICES] = [f"{float(str(price)) * factor:.8f}" for price in row[_PRICES]]
    for each in quirks.rows:
        if each["symbol"] == symbol and each["open_ms"] == row[_OPEN_MS]:
            row[int(str(each["column"]))] = each["value"]
    if quirks.stamp_factor != 1:
        row[_OPEN_MS] = int(int(str(row[_OPEN_MS])) * quirks.stamp_factor)


def _tickers(quirks: Quirks, _query: Query, reply: Reply, _now_ms: int) -> Reply:
    def changed(row: object) -> object:
        assert isinstance(row, dict)
        factor = quirks.price_factors.get(str(row["symbol"]), 1.0)
        return {
            name: f"{float(value) * factor:.8f}" if name.lower().endswith("price") else value
            for name, value in row.items()
        }

    body: Json = reply.body
    if isinstance(body, dict):
        return Reply(200, changed(body))  # type: ignore[arg-type]  # a dict gives a dict
    return Reply(200, [changed(row) for row in body if _is_listed(quirks, row)])


def _is_listed(quirks: Quirks, row: object) -> bool:
    return isinstance(row, dict) and row["symbol"] not in quirks.unlisted


_Change = Callable[[Quirks, Query, Reply, int], Reply]
_CHANGES: dict[str, _Change] = {
    "time": _time,
    "exchangeInfo": _listed,
    "klines": _klines,
    "24hr": _tickers,
    "price": _tickers,
    "bookTicker": _tickers,
}
