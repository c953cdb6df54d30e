"""Visitors: behind a proxy with a path, and those who take more than their share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.web import EventStream, WebServer, bind
from crypto_bot.adapters.web.application import Proxy
from crypto_bot.adapters.web.limits import LONGEST_BODY, MOST_IN_FLIGHT, Limits
from crypto_bot.adapters.web.login import LOGIN_PATH
from tests.adapters.web.sockets import ACCEPTED, client, opened, with_a_page

TOKEN = "hush-hush-token-hush-hush"
MakeApp = Callable[..., FastAPI]
SITE = "https://bot.example.org"
PERSON = {"Accept": "text/html", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/bot"}


@pytest.mark.parametrize("path", [LOGIN_PATH, f"/bot{LOGIN_PATH}"])
@pytest.mark.parametrize("root_path", ["", "/bot"])
async def test_a_login_behind_a_proxy_stays_below_its_path(
    make_app: MakeApp, root_path: str, path: str
) -> None:
    """Of a proxy that leaves the prefix out, and of one that passes it on."""
    app = with_a_page(make_app(token=TOKEN, proxy=Proxy(root_path, ("bot.example.org",))))
    headers = PERSON if not root_path else {**PERSON, "X-Forwarded-Prefix": ""}
    async with client(app, SITE, headers) as browser:
        assert f'action="/bot{LOGIN_PATH}"' in (await browser.get("/log?a=1")).text
        sent = {"token": TOKEN, "back": "/log?a=1"}
        answer = await browser.post(path, data=sent, headers={"Origin": SITE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/bot/log?a=1")
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("prefix", ["/tools/bot", "/bot/", "/~ann/bot-1.0"])
async def test_a_prefix_may_be_deep_and_end_with_a_slash(make_app: MakeApp, prefix: str) -> None:
    async with client(make_app(token=TOKEN)) as browser:
        for path in ("/log", f"{prefix.rstrip('/')}/log"):
            answer = await browser.get(path, headers={**PERSON, "X-Forwarded-Prefix": prefix})
            assert f'action="{prefix.rstrip("/")}{LOGIN_PATH}"' in answer.text


@pytest.mark.parametrize("prefix", ['/b"><script>', "//evil.example", "javascript:x", "/a b"])
async def test_a_prefix_that_is_no_path_is_none(make_app: MakeApp, prefix: str) -> None:
    async with client(make_app(token=TOKEN)) as browser:
        answer = await browser.get("/", headers={**PERSON, "X-Forwarded-Prefix": prefix})
    assert f'action="{LOGIN_PATH}"' in answer.text


async def test_names_and_origins_are_settings(make_app: MakeApp) -> None:
    proxy = Proxy(hosts=("bot.example.org",), origins=(SITE,))
    app = with_a_page(make_app(proxy=proxy))
    passed_on = {"Host": "bot.example.org", "Origin": SITE}
    replaced = {"Host": "127.0.0.1:8000", "Origin": SITE}
    for headers in (passed_on, replaced):
        assert await opened(app, "/_ws/page", headers) == (ACCEPTED, "hello")
    for headers in (
        {"Host": "evil.example", "Origin": SITE},
        {"Host": "127.0.0.1:8000", "Origin": "https://evil.example"},
        {"Host": "bot.example.org", "Origin": "https://evil.example"},
    ):
        assert (await opened(app, "/_ws/page", headers))[0] in {400, 403}


@pytest.mark.parametrize("site", ["https://bot.example.org:8443", "https://[2001:db8::1]"])
async def test_a_site_may_be_on_another_port_or_an_address(make_app: MakeApp, site: str) -> None:
    place = site.removeprefix("https://")
    name = place.removesuffix(":8443").strip("[]")
    app = with_a_page(make_app(proxy=Proxy(hosts=(name,), origins=(site,))))
    for headers in ({"Host": place, "Origin": site}, {"Host": place.upper(), "Origin": site}):
        assert await opened(app, "/_ws/page", headers) == (ACCEPTED, "hello")
    other = {"Host": place, "Origin": f"https://{name.replace(':', '')}:9443"}
    assert (await opened(app, "/_ws/page", other))[0] == 403


async def test_wrong_tokens_wait_longer_each_time(make_app: MakeApp) -> None:
    app = with_a_page(make_app(token=TOKEN))
    async with client(app) as browser:

        async def tried(token: str, address: str) -> int:
            headers = {"X-Forwarded-For": f"invented, {address}"}
            answer = await browser.post(LOGIN_PATH, data={"token": token}, headers=headers)
            return answer.status_code

        tries = [await tried("wrong", "192.0.2.7") for _ in range(200)]
        assert tries == [401] * 5 + [429] * 195
        assert await tried(TOKEN, "192.0.2.7") == 429, "also the right one"
        assert await tried(TOKEN, "192.0.2.8") == 303


def echoing() -> FastAPI:
    app = FastAPI()
    app.add_middleware(Limits)

    @app.post("/long")
    async def long(call: dict[str, Any]) -> int:
        return len(call)

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(0.5)

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    return app


async def test_bodies_and_requests_in_flight_have_limits() -> None:
    async def in_parts() -> Any:
        for _ in range(3):
            yield b" " * (LONGEST_BODY // 2)

    async with client(echoing()) as user:
        assert (await user.post("/long", json={"a": 1})).status_code == 200
        answer = await user.post("/long", content=b" " * (LONGEST_BODY + 1))
        assert answer.status_code == 413
        assert (await user.post("/long", content=in_parts())).status_code == 400
        asked = [user.get("/slow") for _ in range(MOST_IN_FLIGHT + 3)]
        statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
        assert sorted(statuses) == [200] * MOST_IN_FLIGHT + [503] * 3
        assert (await user.get("/healthz")).status_code == 200


async def test_connections_that_ask_nothing_are_closed_and_too_many_are_refused() -> None:
    stream = EventStream(memory=1)
    server = WebServer(echoing(), bind("127.0.0.1", 0), stream, most=3, head_s=0.3)
    await server.start()
    try:
        opened_ = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]
        opened_[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-")  # a head without an end
        async with asyncio.timeout(60):
            for reader, _ in opened_:
                with pytest.raises((ConnectionError, AssertionError)):
                    assert await reader.read() != b""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as user:
            assert (await user.get("/slow", timeout=60)).status_code == 200, "longer than a head"
            assert (await user.get("/healthz")).status_code == 200
    finally:
        for _, writer in opened_:
            writer.close()
        await server.stop()
