"""Login in a browser: the token once in a form, then a cookie derived from it.

A page, its pictures and its websocket cannot send an Authorization header.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest, digest
from html import escape
from urllib.parse import parse_qs, quote

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

LOGIN_PATH = "/login"
COOKIE = "crypto_bot_login"

_KEPT_S = 30 * 86_400
_LONGEST_FORM = 8_192
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_FORM = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>crypto_bot</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root{{color-scheme:light dark}}body{{font:16px system-ui;max-width:22rem;margin:15vh auto;
padding:0 1rem}}input,button{{font:inherit;box-sizing:border-box;width:100%;padding:.6rem;
margin:.4rem 0}}</style></head><body><main><h1>crypto_bot</h1>
<form method="post" action="{action}"><p id="message" role="status">{message}</p>
<label for="token">Token of this server (CRYPTO_BOT_API__TOKEN)</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus
aria-describedby="message"><input name="back" type="hidden" value="{back}">
<button>Open</button></form></main></body></html>
"""

_log = structlog.get_logger(__name__)


class Login:
    """The form and the cookie for one `token`."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        # The token cannot be derived from the cookie; another token ends all logins.
        self._mark = digest(self._token, b"crypto_bot login 1", sha256).hex()

    def is_token(self, offered: bytes) -> bool:
        """Whether `offered` is the token; in constant time."""
        return compare_digest(offered, self._token)

    def holds(self, headers: Headers) -> bool:
        """Whether a request has the cookie of a login; in constant time."""
        cookies: dict[str, str] = {}
        for each in headers.getlist("cookie"):
            cookies |= cookie_parser(each)
        offered = cookies.get(COOKIE, "")
        return compare_digest(offered.encode("utf-8", "replace"), self._mark.encode())

    def form(self, back: str, message: str = "Please log in.") -> Response:
        """The form, which leads to the path `back`."""
        page = _FORM.format(action=LOGIN_PATH, message=escape(message), back=escape(_local(back)))
        return HTMLResponse(
            page,
            401,
            {
                "Cache-Control": "no-store",
                "Content-Security-Policy": _POLICY,
                "Referrer-Policy": "same-origin",
                "WWW-Authenticate": "Bearer",
            },
        )

    async def enter(self, scope: Scope, receive: Receive) -> Response:
        """The response to a submitted form: cookie and requested page, or the form again."""
        fields = await _fields(Request(scope, receive))
        back = _local(fields.get("back", "/"))
        if not self.is_token(fields.get("token", "").strip().encode("utf-8", "replace")):
            client = scope.get("client") or ("", 0)
            _log.warning("login.refused", client=client[0])
            return self.form(back, "This is not the token of this server.")
        answer = RedirectResponse(back, 303, {"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE,
            self._mark,
            max_age=_KEPT_S,
            httponly=True,
            samesite="strict",
            secure=scope["scheme"] == "https",
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
