"""The page in a real browser, beside real daemons."""

from __future__ import annotations

import csv
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Route, expect

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from tests.adapters.web.page.made_log import QUARTER, candles_of, fill, signal_of
from tests.e2e.browsers import IN_A_BROWSER, Open
from tests.e2e.processes import ROOT, Process

pytestmark = IN_A_BROWSER
HOSTILE = "<img src=x onerror=window.hacked=1>"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


ALL_COINS_IN_VIEW = """() => {
    const rows = [...document.querySelectorAll('.coins tbody tr')];
    const lowest = Math.max(...rows.map(row => row.getBoundingClientRect().bottom));
    return rows.length === 32 && lowest <= innerHeight;
}"""
OFFLINE = ("--exchange_url", "http://127.0.0.1:9", "--symbols_file", "coins.json")


class Site:
    """A daemon with its page; a test may fill its database before it starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.database_url = f"sqlite:///{folder / 'engine.db'}"
        (folder / "coins.json").write_text('["BTCUSDT", "ETHUSDT", "SOLUSDT"]')

    @contextmanager
    def running(self, *words: str, **environment: str) -> Iterator[Site]:
        given = ["--use_ml", "0", "--port", "0", "--database_url", self.database_url, *words]
        self.process = Process([str(ROOT / "main.py"), *given], environment, self._folder)
        self.url = self.process.event("engine.started")["url"]
        yield self
        self.process.kill()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """32 coins on the simulated exchange, a candle every 1.5 seconds."""
    words = ("--exchange", "sim", "--symbols_file", str(ROOT / "symbols_32.json"))
    often = {"CRYPTO_BOT_SIM__SPEED": "600", "CRYPTO_BOT_ENGINE__RECORD_BARS": "24"}
    with Site(tmp_path_factory.mktemp("live")).running(*words, **often) as site:
        site.process.event("cycle.finished")
        yield site


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three coins with a log, hostile words in it, and an exchange that does not answer."""
    site = Site(tmp_path_factory.mktemp("still"))
    database = Database.open(site.database_url)
    newest_ms = QUARTER.last_closed(SystemClock().now_ms())
    fill(database, bars=120, newest_ms=newest_ms - QUARTER.ms)
    made = signal_of("BTCUSDT", candles_of("BTCUSDT", 1, newest_ms)[0], Random(1), 0.0)
    signal_ = made.signal._replace(reasons=(HOSTILE,), model_version=HOSTILE)
    SqlPredictionStore(database, QUARTER).commit([made._replace(signal=signal_)], [])
    database.close()
    with site.running(*OFFLINE):
        yield site


def test_pages_follow_the_cycles_by_themselves(live: Site, opened: Open) -> None:
    performance = opened(f"{live.url}/performance")
    called = performance.locator(".confusion")
    expect(called).to_be_visible()
    performance.evaluate("window.mine = 1")
    counted = called.inner_text()
    page = opened(live.url)
    page.wait_for_function(ALL_COINS_IN_VIEW)  # at one moment: rows are replaced at any time
    page.evaluate("window.mine = 1")
    table = page.locator(".coins tbody")
    before = table.inner_text()
    page.wait_for_function(
        "before => document.querySelector('.coins tbody').innerText !== before", arg=before
    )
    expect(page).to_have_title(re.compile(r"^\d+▲ \d+▼ Overview$"))
    expect(called).not_to_have_text(counted, use_inner_text=True)
    for each in (page, performance):
        assert each.evaluate("window.mine") == 1, "without loading it again"
    log = opened(f"{live.url}/log?coin=btc")
    first = log.locator(".lines tr.entry .time").first
    seen = first.inner_text()
    expect(first).not_to_have_text(seen)


