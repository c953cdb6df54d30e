"""Login in a browser: the token once, then a cookie."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from crypto_bot.adapters.web.login import COOKIE, LOGIN_PATH
from tests.adapters.web.sockets import ACCEPTED, OWN, client, opened, with_a_page

TOKEN = "s3cret of the engine, ü"
PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MakeApp = Callable[..., FastAPI]


class Form(HTMLParser):
    """The data that a browser would send back."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.values: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        assert tag != "script"
        if tag == "form":
            self.action = attributes["action"]
        elif tag == "input":
            self.values[attributes["name"]] = attributes.get("value", "")


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return with_a_page(make_app(token=TOKEN))


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, headers=PERSON) as opened_:
        yield opened_


async def entered(browser: httpx.AsyncClient, token: str = TOKEN, path: str = "/") -> Any:
    form = Form((await browser.get(path)).text)
    sent = form.values | {"token": token}
    return await browser.post(form.action, data=sent, headers={"Origin": OWN})


async def test_a_browser_logs_out(browser: httpx.AsyncClient) -> None:
    assert (await entered(browser)).status_code == 303
    assert (await browser.get(LOGIN_PATH)).headers["location"] == "/"
    refused = await browser.post("/logout")
    assert (refused.status_code, COOKIE in browser.cookies) == (403, True)
    left = await browser.post("/logout", headers={"Origin": OWN})
    assert (left.status_code, left.headers["location"]) == (303, LOGIN_PATH)
    assert (await browser.get("/")).status_code == 401


async def test_a_browser_gets_a_form_and_a_program_an_error(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/docs", "/api/signals", LOGIN_PATH, "/nothing"):
        response = await browser.get(path)
        assert (response.status_code, response.headers["cache-control"]) == (401, "no-store")
        assert response.headers["content-type"].startswith("text/html")
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "token" in Form(response.text).values
        refused = await browser.get(path, headers={"Accept": "application/json"})
        assert refused.status_code == 401
        assert refused.json()["detail"].startswith("this call needs the header")


async def test_the_token_opens_the_page_its_calls_and_its_sockets(
    app: FastAPI, browser: httpx.AsyncClient
) -> None:
    answer = await entered(browser, path="/docs?a=1&b=%0d%0aX+c")
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs?a=1&b=%0d%0aX+c")
    assert (await browser.get("/")).text == "the page"
    assert (await browser.get("/api/signals")).json()["success"] is True
    call = {"asset_symbol": "BTC", "timeframe": "15m"}
    answer = await browser.post("/predict", json=call, headers={"Origin": OWN})
    assert answer.status_code == 404, "no signal yet: it was let through"
    cookie = {"Cookie": f"other=[1,2]; {COOKIE}={browser.cookies[COOKIE]}", "Origin": OWN}
    assert await opened(app, "/_ws/page", cookie) == (ACCEPTED, "hello")


async def test_the_cookie_is_for_this_site_only_and_does_not_contain_the_token(
    app: FastAPI, browser: httpx.AsyncClient, make_app: MakeApp
) -> None:
    cookie = (await entered(browser)).headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
    assert "secure" not in cookie, "a browser would not send it back over http"
    assert TOKEN.encode().hex() not in cookie
    assert len(browser.cookies[COOKIE]) == 64
    async with client(app, "https://localhost") as over_tls:
        answer = await over_tls.post(LOGIN_PATH, data={"token": TOKEN})
        assert "secure" in answer.headers["set-cookie"].lower()
    held = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    async with client(make_app(token="another")) as other:  # another token ends all logins
        assert (await other.get("/api/signals", headers=held)).status_code == 401


@pytest.mark.parametrize("offered", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "\udcff", "x" * 9_000])
async def test_another_token_opens_nothing(browser: httpx.AsyncClient, offered: str) -> None:
    with capture_logs() as events:
        answer = await browser.post(
            LOGIN_PATH,
            content=b"token=" + offered.encode("utf-8", "surrogateescape"),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": OWN},
        )
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "not the token" in answer.text
    refused = {"event": "login.refused", "client": "127.0.0.1", "failures": 1}
    assert events == [refused | {"log_level": "warning"}]
    assert (await browser.get("/api/signals")).status_code == 401


@pytest.mark.parametrize("mark", ["", "wrong", TOKEN.encode().hex(), '"', "0" * 64])
async def test_a_made_up_cookie_opens_nothing(
    app: FastAPI, browser: httpx.AsyncClient, mark: str
) -> None:
    headers = {"Cookie": f"{COOKIE}={mark}", "Origin": OWN}
    assert (await browser.get("/api/signals", headers=headers)).status_code == 401
    assert await opened(app, "/_ws/page", headers) == (401, "")


async def test_the_cookie_alone_does_not_write(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await entered(browser)
    call = {"asset_symbol": "BTC", "timeframe": "15m"}
    assert (await browser.post("/predict", json=call)).status_code == 403
    for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        written = await browser.post("/predict", json=call, headers=origin)
        entered_ = await browser.post(LOGIN_PATH, data={"token": TOKEN}, headers=origin)
        assert (written.status_code, entered_.status_code) == (403, 403)
    cookie = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    assert await opened(app, "/_ws/page", cookie) == (403, "")


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "\\\\evil.example"]
)
async def test_a_login_leads_to_this_server_only(browser: httpx.AsyncClient, path: str) -> None:
    sent = {"token": TOKEN, "back": path}
    answer = await browser.post(LOGIN_PATH, data=sent, headers={"Origin": OWN})
    where = httpx.URL(f"{OWN}/somewhere").join(answer.headers["location"])
    assert where.host == "127.0.0.1"


async def test_an_address_is_not_run_as_markup(browser: httpx.AsyncClient) -> None:
    script = '"><script>alert(1)</script>'
    page = await browser.get("/docs", params=script.encode())
    sent = {"token": "wrong", "back": f"/docs?{script}"}
    again = await browser.post(LOGIN_PATH, data=sent, headers={"Origin": OWN})
    assert "<script" not in page.text + again.text


async def test_without_a_token_there_is_no_login(make_app: MakeApp) -> None:
    async with client(make_app(), headers=PERSON) as browser:
        assert (await browser.get("/api/signals")).status_code == 200
        assert (await browser.post(LOGIN_PATH, data={"token": TOKEN})).status_code == 404
