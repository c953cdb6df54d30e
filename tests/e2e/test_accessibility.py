"""axe-core finds nothing in any view, in both themes, each wide and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsers import IN_A_BROWSER, PHONE, WIDE, WITHIN_MS, shown
from tests.e2e.processes import Process
from tests.e2e.test_page_figures import SERVER

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(900)]
TOKEN = "a-token-of-this-test"
VIEWS = (
    ("/", ".coins tbody tr"),
    ("/coin/BTCUSDT", ".why li"),
    ("/performance", ".verdict-line b"),
    ("/models", "details"),
    ("/paper", ".paper-strip .card"),
    ("/backtests", ".backtest"),
    ("/log", ".lines tr.entry"),
    ("/system", ".job"),
    ("/system?part=log", ".log-lines tr"),
    ("/system?part=settings", ".settings tr"),
)
NARROWED = {"resultTypes": ["violations"]}


def complaints(page: Page) -> list[str]:
    """What is wrong at either size, with the first element that it is wrong of."""
    found = Axe().run(page, options=NARROWED).response["violations"]
    page.set_viewport_size(PHONE)
    found += page.evaluate("options => axe.run(options)", NARROWED)["violations"]
    page.set_viewport_size(WIDE)
    return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}" for each in found]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server that asks for its token."""
    process = Process([SERVER, f"sqlite:///{tmp_path / 'page.db'}", "usual", TOKEN], {}, tmp_path)
    yield process.event("ready")["url"]
    process.kill()


def test_nothing_is_wrong_with_any_page(url: str, browser: Browser) -> None:
    found = {}
    for theme in ("dark", "light"):
        context = browser.new_context(viewport=WIDE, color_scheme=theme)
        context.set_default_timeout(WITHIN_MS)
        page = context.new_page()
        page.goto(url)
        found[theme, "login"] = complaints(page)
        page.get_by_label("Token of this server").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator(f"[data-theme={theme}] .frame .age")).not_to_have_text("–")
        for path, something in VIEWS:
            page = shown(context, url + path)
            expect(page.locator(something).first).to_be_visible()
            page.wait_for_function("window.socket?.connected")
            if path == "/models":
                page.locator("summary").first.click()
                expect(page.locator(".opened").first).to_be_visible()
            found[theme, path] = complaints(page)
        page.keyboard.press("?")
        expect(page.locator("dialog.help")).to_be_visible()
        found[theme, "help"] = complaints(page)
        page.goto(f"{url}/nope")
        found[theme, "nope"] = complaints(page)
    assert {where: each for where, each in found.items() if each} == {}
