"""Performance, Models and Paper in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.processes import ROOT, Process

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WIDE, PHONE = (1440, 1000), (390, 844)
VIEWS = ("performance", "models", "paper")
WITHIN_MS = 20_000.0
SERVER = str(ROOT / "tests" / "adapters" / "web" / "page" / "figures_server.py")

Site = Callable[[str], str]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield launched
        launched.close()


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


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens pages; afterwards none may have met an error or asked another host."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    def opens(url: str, size: tuple[int, int] = WIDE, theme: str = "dark") -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        contexts.append(context)
        context.add_cookies([{"name": "crypto_bot_theme", "value": theme, "url": url}])
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in {"error", "warning"} else None
            ),
        )
        page.goto(url)
        expect(page.locator(".frame .age")).not_to_have_text("–", timeout=WITHIN_MS)
        return page

    yield opens
    for context in contexts:
        context.close()
    assert complaints == []
    hosts = {re.sub(r"^(\w+://[^/:]+).*", r"\1", url) for url in asked if url[:5] != "data:"}
    assert hosts == {"http://127.0.0.1"}


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def drawn(page: Page) -> int:
    """Charts on which something is painted."""
    return int(
        page.evaluate(
            """() => [...document.querySelectorAll('.chart canvas')].filter(canvas => {
                const {width, height} = canvas;
                if (!width || !height) return false;
                const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
                return pixels.some(value => value > 0);
            }).length"""
        )
    )


@pytest.mark.parametrize(
    ("size", "theme"), [(WIDE, "dark"), (PHONE, "light")], ids=["wide", "phone"]
)
def test_every_view_with_data(site: Site, opened: Open, size: tuple[int, int], theme: str) -> None:
    page = opened(f"{site('usual')}/performance", size, theme)
    expect(page.locator(".verdict-line")).to_contain_text("Below break-even.")
    expect(page.locator(".chart canvas")).to_have_count(3)
    assert drawn(page) == 3
    expect(page.get_by_role("rowheader", name="Random side, same exits")).to_be_visible()
    assert fits(page)
    page.goto(f"{site('usual')}/models")
    expect(page.locator("details")).to_have_count(26)
    assert fits(page)
    page.goto(f"{site('usual')}/paper")
    expect(page.get_by_text("10,187.66")).to_be_visible()
    expect(page.locator(".chart canvas")).to_have_count(1)
    assert drawn(page) == 1
    assert fits(page)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_view_without_data(site: Site, opened: Open, size: tuple[int, int]) -> None:
    page = opened(f"{site('empty')}/performance", size)
    expect(page.locator(".verdict-line")).to_contain_text("No resolved call.")
    assert fits(page)
    page.goto(f"{site('empty')}/models")
    expect(page.get_by_text("start the engine with --use_ml 1")).to_be_visible()
    assert fits(page)
    page.goto(f"{site('empty')}/paper")
    expect(page.get_by_text("Nothing is held.")).to_be_visible()
    assert fits(page)


def test_filters_change_the_figures_and_the_address(site: Site, opened: Open) -> None:
    page = opened(f"{site('usual')}/performance")
    verdict = page.locator(".verdict-line")
    whole = verdict.inner_text()
    page.get_by_role("button", name="Short", exact=True).click()
    expect(verdict).not_to_have_text(whole)
    assert "side=short" in page.url
    short = verdict.inner_text()
    page.get_by_role("button", name="Rules").click()
    expect(verdict).to_contain_text("No resolved call.")
    page.get_by_role("button", name="ML", exact=True).click()
    expect(verdict).to_have_text(short)
    page.reload()
    expect(verdict).to_have_text(short)
    expect(page.get_by_role("button", name="Short", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_model_opens_by_keyboard_to_its_gates_and_curves(site: Site, opened: Open) -> None:
    page = opened(f"{site('usual')}/models")
    page.get_by_role("button", name="BLOCKED 3").click()
    expect(page.locator("details")).to_have_count(3)
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".opened").first).to_contain_text("failed")
    expect(page.locator(".chart canvas")).to_have_count(1)
    assert drawn(page) == 1
    assert "verdict=BLOCKED" in page.url


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


def test_hostile_names_are_not_run(site: Site, opened: Open) -> None:
    for view in VIEWS:
        page = opened(f"{site('hostile')}/{view}")
        expect(page.get_by_text("<img src=x").first).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("window.hacked") is None


def test_performance_follows_the_cycles_of_a_daemon(
    opened: Open, daemon: Callable[..., Process]
) -> None:
    words = ("--use_ml", "0", "--exchange", "sim")
    process = daemon(*words, CRYPTO_BOT_SIM__SPEED="600", CRYPTO_BOT_ENGINE__RECORD_BARS="24")
    url = process.event("engine.started")["url"]
    process.event("cycle.finished")
    page = opened(f"{url}/performance")
    called = page.locator(".confusion")
    expect(called).to_be_visible(timeout=60_000)
    page.evaluate("window.mine = 1")
    seen = called.inner_text()
    expect(called).not_to_have_text(seen, use_inner_text=True, timeout=WITHIN_MS)
    assert page.evaluate("window.mine") == 1, "without loading it again"
