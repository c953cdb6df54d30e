"""Login in a browser: the token once in a form, then a cookie derived from it, and logout.

A page, its pictures and its websocket cannot send an Authorization header.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import sha256
from hmac import compare_digest, digest
from math import ceil
from urllib.parse import parse_qs, quote

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope

from crypto_bot.adapters.web.plain_page import cookies_of, plain_page
from crypto_bot.adapters.web.proxies import address_of_client, is_encrypted, prefix_of

LOGIN_PATH, LOGOUT_PATH = "/login", "/logout"
COOKIE = "crypto_bot_login"

_FREE_TRIES = 5
_LONGEST_WAIT_S = 300.0
_MOST_ADDRESSES = 4_096
_KEPT_S = 30 * 86_400
_LONGEST_FORM = 8_192
_UNCACHED = {"Cache-Control": "no-store"}
_log = structlog.get_logger(__name__)


class Login:
    """The form and the cookie for one `token`."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        # The token cannot be derived from the cookie; another token ends all logins.
        self._mark = digest(self._token, b"crypto_bot login 1", sha256).hex()
        self._waits: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def is_token(self, offered: bytes) -> bool:
        """Whether `offered` is the token; in constant time."""
        return compare_digest(offered, self._token)

    def holds(self, headers: Headers) -> bool:
        """Whether a request has the cookie of a login; in constant time."""
        offered = cookies_of(headers).get(COOKIE, "")
        return compare_digest(offered.encode("utf-8", "replace"), self._mark.encode())

    def form(self, headers: Headers, back: str, wrong: str = "", wait_s: int = 0) -> Response:
        """The form, which leads to the path `back`; with what was `wrong` before, and a pause."""
        more = {"Retry-After": str(wait_s)} if wait_s else {"WWW-Authenticate": "Bearer"}
        texts = {"message": wrong or "Please log in.", "back": _local(back)}
        status = 429 if wait_s else 401
        return plain_page("login.html", headers, status, more, is_wrong=bool(wrong), **texts)

    @staticmethod
    def home(headers: Headers) -> Response:
        """Where a login leads that there is already."""
        return RedirectResponse(f"{prefix_of(headers)}/", 303, _UNCACHED)

    @staticmethod
    def leave(headers: Headers) -> Response:
        """Ends the login of this browser."""
        answer = RedirectResponse(f"{prefix_of(headers)}{LOGIN_PATH}", 303, _UNCACHED)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def enter(self, scope: Scope, receive: Receive) -> Response:
        """The response to a submitted form: cookie and requested page, or the form again.

        An address that was wrong a few times waits before the next try, each time twice as long.
        """
        headers = Headers(scope=scope)
        client = address_of_client(scope, headers)
        now_s = asyncio.get_running_loop().time()
        failures, until_s = self._waits.get(client, (0, now_s))
        if now_s < until_s:
            pause_s = ceil(until_s - now_s)
            return self.form(headers, "/", f"Too many wrong tokens: wait {pause_s} s.", pause_s)
        fields = await _fields(Request(scope, receive))
        back = _local(fields.get("back", "/"))
        if not self.is_token(fields.get("token", "").strip().encode("utf-8", "replace")):
            failures += 1
            wait_s = min(_LONGEST_WAIT_S, 2.0 ** (failures - _FREE_TRIES))
            self._waits[client] = failures, now_s + wait_s if failures >= _FREE_TRIES else now_s
            self._waits.move_to_end(client)
            if len(self._waits) > _MOST_ADDRESSES:
                self._waits.popitem(last=False)
            _log.warning("login.refused", client=client, failures=failures)
            return self.form(headers, back, "This is not the token of this server.")
        self._waits.pop(client, None)
        answer = RedirectResponse(f"{prefix_of(headers)}{back}", 303, _UNCACHED)
        answer.set_cookie(
            COOKIE,
            self._mark,
            max_age=_KEPT_S,
            httponly=True,
            samesite="strict",
            secure=is_encrypted(scope, headers),
        )
        return answer


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form; none if it is too long or incomplete."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST_FORM:
                return {}
    except ClientDisconnect:
        return {}
    found = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in found.items()}


def _local(path: str) -> str:
    """`path` on this server; a prefix that names another host is removed."""
    return quote("/" + path.lstrip("/\\"), safe="/?&=%:,;+@!$*()~")