def test_a_chart_stays_where_it_was_scrolled(live: Site, opened: Open) -> None:
    page = opened(f"{live.url}/coin/BTCUSDT")
    reading, chart = page.locator(".reading"), page.locator(".chart")
    expect(reading).to_contain_text("Vol")
    newest = reading.inner_text()
    expect(reading).not_to_have_text(newest)  # new candles come in
    chart.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    chart.hover(position={"x": 500, "y": 60})
    seen = " ".join(reading.inner_text().split()[:2])
    for _ in range(2):
        with page.expect_response("**/bars?*"):
            pass
    chart.hover(position={"x": 501, "y": 60})
    expect(reading).to_contain_text(seen)


def test_the_table_is_searched_and_sorted(live: Site, opened: Open) -> None:
    page = opened(live.url)
    page.keyboard.press("/")
    page.keyboard.type("ETHUSDT")
    expect(page.locator(".coins tbody tr")).to_have_count(1)
    page.wait_for_url("**/?q=ETHUSDT")
    page.reload()
    expect(page.locator(".coins tbody tr")).to_have_count(1)
    page.locator(".search input").fill("")
    expect(page.locator(".coins tbody tr")).to_have_count(32)
    page.locator(".coins thead th", has_text="Price").click()
    page.wait_for_function(
        """() => {
            const cells = [...document.querySelectorAll('.coins td.price')];
            const prices = cells.map(cell => Number(cell.innerText.replaceAll(',', '')));
            return prices.every((price, at) => at === 0 || prices[at - 1] <= price);
        }"""
    )
    page.keyboard.press("/")
    page.keyboard.type("THUSDT")  # begins no coin: Enter waits for the filter
    page.keyboard.press("Enter")
    page.wait_for_url("**/coin/ETHUSDT")


SCHEME = """
const real = matchMedia;
matchMedia = query => query.endsWith('scheme: light)')
    ? window.scheme ??= Object.assign(new EventTarget(), {matches: false}) : real(query);
addEventListener('beforeunload', () => {
    scheme.matches = true;
    scheme.dispatchEvent(new Event('change'));
    setTimeout(() => fetch('/healthz'), 1000);
});
"""
"""The system's theme changes as soon as the page is being left, while no answer has come yet."""


def test_nothing_stops_the_way_to_a_coin(live: Site, opened: Open) -> None:
    """Neither letters after Enter nor another theme while the answer is awaited."""
    page = opened(live.url)
    page.add_init_script(SCHEME)
    page.reload()
    expect(page.locator(".coins tbody tr")).to_have_count(32)
    awaited: list[Route] = []

    def hold(route: Route) -> None:
        awaited.append(route)

    page.route("**/coin/BTCUSDT", hold, times=1)
    page.keyboard.press("/")
    page.keyboard.type("BTC")
    with page.expect_request("**/healthz"):
        page.keyboard.press("Enter")
        page.keyboard.type("X")
    awaited[0].continue_()
    page.wait_for_url("**/coin/BTCUSDT")


