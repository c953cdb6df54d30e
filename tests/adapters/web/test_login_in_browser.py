"""Login with a real browser."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from playwright.sync_api import expect

from crypto_bot.adapters.web import EventStream
from tests.adapters.web.served import served
from tests.e2e.browsers import IN_A_BROWSER, WITHIN_MS, chromium

TOKEN = "hush-hush-token"

pytestmark = IN_A_BROWSER


def test_one_login_is_enough(make_app: Callable[..., FastAPI], stream: EventStream) -> None:
    with served(make_app(token=TOKEN), stream) as url, chromium() as browser:
        person, stranger = browser.new_context(), browser.new_context()
        person.set_default_timeout(WITHIN_MS)
        page = person.new_page()
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"{url}/docs?from=a+link")
        page.get_by_label("Token of this server").fill("wrong")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("status")).to_have_text("This is not the token of this server.")
        page.get_by_label("Token of this server").fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/docs?from=a+link")
        # The reference reads the description, and its policy lets it ask this server alone.
        expect(page.get_by_text("/api/predictions/{symbol}").first).to_be_visible()
        assert page.evaluate("document.cookie") == "", "no script can read the cookie"
        for who, status in ((person, 200), (stranger, 401)):
            answer = who.new_page().goto(f"{url}/api/signals")
            assert answer is not None
            assert answer.status == status
    assert hosts == {url.removeprefix("http://")}
