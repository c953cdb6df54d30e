"""Faults between an exchange and its clients, on demand. The market itself is unaffected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from enum import Enum, StrEnum
from http import HTTPStatus
from typing import NamedTuple

import numpy as np

from simulated_exchange.query import Json
from simulated_exchange.rest import Reply

_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class FaultKind(StrEnum):
    """Ways to spoil a reply; those of `ROW_KINDS` need a list of candles or of tickers."""

    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    TRUNCATED = "truncated"
    HTML = "html"
    HTML_503 = "html_503"
    EMPTY = "empty"
    DUPLICATED = "duplicated"
    DISORDERED = "disordered"
    MISSING = "missing"
    NAN = "nan"


ROW_KINDS = (FaultKind.DUPLICATED, FaultKind.DISORDERED, FaultKind.MISSING, FaultKind.NAN)


class Delivery(Enum):
    """How a reply is sent: whole, held back beyond any timeout, or cut off."""

    WHOLE = "whole"
    HELD = "held"
    DROPPED = "dropped"


class Wire(NamedTuple):
    """A reply as it is sent. `retry_after_s` is in simulated seconds."""

    status: int
    body: bytes
    media_type: str = "application/json;charset=UTF-8"
    retry_after_s: int | None = None
    delivery: Delivery = Delivery.WHOLE


def encoded(reply: Reply) -> Wire:
    """`reply` as Binance sends it."""
    return Wire(reply.status, json.dumps(reply.body, separators=(",", ":")).encode())


def page(status: HTTPStatus) -> Wire:
    """A page of a proxy in front of an exchange."""
    title = f"{status.value} {status.phrase}"
    return Wire(status.value, _HTML.format(title).encode(), "text/html")


class Faults:
    """Draws faults by a seed: for one order of requests always the same.

    Each kind strikes by itself at its own rate. Of several that replace the whole reply one is
    taken; those of single candles add up.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._random = np.random.default_rng(seed)
        self.rates = dict.fromkeys(FaultKind, rate)
        self.injected: Counter[str] = Counter()
        self._out_until_ms = 0

    def set_rate(self, rate: float, kinds: Iterable[FaultKind]) -> None:
        """From now on each of `kinds` strikes at `rate` (0..1); the others keep theirs."""
        self.rates.update(dict.fromkeys(kinds, rate))

    def begin_outage(self, until_ms: int) -> None:
        """No request is answered before `until_ms`."""
        self._out_until_ms = until_ms

    def outage(self, now_ms: int) -> Wire | None:
        """The reply during an outage: 503 or a closed connection, half of each."""
        if now_ms >= self._out_until_ms:
            return None
        self.injected["outage"] += 1
        wire = page(HTTPStatus.SERVICE_UNAVAILABLE)
        return wire if self._chance(0.5) else wire._replace(delivery=Delivery.DROPPED)

    def spoil(self, reply: Reply, now_ms: int) -> Wire:
        """`reply` on the wire, with the faults that struck it."""
        struck = [kind for kind in FaultKind if self._chance(self.rates[kind])]
        whole = [kind for kind in struck if kind not in ROW_KINDS]
        if whole:
            kind = whole[int(self._random.integers(len(whole)))]
            self.injected[kind] += 1
            return self._limited(kind, now_ms) or self._replaced(kind, encoded(reply))
        if reply.status == HTTPStatus.OK and isinstance(reply.body, list):
            reply = Reply(reply.status, self._spoilt_rows(reply.body, struck))
        return encoded(reply)

    def _chance(self, rate: float) -> bool:
        return bool(self._random.random() < rate)

    def _limited(self, kind: FaultKind, now_ms: int) -> Wire | None:
        if kind is FaultKind.RATE_LIMITED:
            status, message = 429, _TOO_MANY
            pause_s = int(self._random.integers(5, 31))
        elif kind is FaultKind.BANNED:
            pause_s = int(self._random.integers(60, 121))
            status, message = 418, _BANNED.format(now_ms + pause_s * 1000)
        else:
            return None
        wire = encoded(Reply(status, {"code": -1003, "msg": message}))
        return wire._replace(retry_after_s=pause_s)

    def _replaced(self, kind: FaultKind, sound: Wire) -> Wire:
        match kind:
            case FaultKind.SERVER_ERROR:
                error = "An unknown error occurred while processing the request."
                return encoded(Reply(500, {"code": -1000, "msg": error}))
            case FaultKind.TIMEOUT:
                return sound._replace(delivery=Delivery.HELD)
            case FaultKind.TRUNCATED:
                return sound._replace(body=sound.body[: (len(sound.body) + 1) // 2])
            case FaultKind.HTML | FaultKind.HTML_503:
                broken = kind is FaultKind.HTML_503
                return page(HTTPStatus.SERVICE_UNAVAILABLE if broken else HTTPStatus.OK)
            case _:
                nothing = sound.body.startswith(b"[") and self._chance(0.5)
                return sound._replace(body=b"[]" if nothing else b"")

    def _spoilt_rows(self, rows: list[object], struck: Iterable[FaultKind]) -> Json:
        rows = list(rows)
        for kind in struck:
            least = 2 if kind is FaultKind.DISORDERED else 1
            if len(rows) < least:
                continue
            self.injected[kind] += 1
            at = int(self._random.integers(len(rows)))
            if kind is FaultKind.DUPLICATED:
                rows.insert(at, rows[at])
            elif kind is FaultKind.DISORDERED:
                other = (at + int(self._random.integers(1, len(rows)))) % len(rows)
                rows[at], rows[other] = rows[other], rows[at]
            elif kind is FaultKind.MISSING:
                del rows[at]
            else:
                rows[at] = self._with_nan(rows[at])
        return rows

    def _with_nan(self, row: object) -> object:
        """A candle or a ticker with one of its numbers lost."""
        if isinstance(row, dict):
            prices = [name for name in row if name.lower().endswith("price")]
            return {**row, prices[int(self._random.integers(len(prices)))]: "NaN"}
        assert isinstance(row, list)
        column = int(self._random.integers(1, 6))
        return [*row[:column], "NaN", *row[column + 1 :]]


_TOO_MANY = (
    "Too many requests; current limit of IP(127.0.0.1) is 6000 requests per minute. Please use "
    "WebSocket Streams for live updates to avoid polling the API."
)
_BANNED = (
    "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live "
    "updates to avoid bans."
)
