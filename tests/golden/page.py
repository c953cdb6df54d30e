"""The text of every view in a browser, and the bodies of the API, over the same fixed data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Page, expect

from tests.e2e.browsers import WIDE, WITHIN_MS, chromium, shown
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
_STEP_MS = 50


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


def texts(url: str, stored: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and visible text of each view, in UTC; waits a while for what is `stored` of it."""
    with chromium() as browser:
        context = browser.new_context(
            viewport=WIDE, timezone_id="UTC", locale="en-US", color_scheme="dark"
        )
        context.clock.set_fixed_time(_NOW_MS)
        context.set_default_timeout(WITHIN_MS)
        for name, path in VIEWS.items():
            page = shown(context, url + path)
            if name == "coin":
                expect(page.locator(".reading span").first).to_be_visible()  # the chart is read
            if name == "models":
                page.locator("summary").first.click()
                expect(page.locator(".opened")).to_be_visible()
            yield name, settled(page, stored.get(name))
            page.close()


def settled(page: Page, stored: str | None) -> str:
    """The page's text once it is `stored` or has stayed the same for long; no trailing blanks."""
    enough_ms = 10_000 if stored is None else 60_000
    quiet_ms, text = 0, ""
    while text != stored and quiet_ms < enough_ms:
        before, lines = text, str(page.evaluate("document.body.innerText")).splitlines()
        text = "\n".join(line.rstrip() for line in lines).strip() + "\n"
        quiet_ms = quiet_ms + _STEP_MS if text == before else 0
        page.wait_for_timeout(_STEP_MS)
    return text
