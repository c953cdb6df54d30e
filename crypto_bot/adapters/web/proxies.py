"""What a proxy in front of this server says of a request: where it is shown, and who asks."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from crypto_bot.domain.loopback import is_loopback

SOUND_PREFIX = r"^((/[A-Za-z0-9._~-]+)+)?$"
_SOUND = re.compile(SOUND_PREFIX)
_HEADER = b"x-forwarded-prefix"


class Prefixed:
    """Settles the prefix of every request: `root_path` where it is set, else X-Forwarded-Prefix.

    Whatever is inside reads it with `prefix_of`, as NiceGUI does, from the header; one that is no
    path is taken away. Both kinds of proxy work: those that pass the whole path on and those that
    leave the prefix out.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope = self._settled(scope)
        await self._app(scope, receive, send)

    def _settled(self, scope: Scope) -> Scope:
        offered = self._root_path or prefix_of(Headers(scope=scope)).rstrip("/")
        prefix = offered if _SOUND.match(offered) else ""
        others = [each for each in scope["headers"] if each[0].lower() != _HEADER]
        given = [(_HEADER, prefix.encode())] if prefix else []
        settled = {**scope, "headers": [*others, *given]}
        if prefix and f"{scope['path']}/".startswith(f"{prefix}/"):
            settled["path"] = scope["path"][len(prefix) :] or "/"
            settled["raw_path"] = settled["path"].encode()
        return settled


def prefix_of(headers: Headers) -> str:
    """The path under which the page is shown, such as `/bot`; empty for none."""
    return headers.get("x-forwarded-prefix", "")


def is_encrypted(scope: Scope, headers: Headers) -> bool:
    """Whether the browser speaks TLS, to this server or to the proxy."""
    return scope["scheme"] == "https" or headers.get("x-forwarded-proto", "").lower() == "https"


def address_of_client(scope: Scope, headers: Headers) -> str:
    """Who asks: of a proxy on this machine the one whom it names last, who cannot be invented."""
    address = str((scope.get("client") or ("", 0))[0])
    forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded if forwarded and is_loopback(address) else address
