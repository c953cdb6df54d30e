"""Access control: the token, and protection against requests from other web sites."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from crypto_bot.adapters.web.login import LOGIN_PATH, LOGOUT_PATH, Login
from crypto_bot.adapters.web.plain_page import wants_page
from crypto_bot.domain.loopback import is_loopback

_OPEN_PATH = "/healthz"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_POLICY_VIOLATION = 1008
"""RFC 6455, 7.4.1."""


class AccessGuard:
    """Refuses requests before any route handles them, including mounted pages and websockets.

    On a loopback address the Host header must be a loopback name or one of `hosts`: a page of
    another site whose name was made to point here (DNS rebinding) is refused. What a browser was
    made to ask by a page of another site is refused by its Origin, reading too, unless it is one of
    `origins`: the sockets of a mounted page may allow every site to. With a token every call but
    `/healthz` must bear it, or the cookie of a browser that showed it in the form at `/login`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        token: str | None,
        hosts: Sequence[str] = (),
        origins: Sequence[str] = (),
    ) -> None:
        self._app = app
        served = {host.lower(), *(each.lower() for each in hosts)}
        self._hosts = _LOOPBACK_NAMES | served if hosts or is_loopback(host) else None
        self._origins = {each.lower().rstrip("/") for each in origins}
        self._login = None if token is None else Login(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = self._foreign(headers)
        if answer is None and self._login is not None:
            answer = await self._entry(scope, receive, headers, self._login)
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket" and not _can_answer(scope):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
        else:
            await answer(scope, receive, send)

    def _foreign(self, headers: Headers) -> Response | None:
        """The refusal of a request from another web site."""
        host = headers.get("host", "")
        if self._hosts is not None and _site(f"//{host}").hostname not in self._hosts:
            names = ", ".join(sorted(self._hosts))
            return _problem(400, f"host '{host}' is not served here: use one of {names}")
        origin = headers.get("origin")
        if origin is None or origin.lower() in self._origins:
            return None
        if _site(origin).netloc.lower() != host.lower():
            return _problem(403, f"requests from the web site '{origin}' are refused")
        return None

    @staticmethod
    async def _entry(
        scope: Scope, receive: Receive, headers: Headers, login: Login
    ) -> Response | None:
        """The refusal of a request without the token, or the response to a login."""
        if scope["type"] == "http" and scope["path"] == _OPEN_PATH:
            return None
        asked = (scope["method"], scope["path"]) if scope["type"] == "http" else ("", "")
        if asked == ("POST", LOGIN_PATH):
            return await login.enter(scope, receive)
        if _bears(headers, login):
            return None
        if login.holds(headers):
            return _logged_in(asked, headers, login)
        if wants_page(scope, headers):
            return login.form(headers, _address(scope))
        return _problem(
            401,
            "this call needs the header 'Authorization: Bearer <token>' with the server's token",
            {"WWW-Authenticate": "Bearer"},
        )


def _logged_in(asked: tuple[str, str], headers: Headers, login: Login) -> Response | None:
    """The response to a browser with the cookie, by method and path; None lets it in."""
    if asked[0] not in _READING and "origin" not in headers:
        return _problem(403, "a write request with a cookie needs an Origin header")
    if asked == ("POST", LOGOUT_PATH):
        return login.leave(headers)
    return login.home(headers) if asked == ("GET", LOGIN_PATH) else None


def _bears(headers: Headers, login: Login) -> bool:
    scheme, _, offered = headers.get("authorization", "").partition(" ")
    return login.is_token(offered.strip().encode("latin-1")) and scheme.lower() == "bearer"


def _address(scope: Scope) -> str:
    """Path and query of the address."""
    if scope["path"] == LOGIN_PATH:
        return "/"
    query = scope["query_string"].decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _can_answer(scope: Scope) -> bool:
    """Whether the server can refuse a websocket with an HTTP response."""
    return "websocket.http.response" in scope.get("extensions", {})


def _site(url: str) -> SplitResult:
    """The parts of `url`; none of one that cannot be, such as with unbalanced brackets."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)
