"""Chromium for tests of the page."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]
WIDE: ViewportSize = {"width": 1440, "height": 1000}
PHONE: ViewportSize = {"width": 390, "height": 844}
WITHIN_MS = 120_000.0
expect.set_options(timeout=WITHIN_MS)  # its own limit of 5 s is too short on a busy machine
Open = Callable[..., Page]
"""`opened(url, viewport, **cookies)`, see `conftest.opened`."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS.split(), timeout=WITHIN_MS
        )
        yield launched
        launched.close()


SHOWN = """url => {
    const age = document.querySelector('.frame .age');
    return location.href === new URL(url, location).href && age && age.textContent !== '–';
}"""


def shown(context: BrowserContext, url: str) -> Page:
    """A view in a page of its own, once it is there and its clock runs.

    A page that goes from one view to the next can still be read as the one before.
    """
    page = context.new_page()
    page.goto(url)
    page.wait_for_function(SHOWN, arg=url)
    return page


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
