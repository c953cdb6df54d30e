"""axe-core finds nothing in any view, in both themes, wide and on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.browsers import IN_A_BROWSER, PHONE, WIDE, Open
from tests.e2e.test_page_figures import Site, site

__all__ = ["site"]
pytestmark = IN_A_BROWSER
VIEWS = (
    ("/", ".coins tbody tr"),
    ("/coin/BTCUSDT", ".why li"),
    ("/performance", ".verdict-line b"),
    ("/models", "details"),
    ("/paper", ".paper-strip .card"),
    ("/log", ".lines tr.entry"),
    ("/system", ".job"),
    ("/system?part=log", ".log-lines tr"),
    ("/system?part=settings", ".settings tr"),
)
NARROWED = {"resultTypes": ["violations"]}


def complaints(page: Page) -> list[str]:
    """What is wrong, with the first element that it is wrong of."""
    found = Axe().run(page, options=NARROWED).response["violations"]
    return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}" for each in found]


@pytest.mark.parametrize(
    ("viewport", "theme"), [(WIDE, "dark"), (PHONE, "light")], ids=["dark", "light phone"]
)
def test_nothing_is_wrong_with_any_view(
    site: Site, opened: Open, viewport: ViewportSize, theme: str
) -> None:
    url, found = site("usual"), {}
    for path, something in VIEWS:
        page = opened(url + path, viewport, crypto_bot_theme=theme)
        expect(page.locator(something).first).to_be_visible()
        if path == "/models":
            page.locator("summary").first.click()
            expect(page.locator(".opened").first).to_be_visible()
        found[path] = complaints(page)
    page.keyboard.press("?")
    expect(page.locator("dialog.help")).to_be_visible()
    found["help"] = complaints(page)
    assert {path: each for path, each in found.items() if each} == {}
