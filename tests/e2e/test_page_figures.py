"""Every view in a real browser over the data of the golden files, and the choices made there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.e2e.browsers import IN_A_BROWSER, PHONE, WIDE, Open, fits
from tests.e2e.processes import ROOT, Process

pytestmark = IN_A_BROWSER
SERVER = str(ROOT / "tests" / "golden" / "page_server.py")

Site = Callable[[str], str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Addresses of servers by kind, started when they are first asked for."""
    running: dict[str, tuple[Process, str]] = {}

    def at(kind: str) -> str:
        if kind not in running:
            folder = tmp_path_factory.mktemp(kind)
            words = [SERVER, f"sqlite:///{folder / 'page.db'}", kind]
            process = Process(words, {}, folder)
            running[kind] = process, process.event("ready")["url"]
        return running[kind][1]

    yield at
    for process, _ in running.values():
        process.kill()


DRAWN = """count => count <= [...document.querySelectorAll('.chart')].filter(chart => {
    return [...chart.querySelectorAll('canvas')].some(canvas => {
        const {width, height} = canvas;
        if (!width || !height) return false;
        const often = {willReadFrequently: true};
        const copy = new OffscreenCanvas(width, height).getContext('2d', often);
        copy.drawImage(canvas, 0, 0);
        return copy.getImageData(0, 0, width, height).data.some(value => value > 0);
    });
}).length"""
"""Whether on so many charts or more something is painted."""


@pytest.mark.parametrize(
    ("viewport", "theme"), [(WIDE, "dark"), (PHONE, "light")], ids=["wide", "phone"]
)
def test_every_view_with_data(site: Site, opened: Open, viewport: ViewportSize, theme: str) -> None:
    for path, something, charts in (
        ("", ".coins tbody tr", 0),
        ("coin", ".why li", 1),
        ("performance", ".verdict-line", 3),
        ("models", "details", 0),
        ("paper", ".paper-strip .card", 1),
        ("backtests", ".backtest", 0),
        ("log", ".lines tr.entry", 0),
    ):
        page = opened(f"{site('usual')}/{path}", viewport, crypto_bot_theme=theme)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        expect(page.locator(something).first).to_be_visible()
        page.wait_for_function(DRAWN, arg=charts)
        assert fits(page), path


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_view_without_data(site: Site, opened: Open, viewport: ViewportSize) -> None:
    for path, words in (
        ("", "No signal yet"),
        ("coin", "Not scored yet"),
        ("coin/NEVER", "There is no coin 'NEVER' here"),
        ("performance", "No resolved LONG or SHORT."),
        ("models", "start the engine with --use_ml 1"),
        ("paper", "Nothing is held."),
        ("backtests", "They are kept beside the database"),
        ("log", "No prediction yet"),
    ):
        page = opened(f"{site('empty')}/{path}", viewport)
        expect(page.get_by_text(words)).to_be_visible()
        assert fits(page), path


def test_a_backtest_opens_leads_to_charts_and_stands_beside_another(
    site: Site, opened: Open
) -> None:
    page = opened(f"{site('usual')}/backtests", PHONE)
    ticks = page.locator(".backtest input")
    expect(ticks).to_have_count(2)
    for at in range(2):
        ticks.nth(at).check()
    page.get_by_role("button", name="Side by side").click()
    expect(page.locator(".curves").first.locator("polyline")).to_have_count(2)
    assert fits(page)
    page.go_back()
    page.locator(".backtest a.line").first.click()
    report = page.get_by_role("region", name="Report")
    expect(report.locator("#sentence b")).to_contain_text("Not proven.")
    assert fits(page)
    trade = report.locator(".trades tbody tr").first
    entered = trade.locator("td").nth(2).inner_text()
    trade.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/coin/.*at={entered[:10]}"))
    answer = page.request.get(f"{site('usual')}/backtests/none/backtest.html")
    assert answer.status == 404


def test_filters_change_the_figures_and_the_address(site: Site, opened: Open) -> None:
    page = opened(f"{site('usual')}/performance")
    verdict = page.locator(".verdict-line")
    whole = verdict.inner_text()
    page.get_by_role("button", name="Short", exact=True).click()
    expect(verdict).not_to_have_text(whole)
    expect(page).to_have_url(re.compile("side=short"))
    short = verdict.inner_text()
    page.get_by_role("button", name="Rules").click()
    expect(verdict).not_to_have_text(short)
    expect(page).to_have_url(re.compile("source=rules"))
    for name, pressed in (("Rules", "true"), ("ML", "false")):
        chosen = page.get_by_role("button", name=name, exact=True)
        expect(chosen).to_have_attribute("aria-pressed", pressed)
    rules = verdict.inner_text()
    page.reload()
    expect(verdict).to_have_text(rules)
    expect(page.get_by_role("button", name="Short", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_model_opens_by_keyboard_to_its_gates_and_curves(site: Site, opened: Open) -> None:
    page = opened(f"{site('usual')}/models")
    page.get_by_role("button", name="BLOCKED 1").click()
    expect(page.locator("details")).to_have_count(1)
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".opened").first).to_contain_text("failed")
    expect(page.locator(".chart canvas")).to_have_count(1)
    page.wait_for_function(DRAWN, arg=1)
    expect(page).to_have_url(re.compile("verdict=BLOCKED"))


def test_the_kill_switch_asks_first(site: Site, opened: Open) -> None:
    page = opened(f"{site('usual')}/paper")
    bar = page.locator(".stopped")
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="Stop paper trading …").click()
    dialog = page.locator(".asks")
    expect(dialog).to_contain_text("Closes 8 positions at the next price")
    word = page.get_by_label("Type STOP to confirm")
    word.fill("yes")
    word.press("Enter")
    expect(dialog).to_contain_text("Nothing was done")
    expect(bar).to_be_hidden()
    word.fill("STOP")
    word.press("Enter")
    expect(bar).to_contain_text("Paper trading is stopped since")
    other = opened(f"{site('usual')}/paper")
    expect(other.locator(".stopped")).to_contain_text("by page")
    page.get_by_role("button", name="Resume …").click()
    page.get_by_label("Type RESUME to confirm").fill("RESUME")
    page.get_by_role("button", name="Resume paper trading").click()
    expect(bar).to_be_hidden()
