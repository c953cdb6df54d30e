"""Who may call: the token, and what keeps other web sites out of a server on this machine."""

from __future__ import annotations

from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from crypto_bot.domain.loopback import is_loopback

_OPEN_PATH = "/healthz"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class AccessGuard:
    """Refuses calls before any route sees them, those of mounted pages and websockets included.

    On a loopback address the Host header must be a loopback name: a page of another site whose name
    was made to point here (DNS rebinding) is refused. A browser's cross-origin write or websocket
    is refused by its Origin. With a token every call but `/healthz` must bear it.
    """

    def __init__(self, app: ASGIApp, *, host: str, token: str | None) -> None:
        self._app = app
        self._hosts = _LOOPBACK_NAMES | {host.lower()} if is_loopback(host) else None
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        await (self._app if refusal is None else refusal)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if self._hosts is not None and _hostname(host) not in self._hosts:
            names = ", ".join(sorted(self._hosts))
            return _problem(400, f"host '{host}' is not served here: use one of {names}")
        origin = headers.get("origin")
        writes = scope["type"] == "websocket" or scope["method"] not in _READING
        if writes and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return _problem(403, f"calls from the web site '{origin}' are refused")
        if self._token is not None and scope["path"] != _OPEN_PATH:
            return self._unauthorised(headers.get("authorization", ""), self._token)
        return None

    @staticmethod
    def _unauthorised(authorization: str, token: str) -> JSONResponse | None:
        scheme, _, offered = authorization.partition(" ")
        same = compare_digest(offered.strip().encode("latin-1"), token.encode())
        if same and scheme.lower() == "bearer":
            return None
        return _problem(
            401,
            "this call needs the header 'Authorization: Bearer <token>' with the server's token",
            {"WWW-Authenticate": "Bearer"},
        )


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)
