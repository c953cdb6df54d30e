"""The chart of a coin in a real browser: heights of prices, scrolling, jumps to a call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import log10
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.browsers import IN_A_BROWSER, Open
from tests.e2e.processes import ROOT, Process

pytestmark = IN_A_BROWSER
SERVER = str(ROOT / "tests" / "golden" / "page_server.py")
NEWEST_S = 1_764_547_200


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("chart")
    process = Process([SERVER, f"sqlite:///{folder / 'page.db'}", "usual"], {}, folder)
    yield process.event("ready")["url"]
    process.kill()


PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
MARKS = """() => {
    const canvases = [...document.querySelectorAll('.chart canvas')];
    const most = size => Math.max(...canvases.map(each => each[size]));
    const [height, width] = [most('height'), most('width')];
    const [up, down, text] = [0xffffa95a, 0xff3e9af5, 0xfff0eae6];  // as 0xAABBGGRR
    const drawn = {[up]: [], [down]: [], [text]: []};
    for (const canvas of canvases.filter(each => each.height === height && each.width === width)) {
        const often = {willReadFrequently: true};
        const copy = new OffscreenCanvas(width, height).getContext('2d', often);
        copy.drawImage(canvas, 0, 0);
        const {data} = copy.getImageData(0, 0, width, height);
        const pixels = new Uint32Array(data.buffer);
        for (let y = 0; y < height; y++) {
            const row = pixels.subarray(y * width, (y + 1) * width);
            for (const colour of [up, down]) if (row.includes(colour)) drawn[colour].push(y);
            if (row.filter(each => each === text).length > 0.3 * width) drawn[text].push(y);
        }
    }
    const candles = [...drawn[up], ...drawn[down]];
    return {high: Math.min(...candles), low: Math.max(...candles), levels: drawn[text]};
}"""
"""Rows of pixels: ends of the candles, dashed lines across the chart."""


def page_at(price: float, decimals: int, edge: int) -> dict[str, Any]:
    """Sixty candles around `price`, the highest 1 % above and the lowest 1 % below; a call."""
    bars = []
    for at in range(60):
        reach = 0.01 if at in {20, 21} else 0.002
        high = price * (1 + (reach if at != 21 else 0.002))
        low = price * (1 - (reach if at != 20 else 0.002))
        opened, closed = (price * 1.001, price * 0.999)[:: 1 if at % 2 else -1]
        bars.append([edge - 900 * (60 - at), opened, high, low, closed, 5.0, *[None] * 5])
    return {
        "since": bars[0][0],
        "until": edge,
        "edge": edge,
        "first": bars[0][0],
        "decimals": decimals,
        "spans": [20, 50],
        "bars": bars,
        "odds": [],
        "calls": [],
        "fills": [],
        "open": {
            "time": bars[50][0],
            "expires": edge + 6 * 900,
            "entry": price,
            "stop": price * (1 - 0.0043),
            "target": price * (1 + 0.0061),
        },
    }


def test_every_price_has_its_height(url: str, opened: Open) -> None:
    """From 1e-8 to 1e6: stop and target within a pixel of their place between the candles' ends."""
    shown: dict[str, Any] = {}

    def answer(route: Route) -> None:
        route.fulfill(body=json.dumps(shown), content_type="application/json")

    page = opened(f"{url}/coin/BTCUSDT")
    page.wait_for_selector(".chart canvas")
    page.route("**/bars?*", answer)
    prices = [m * 10.0**e for e in range(-8, 6) for m in (1.0, 3.7651)] + [1e6]
    wrong = []
    for at, price in enumerate(prices):
        decimals = min(10, max(0, 5 - round(log10(price))))
        shown = page_at(price, decimals, NEWEST_S)
        page.get_by_role("button", name=("1h", "4h")[at % 2], exact=True).click()
        close = f"C {shown['bars'][-1][4]:,.{decimals}f}"
        expect(page.locator(".reading")).to_contain_text(close)
        page.evaluate(PAINTED)
        found = page.evaluate(MARKS)
        call, high, low = shown["open"], price * 1.01, price * 0.99
        pixel = (high - low) / (found["low"] - found["high"])
        expected = [found["high"] + (high - call[each]) / pixel for each in ("target", "stop")]
        near = [min(abs(row - want) for row in found["levels"]) for want in expected]
        if found["low"] - found["high"] < 100 or max(near) > 1.0:
            wrong.append((price, found, expected))
    assert wrong == []


def test_older_candles_come_as_it_is_scrolled_and_end_where_history_does(
    url: str, opened: Open
) -> None:
    page = opened(f"{url}/coin/BTCUSDT")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    chart, newest = page.locator(".chart"), page.get_by_role("button", name="Newest")
    expect(page.locator(".reading")).to_contain_text("2025-12-01 00:00")
    expect(newest).to_be_hidden()
    chart.focus()
    with page.expect_response(re.compile("until=1764188100")):
        for _ in range(40):
            page.keyboard.press("ArrowLeft")
    expect(newest).to_be_visible()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    chart.hover(position={"x": 1, "y": 60})
    expect(page.locator(".reading")).to_contain_text("2025-11-26 00:15")  # the first of all
    assert len([each for each in asked if "/bars" in each]) <= 1, "nothing is asked for twice"
    newest.click()
    expect(newest).to_be_hidden()


def test_a_line_of_the_log_leads_to_its_candle(url: str, opened: Open) -> None:
    page = opened(f"{url}/log?coin=btc&result=stop")
    line = page.locator(".lines tr.entry").last
    time = line.locator(".time").inner_text().strip()
    line.locator("th.coin a").click()
    page.wait_for_url("**/coin/BTCUSDT?at=*")
    expect(page.locator(".reading")).to_contain_text("stop −1.0R")
    opened_at = page.locator(".reading").inner_text().split()[1]
    hours, minutes = map(int, opened_at.split(":"))
    closed = (hours * 60 + minutes + 15) % 1440  # the log names the close of the candle
    assert time.endswith(f"{closed // 60:02}:{closed % 60:02}")


def test_timeframes_and_switches_stay_as_chosen(url: str, opened: Open) -> None:
    page = opened(f"{url}/coin/BTCUSDT")
    for name in ("1h", "EMA", "RSI", "Levels"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator(".reading")).to_contain_text(re.compile(r"EMA 8 \d.*RSI \d.*Support"))
    expect(page).to_have_url(re.compile(r"\?tf=1h$"))
    page = opened(f"{url}/coin/ETHUSDT")
    expect(page.get_by_role("button", name="1h", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator(".reading")).to_contain_text("RSI")
