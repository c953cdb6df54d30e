"""Access control over all routes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.loopback import is_loopback
from tests.adapters.web.sockets import ACCEPTED, OWN, client, opened, with_a_page

TOKEN = "s3cret-of-the-engine"
MakeApp = Callable[..., FastAPI]


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


def test_every_route_is_tested(make_app: MakeApp) -> None:
    paths = {path for _, path in calls_of(with_a_page(make_app()))}
    assert {"/ws", "/", "/_ws/BTCUSDT", "/any"} <= paths
    assert {"/healthz", "/openapi.json", "/docs", "/api/stream", "/predict", "/api/models"} <= paths


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \u00fc",
    ],
)
async def test_only_healthz_works_without_the_token(
    make_app: MakeApp, authorization: str | None
) -> None:
    app = with_a_page(make_app(token=TOKEN))
    raw = None if authorization is None else authorization.encode("latin-1")
    headers = {} if raw is None else {b"Authorization": raw}
    async with client(app) as api:
        for method, path in calls_of(app):
            if method == "WS":
                assert await opened(app, path, headers) == (401, ""), path
                continue
            answer = await api.request(method, path, headers=headers)
            if path == "/healthz":
                assert answer.status_code == 503  # starting
                continue
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert TOKEN not in answer.text
        for path in ("/healthz/", "//healthz", "/healthz/../api/predictions", "/nothing"):
            assert (await api.get(path, headers=headers)).status_code == 401, path


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_the_token_opens_every_route(make_app: MakeApp, scheme: str) -> None:
    app = with_a_page(make_app(token=TOKEN))
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    async with client(app) as api:
        for method, path in calls_of(app):
            if method == "WS":
                if path != "/any":
                    assert await opened(app, path, headers) == (ACCEPTED, "hello")
                continue
            if path == "/api/stream":
                continue  # never ends: tested against a real server
            answer = await api.request(method, path, headers=headers)
            assert answer.status_code in {200, 404, 405, 422, 503}, (method, path)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"])
async def test_loopback_names_are_served(make_app: MakeApp, host: str) -> None:
    async with client(make_app()) as api:
        assert (await api.get("/api/predictions", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "127.0.0.1.evil.example", "localhost.", "", "[::1", "10.0.0.7"]
)
async def test_an_unknown_host_name_is_refused(make_app: MakeApp, host: str) -> None:
    app = with_a_page(make_app())
    async with client(app) as api:
        for method, path in calls_of(app):
            if method == "WS":
                assert await opened(app, path, {"Host": host}) == (400, ""), path
                continue
            answer = await api.request(method, path, headers={"Host": host})
            assert answer.status_code == 400, (method, path)
        answer = await api.get("/api/signals", headers={"Host": host})
    assert answer.json()["detail"] == (
        f"host '{host}' is not served here: use one of 127.0.0.1, ::1, localhost"
    )


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
    with pytest.raises(ConfigError, match=r"CRYPTO_BOT_API__TOKEN"):
        make_app(host=host, token=token)


FOREIGN = ("http://127.0.0.1:9000", "http://localhost:8000", "https://evil.example", "null", "")


@pytest.mark.parametrize("origin", [*FOREIGN, "http://[::1", "http://127.0.0.1:8000.evil.example"])
async def test_requests_from_another_site_are_refused(make_app: MakeApp, origin: str) -> None:
    app = with_a_page(make_app())
    async with client(app) as api:
        for method, path in calls_of(app):
            if method == "WS":
                assert await opened(app, path, {"Origin": origin}) == (403, ""), path
                continue
            answer = await api.request(method, path, headers={"Origin": origin})
            assert answer.status_code == 403, (method, path)
            assert not [name for name in answer.headers if name.startswith("access-control")]


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


def test_loopback_addresses() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "Localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.7", "bot.example")))