def test_the_log_is_filtered_opened_and_downloaded(
    still: Site, opened: Open, tmp_path: Path
) -> None:
    page = opened(f"{still.url}/log")
    page.select_option("select[name=coin]", "ETHUSDT")
    page.select_option("select[name=result]", "trade")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/log?coin=ETHUSDT&source=&result=trade&from=&to=")
    rows = page.locator(".lines tr.entry")
    expect(rows.filter(has_not=page.locator(".coin", has_text="ETH"))).to_have_count(0)
    expect(rows.first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".lines tr.opened")).to_contain_text("horizon")
    for name, kind in (("CSV", "csv"), ("Parquet", "parquet")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        file = tmp_path / f"log.{kind}"
        download.value.save_as(file)
        assert download.value.suggested_filename == f"predictions.{kind}"
        if kind == "csv":
            lines = list(csv.DictReader(file.read_text().splitlines()))
            assert len(lines) == rows.count()
            assert {row["symbol"] for row in lines} == {"ETHUSDT"}
        else:
            assert file.read_bytes()[:4] == b"PAR1"


def test_hostile_words_are_not_run(still: Site, opened: Open) -> None:
    page = opened(f"{still.url}/log?coin=BTC")
    page.locator("button.opens").first.click()
    expect(page.locator("tr.opened")).to_contain_text(HOSTILE)
    coin = opened(f"{still.url}/coin/BTCUSDT")
    expect(coin.locator(".why")).to_contain_text(HOSTILE)
    overview = opened(still.url)
    expect(overview.locator(".coins tbody tr")).to_have_count(3)
    nowhere = opened(f"{still.url}/coin/%3Cimg%20src=x%20onerror=window.hacked=1%3E")
    expect(nowhere.get_by_text("There is no coin")).to_be_visible()
    for each in (page, coin, overview, nowhere):
        assert each.evaluate("window.hacked") is None
        assert each.locator("img[src=x]").count() == 0


def test_the_keys(still: Site, opened: Open) -> None:
    page = opened(still.url)
    expect(page.locator(".coins tbody tr")).to_have_count(3)
    page.keyboard.press("?")
    expect(page.locator("dialog.help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.help")).to_be_hidden()
    for key in "jjk":
        page.keyboard.press(key)
    focused = page.wait_for_function("document.activeElement.title").json_value()
    first = page.locator(".coins tbody a.line").first
    expect(first).to_have_attribute("title", focused)
    for top in ("BTCUSDT", "SOLUSDT"):  # whatever order the lines take, the coin keeps the focus
        page.evaluate("document.querySelector('.coins thead button').click()")
        expect(first).to_have_attribute("title", top)
        page.wait_for_function("name => document.activeElement.title === name", arg=focused)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/coin/{focused}")
    expect(page.locator("h1")).to_be_visible()
    page.go_back()
    page.locator(".coins tbody tr", has_text="SOL").locator("td.price").click()
    page.wait_for_url("**/coin/SOLUSDT")
    page.keyboard.press("1")
    page.wait_for_url(f"{still.url}/")
    page.wait_for_function("document.activeElement?.id === 'content'")
    page = opened(still.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_theme_and_zone_stay_as_chosen(still: Site, opened: Open) -> None:
    page = opened(f"{still.url}/log")
    expect(page.locator(".lines thead")).to_contain_text("Close, UTC")
    utc = page.locator(".lines .time").first.inner_text()
    page.locator("button.zone").click()
    expect(page.locator(".lines thead")).to_contain_text("Close, Tokyo")
    expect(page.locator(".lines .time").first).not_to_have_text(utc)
    html = page.locator("html")
    page.emulate_media(color_scheme="light")  # nothing was chosen yet: as the system has it
    expect(html).to_have_attribute("data-theme", "light")
    page.locator(".frame button.theme").click()
    expect(html).to_have_attribute("data-theme", "dark")
    page = opened(still.url)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("button.zone")).to_have_text("local")
    expect(page.locator(".warning").first).to_contain_text("The exchange is down since")


def test_a_page_whose_server_is_silent_freezes_by_itself(live: Site, opened: Open) -> None:
    page = opened(live.url)
    page.clock.install()
    page.reload()
    expect(page.locator(".coins tbody tr")).to_have_count(32)
    expect(page.locator(".banner")).to_be_hidden()
    os.kill(live.process.pid, signal.SIGSTOP)
    try:
        page.clock.fast_forward(61_000)
        expect(page.locator(".banner")).to_contain_text(re.compile(r"No new data for \d+ min"))
        expect(page.locator("body")).to_have_class(re.compile("frozen"))
        expect(page).to_have_title("Frozen: Overview")
        for part in (".view", ".frame .name", ".frame .badges"):
            expect(page.locator(part)).to_have_css("filter", "grayscale(1)")
    finally:
        os.kill(live.process.pid, signal.SIGCONT)
    page.clock.run_for(2_000)
    expect(page.locator(".banner")).to_be_hidden()
