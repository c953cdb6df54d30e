"""The text of every view in a browser, and the bodies of the API, over the same fixed data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Page, expect

from tests.e2e.browsers import WIDE, WITHIN_MS, chromium
from tests.e2e.processes import Process
from tests.golden.commands import ROOT

VIEWS = {
    "overview": "/",
    "coin": "/coin/BTCUSDT",
    "performance": "/performance",
    "performance_short": "/performance?side=short",
    "models": "/models",
    "paper": "/paper",
    "log": "/log",
    "log_of_a_coin": "/log?coin=eth&result=stop",
}
CALLS = {
    "predictions": "/api/predictions",
    "signals": "/api/signals?symbol=BTCUSDT&limit=20",
    "performance": "/api/performance",
    "candles": "/api/candles/ETHUSDT?tf=15m&limit=4",
    "paper": "/api/paper",
    "models": "/api/models/BTCUSDT",
    "healthz": "/healthz",
}
_NOW_MS = 1_764_548_160_000
"""The server's fixed moment, for the browser's clock too: 2025-12-01T00:16Z."""
_STEP_MS, _QUIET_MS = 50, 10_000


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the server."""
    script = str(ROOT / "tests" / "golden" / "page_server.py")
    process = Process([script, f"sqlite:///{folder / 'page.db'}"], {}, folder)
    try:
        yield process.event("ready")["url"]
    finally:
        process.kill()


def bodies(url: str) -> dict[str, Any]:
    """What each call answers."""
    held = {}
    for name, path in CALLS.items():
        with urlopen(url + path, timeout=150) as reply:
            held[name] = json.load(reply)
    return held


def texts(url: str, stored: Mapping[str, str]) -> dict[str, str]:
    """The visible text of each view, in UTC; waits a while for what is `stored` of it."""
    held = {}
    with chromium() as browser:
        context = browser.new_context(
            viewport=WIDE, timezone_id="UTC", locale="en-US", color_scheme="dark"
        )
        page = context.new_page()
        page.clock.set_fixed_time(_NOW_MS)
        page.set_default_timeout(WITHIN_MS)
        for name, path in VIEWS.items():
            page.goto(url + path)
            expect(page.locator(".frame .age")).not_to_have_text("–")
            if name == "coin":
                expect(page.locator(".reading span").first).to_be_visible()  # the chart is read
            if name == "models":
                page.locator("summary").first.click()
                expect(page.locator(".opened")).to_be_visible()
            held[name] = settled(page, stored.get(name))
    return held


def settled(page: Page, stored: str | None) -> str:
    """The page's text once it is `stored` or has stayed the same for long; no trailing blanks."""
    quiet_ms, text = 0, ""
    while text != stored and quiet_ms < _QUIET_MS:
        before, lines = text, str(page.evaluate("document.body.innerText")).splitlines()
        text = "\n".join(line.rstrip() for line in lines).strip() + "\n"
        quiet_ms = quiet_ms + _STEP_MS if text == before else 0
        page.wait_for_timeout(_STEP_MS)
    return text
