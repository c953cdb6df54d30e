"""A provider's HTTP server: its pace, its pauses, and its replies as JSON."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Any, NoReturn, Protocol

import httpx

from crypto_bot.domain.errors import MarketDataError
from crypto_bot.domain.retry_after import retry_after_ms

LONGEST_WAIT_S = 60.0
"""A longer pause ends the round instead: the next one asks again."""
_TRIES = 3
_MOST_BYTES = 2**25
_UNKNOWN = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
_PLAN = {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN}
_BANNED = 418  # Binance's, to those that go on after 429
_PAUSE = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, _BANNED}


class Trouble(StrEnum):
    """Kinds of what can be wrong with an input."""

    NO_KEY = "no key"
    KEY = "the key is refused"
    PLAN = "not in the plan of the key"
    LIMIT = "too many requests"
    DOWN = "no reply"
    REPLY = "a reply that cannot be read"
    COIN = "a coin that it does not have"
    VALUES = "values that cannot be"
    DISK = "the disk refuses"


class InputFailed(MarketDataError):
    """A provider gave nothing usable, and why. Its key is never in the message."""

    def __init__(self, kind: Trouble, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.kind = kind
        self.retry_after_s = retry_after_s


class Clock(Protocol):
    """What the machine's clock shows."""

    def now_ms(self) -> int:
        """UTC milliseconds."""

    def seconds(self) -> float:
        """Seconds since some instant."""


class Waiting(Protocol):
    """How long to wait for what, and who waits.

    `timeout_s` holds for a whole reply. `wait(seconds)` returns whether it is asked to stop.
    """

    @property
    def timeout_s(self) -> float: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def wait(self) -> Callable[[float], bool]: ...


class Server:
    """Requests to `url` with `headers`, at most one in `pace_s` seconds; from one thread.

    `secret`, the key, is taken out of every message.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], secret: str, pace_s: float, waiting: Waiting
    ) -> None:
        self._client = httpx.Client(
            base_url=url, headers=dict(headers), timeout=waiting.timeout_s, verify=_trusted()
        )
        self._host = self._client.base_url.host
        self._secret = secret
        self._pace_s = pace_s
        self._waiting = waiting
        self._next_s = 0.0

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def get(self, path: str, read: Callable[[Any], Any], **query: str | int) -> Any:
        """What `read` makes of the JSON reply to a request.

        `read` raises InputFailed for a reply that says so. After one of too many requests the
        pause that it demands is kept, and the request repeated. Raises InputFailed.
        """
        for left in reversed(range(_TRIES)):
            self._keep_pace()
            try:
                return read(self._content(*self._reply(path, query)))
            except InputFailed as failed:
                limited = failed.kind is Trouble.LIMIT
                if limited:
                    self._next_s = self._waiting.clock.seconds() + failed.retry_after_s
                if not (limited and left):
                    raise InputFailed(failed.kind, self._shown(str(failed))) from None
        raise AssertionError

    def _keep_pace(self) -> None:
        left_s = self._next_s - self._waiting.clock.seconds()
        if left_s > LONGEST_WAIT_S:
            self._fail(Trouble.LIMIT, f"{self._host} asks for a pause of {left_s:.0f} s more")
        if left_s > 0.0 and self._waiting.wait(left_s):
            self._fail(Trouble.DOWN, "the program is ending")
        self._next_s = self._waiting.clock.seconds() + self._pace_s

    def _reply(
        self, path: str, query: Mapping[str, str | int]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; a reply that comes in drops is cut off in time."""
        clock, timeout_s = self._waiting.clock, self._waiting.timeout_s
        end_s, body = clock.seconds() + timeout_s, bytearray()
        try:
            with self._client.stream("GET", path, params=dict(query)) as reply:
                for part in reply.iter_bytes():
                    body += part
                    if clock.seconds() > end_s:
                        raise httpx.ReadTimeout("the whole reply")
                    if len(body) > _MOST_BYTES:
                        self._fail(Trouble.REPLY, f"{self._host} sends more than {_MOST_BYTES} B")
                return reply.status_code, reply.headers, bytes(body)
        except httpx.TimeoutException as error:
            raise InputFailed(
                Trouble.DOWN, f"{self._host} gave no reply within {timeout_s:g} s"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = self._shown(str(error) or type(error).__name__)
            raise InputFailed(Trouble.DOWN, f"{self._host} is not reached: {reason}") from error

    def _content(self, status: int, headers: Mapping[str, str], body: bytes) -> Any:
        said = f"{self._host} answers {status}"
        if status in _PAUSE:
            self._fail(Trouble.LIMIT, f"{said}: {_brief(body)}", self._pause_s(headers))
        if status == HTTPStatus.UNAUTHORIZED:
            self._fail(Trouble.KEY, f"{said}: {_brief(body)}")
        if status in _PLAN:
            self._fail(Trouble.PLAN, f"{said}: {_brief(body)}")
        if status in _UNKNOWN:
            self._fail(Trouble.COIN, f"{said}: {_brief(body)}")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._fail(Trouble.DOWN, f"{said}: {_brief(body)}")
        try:
            if status != HTTPStatus.OK or not body:
                raise ValueError(status)  # noqa: TRY301 - as an unreadable one
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            shown = self._shown(f"{said} without JSON: {_brief(body) or 'an empty reply'}")
            raise InputFailed(Trouble.REPLY, shown) from error

    def _pause_s(self, headers: Mapping[str, str]) -> float:
        """As the reply demands; Glassnode says it in a header of its own, in seconds."""
        reset = headers.get("x-rate-limit-reset", "")
        own = {"retry-after": reset} if reset and "retry-after" not in headers else headers
        return retry_after_ms(own, self._waiting.clock.now_ms()) / 1000.0

    def _fail(self, kind: Trouble, reason: str, retry_after_s: float = 0.0) -> NoReturn:
        raise InputFailed(kind, self._shown(reason), retry_after_s)

    def _shown(self, text: str) -> str:
        return text.replace(self._secret, "…") if self._secret else text


@cache
def _trusted() -> ssl.SSLContext:
    """The usual certificates; reading them takes as long as a request."""
    return httpx.create_ssl_context()


def _brief(body: bytes) -> str:
    """The beginning of a reply on one line, without markup."""
    return " ".join(body[:200].decode("utf-8", "replace").split())[:120]
