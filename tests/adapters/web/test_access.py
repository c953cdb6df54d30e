"""Access control over all routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.loopback import is_loopback
from tests.adapters.web.sockets import ACCEPTED, OWN, client, opened, with_a_page

TOKEN = "s3cret-of-the-engine"
MakeApp = Callable[..., FastAPI]
ENDLESS = "/api/stream"


def calls_of(app: Starlette, prefix: str = "") -> list[tuple[str, str]]:
    """Every (method, path), with "WS" for a websocket; a kind of route that is new is refused."""
    calls: list[tuple[str, str]] = []
    for route in app.routes:
        if isinstance(route, Mount):
            calls += [("GET", f"{prefix}{route.path}/"), ("WS", f"{prefix}{route.path}/any")]
            if isinstance(route.app, Starlette):
                calls += calls_of(route.app, prefix + route.path)
            continue
        assert isinstance(route, Route | WebSocketRoute), route
        path = prefix + re.sub(r"\{[^}]*\}", "BTCUSDT", route.path)
        methods = ["WS"] if isinstance(route, WebSocketRoute) else sorted(route.methods or ())
        calls += [(method, path) for method in methods]
    return calls


async def answers(
    app: FastAPI, headers: Mapping[Any, Any], *left_out: str
) -> tuple[dict[str, int], list[httpx.Response]]:
    """The status of every websocket by its path, and the answers to all other calls."""
    sockets, replies = {}, []
    async with client(app) as api:
        for method, path in calls_of(app):
            if path in left_out:
                continue
            if method == "WS":
                sockets[path], _ = await opened(app, path, headers)
            else:
                replies.append(await api.request(method, path, headers=dict(headers)))
    return sockets, replies


def test_every_route_is_tested(make_app: MakeApp) -> None:
    paths = {path for _, path in calls_of(with_a_page(make_app()))}
    assert {"/ws", "/", "/_ws/BTCUSDT", "/any"} <= paths
    assert {"/healthz", "/openapi.json", "/docs", ENDLESS, "/predict", "/api/models"} <= paths


WRONG = ("", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer \u00fc")


@pytest.mark.parametrize(
    "authorization", [None, *WRONG, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
async def test_only_healthz_works_without_the_token(
    make_app: MakeApp, authorization: str | None
) -> None:
    app = with_a_page(make_app(token=TOKEN))
    raw = None if authorization is None else authorization.encode("latin-1")
    headers = {} if raw is None else {b"Authorization": raw}
    sockets, replies = await answers(app, headers)
    assert set(sockets.values()) == {401}
    for reply in replies:
        if reply.request.url.path == "/healthz":
            assert reply.status_code == 503  # starting
            continue
        assert reply.status_code == 401, reply.request.url
        assert reply.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in reply.text
    async with client(app) as api:
        for path in ("/healthz/", "//healthz", "/healthz/../api/predictions", "/nothing"):
            assert (await api.get(path, headers=headers)).status_code == 401, path


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_the_token_opens_every_route(make_app: MakeApp, scheme: str) -> None:
    app = with_a_page(make_app(token=TOKEN))
    # The stream never ends: it is tested against a real server.
    sockets, replies = await answers(app, {"Authorization": f"{scheme} {TOKEN}"}, "/any", ENDLESS)
    assert set(sockets.values()) == {ACCEPTED}
    assert {reply.status_code for reply in replies} <= {200, 404, 405, 422, 503}


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"])
async def test_loopback_names_are_served(make_app: MakeApp, host: str) -> None:
    async with client(make_app()) as api:
        assert (await api.get("/api/predictions", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "127.0.0.1.evil.example", "localhost.", "", "[::1", "10.0.0.7"]
)
async def test_an_unknown_host_name_is_refused(make_app: MakeApp, host: str) -> None:
    sockets, replies = await answers(with_a_page(make_app()), {"Host": host})
    assert {*sockets.values(), *(reply.status_code for reply in replies)} == {400}
    message = f"host '{host}' is not served here: use one of 127.0.0.1, ::1, localhost"
    assert message in {reply.json()["detail"] for reply in replies if reply.content}


async def test_behind_a_token_on_another_address_any_name_is_served(make_app: MakeApp) -> None:
    app = make_app(host="0.0.0.0", token=TOKEN)
    async with client(app, "http://bot.example") as api:
        answer = await api.get("/api/predictions", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200


@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "bot.example"])
def test_another_address_without_a_token_is_refused(
    make_app: MakeApp, host: str, token: str | None
) -> None:
    assert not is_loopback(host)
    with pytest.raises(ConfigError, match=r"CRYPTO_BOT_API__TOKEN"):
        make_app(host=host, token=token)


@pytest.mark.parametrize(
    "origin",
    [
        *("http://127.0.0.1:9000", "http://localhost:8000", "https://evil.example", "null", ""),
        *("http://[::1", "http://127.0.0.1:8000.evil.example"),
    ],
)
async def test_requests_from_another_site_are_refused(make_app: MakeApp, origin: str) -> None:
    sockets, replies = await answers(with_a_page(make_app()), {"Origin": origin})
    assert {*sockets.values(), *(reply.status_code for reply in replies)} == {403}
    names = {name for reply in replies for name in reply.headers}
    assert not [name for name in names if name.startswith("access-control")]


@pytest.mark.parametrize("headers", [{}, {"Origin": OWN}])
async def test_our_own_page_and_programs_may_write_and_open_sockets(
    make_app: MakeApp, headers: dict[str, str]
) -> None:
    app = with_a_page(make_app())
    assert await opened(app, "/_ws/page", headers) == (ACCEPTED, "hello")
    async with client(app) as api:
        call = {"asset_symbol": "BTC", "timeframe": "15m"}
        answer = await api.post("/predict", json=call, headers=headers)
        assert answer.status_code == 404, "there is no signal yet: it was let through"


async def test_a_server_without_http_refusals_closes_the_websocket(make_app: MakeApp) -> None:
    app = with_a_page(make_app(token=TOKEN))
    assert await opened(app, "/ws", answers=False) == (1008, "")
