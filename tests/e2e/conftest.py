"""A browser, and pages in it that must log no error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    ViewportSize,
    expect,
)

from tests.conftest import Start
from tests.e2e.browsers import WIDE, WITHIN_MS, Open, chromium
from tests.e2e.processes import Process


@pytest.fixture
def rules(daemon: Start, tmp_path: Path) -> Start:
    """Starts an engine of rules on the simulated exchange: `rules(*coins, **environment)`."""

    def started(*coins: str, **environment: str) -> Process:
        path = tmp_path / "coins.json"
        path.write_text(json.dumps(coins))
        words = ("--exchange", "sim", "--use_ml", "0", "--symbols_file", str(path))
        return daemon(*words, **environment)

    return started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens pages; afterwards none may have an error or a request to another host."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def opens(url: str, viewport: ViewportSize = WIDE, **cookies: str) -> Page:
        context = browser.new_context(
            viewport=viewport, timezone_id="Asia/Tokyo", color_scheme="dark"
        )
        contexts.append(context)
        context.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies.items()])
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("request", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        page.goto(url)
        expect(page.locator(".frame .age")).not_to_have_text("–")
        return page

    yield opens
    for context in contexts:
        context.close()
    assert complaints == []
    assert asked
    hosts = {
        re.sub(r"^(\w+://[^/:]+).*", r"\1", url) for url in asked if not url.startswith("data:")
    }
    assert hosts == {"http://127.0.0.1"}
