"""Who may call, over every route there is."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.loopback import is_loopback

TOKEN = "s3cret-of-the-engine"
MakeApp = Callable[..., FastAPI]


def calls_of(app: FastAPI) -> list[tuple[str, str]]:
    """Every (method, path); a kind of route that this does not know must be added here."""
    calls = []
    for route in app.routes:
        assert isinstance(route, Route), route
        path = route.path.replace("{symbol}", "BTCUSDT").replace("{asset}", "reference.js")
        calls += [(method, path) for method in sorted(route.methods or ())]
    return calls


def client(app: FastAPI, base_url: str = "http://127.0.0.1:8000") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base_url)


def test_every_route_is_looked_at(make_app: MakeApp) -> None:
    paths = {path for _, path in calls_of(make_app())}
    assert len(paths) == 14
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
async def test_no_call_but_healthz_works_without_the_token(
    make_app: MakeApp, authorization: str | None
) -> None:
    app = make_app(token=TOKEN)
    raw = None if authorization is None else authorization.encode("latin-1")
    headers = {} if raw is None else {b"Authorization": raw}
    async with client(app) as api:
        for method, path in calls_of(app):
            answer = await api.request(method, path, headers=headers)
            if path == "/healthz":
                assert answer.status_code == 503  # starting, and told so
                continue
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert TOKEN not in answer.text
        for path in ("/healthz/", "//healthz", "/healthz/../api/predictions", "/nothing"):
            assert (await api.get(path, headers=headers)).status_code == 401, path


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_the_token_opens_every_route(make_app: MakeApp, scheme: str) -> None:
    app = make_app(token=TOKEN)
    async with client(app) as api:
        for method, path in calls_of(app):
            if path == "/api/stream":
                continue  # never ends: tested against a real server
            headers = {"Authorization": f"{scheme} {TOKEN}"}
            answer = await api.request(method, path, headers=headers)
            assert answer.status_code in {200, 404, 422, 503}, (method, path)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"])
async def test_loopback_names_are_served(make_app: MakeApp, host: str) -> None:
    async with client(make_app()) as api:
        assert (await api.get("/api/predictions", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "127.0.0.1.evil.example", "localhost.", "", "[::1", "10.0.0.7"]
)
async def test_a_name_that_was_made_to_point_here_is_refused(make_app: MakeApp, host: str) -> None:
    app = make_app()
    async with client(app) as api:
        for method, path in calls_of(app):
            answer = await api.request(method, path, headers={"Host": host})
            assert answer.status_code == 400, (method, path)
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


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 404),  # no signal yet: it was let through
        ("http://127.0.0.1:8000", 404),
        ("http://127.0.0.1:9000", 403),
        ("http://localhost:8000", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_a_write_from_another_site_is_refused(
    make_app: MakeApp, origin: str | None, status: int
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with client(make_app()) as api:
        call = {"asset_symbol": "BTC", "timeframe": "15m"}
        answer = await api.post("/predict", json=call, headers=headers)
        assert answer.status_code == status


async def test_no_answer_lets_another_site_read_it(make_app: MakeApp) -> None:
    async with client(make_app()) as api:
        answer = await api.get("/api/predictions", headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("Localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("bot.example", False),
    ],
)
def test_loopback_addresses(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected
