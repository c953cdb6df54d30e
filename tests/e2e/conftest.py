"""A browser, and pages in it that must log no error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize

from tests.conftest import Start
from tests.e2e.browsers import WIDE, WITHIN_MS, Open, chromium, shown
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
    """Opens pages; afterwards none may have an error or a request to another host.

    Pages of the same viewport and cookies are of one browser context: what is chosen in one holds
    for the next.
    """
    contexts: dict[str, BrowserContext] = {}
    complaints: list[str] = []
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def opens(url: str, viewport: ViewportSize = WIDE, **cookies: str) -> Page:
        key = str((viewport, cookies))
        if key in contexts:
            return shown(contexts[key], url)
        context = contexts[key] = browser.new_context(
            viewport=viewport, timezone_id="Asia/Tokyo", color_scheme="dark"
        )
        context.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies.items()])
        context.set_default_timeout(WITHIN_MS)
        context.on("request", note)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on(
            "console",
            lambda message: (
                complaints.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        return shown(context, url)

    yield opens
    for context in contexts.values():
        context.close()
    assert complaints == []
    assert asked
    hosts = {
        re.sub(r"^(\w+://[^/:]+).*", r"\1", url) for url in asked if not url.startswith("data:")
    }
    assert hosts == {"http://127.0.0.1"}
