"""An application without a server: its clients, a page mounted on it, its websockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

ACCEPTED = 101
OWN = "http://127.0.0.1:8000"


def client(
    app: FastAPI, base_url: str = OWN, headers: Mapping[str, str] | None = None
) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)


def with_a_page(app: FastAPI) -> FastAPI:
    """As a page is added: behind the routes of the API, with a socket that accepts anybody."""

    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("the page")

    page = Starlette(routes=[Route("/", hello), WebSocketRoute("/_ws/{name}", echo)])
    app.add_api_websocket_route("/ws", echo)
    app.mount("/", page)
    return app


async def opened(
    app: FastAPI, path: str, headers: Mapping[Any, Any] | None = None, *, answers: bool = True
) -> tuple[int, str]:
    """(status, the text that was sent back for "hello"): 101, or that with which it was refused.

    A server that cannot refuse with an HTTP response (`answers`) gets a close code.
    """
    sent_headers = {"Host": "127.0.0.1:8000", **(headers or {})}
    raw = [(_bytes(name).lower(), _bytes(value)) for name, value in sent_headers.items()]
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": raw,
        "extensions": {"websocket.http.response": {}} if answers else {},
    }
    coming: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hello"},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0) if coming else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    first = sent[0]
    if first["type"] == "websocket.accept":
        return ACCEPTED, next(each["text"] for each in sent if each["type"] == "websocket.send")
    return first.get("status") or first["code"], ""


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
