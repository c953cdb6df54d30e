"""The page of the demo: what a stranger wants of it, by keyboard alone; marks at real prices.

How many keys and clicks each task takes stands in docs/results/tasks.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from crypto_bot.app.shipped import SYMBOLS, shipped
from crypto_bot.app.symbols import load_symbols
from tests.e2e.browsers import IN_A_BROWSER, Open
from tests.e2e.processes import Process
from tests.e2e.test_page_chart import MARKS, PAINTED

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(1_200)]
DEMO = ("-c", "from crypto_bot.app.cli import main; raise SystemExit(main())", "demo")
STARTING_MS = 600_000.0
MOST_KEYS = 20
"""For a task; a word that is typed counts as one."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo as it opens, at the pace of time: nothing moves while a test looks at it."""
    words = [*DEMO, "--port", "0", "--device", "cpu"]
    process = Process(words, {"CRYPTO_BOT_SIM__SPEED": "1"}, tmp_path_factory.mktemp("demo"))
    yield process.event("engine.started")["url"]
    process.kill()


class Keyboard:
    """Presses keys, and counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pressed = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.pressed += len(keys)

    def type(self, word: str) -> None:
        self.page.keyboard.type(word)
        self.pressed += 1

    def view(self, key: str) -> None:
        """The view with that number, when its content has the focus."""
        self.press(key)
        self.page.wait_for_function(
            "document.activeElement?.id === 'content' && window.socket?.connected"
        )

    def tab_to(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(MOST_KEYS):
            self.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{target} has no focus after {MOST_KEYS} tabs")

    def press_button(self, name: str, within: Page | Locator | None = None) -> None:
        self.tab_to((within or self.page).get_by_role("button", name=name, exact=True).first)
        self.press("Enter")

    def choose(self, label: str, word: str, within: Page | Locator | None = None) -> None:
        self.tab_to((within or self.page).get_by_role("combobox", name=label, exact=True))
        self.type(word)


def why_a_coin_is_long(keys: Keyboard) -> None:
    keys.press("/")
    keys.type("TRX")
    keys.press("Enter")
    expect(keys.page.locator("h1")).to_contain_text("TRX")
    expect(keys.page.locator(".why")).to_contain_text(re.compile(r"ML answered long: .*expected"))


def what_was_earned_after_costs_last_week(keys: Keyboard) -> None:
    keys.view("5")
    expect(keys.page.locator(".paper-strip")).to_contain_text(re.compile(r"7 days −\d+\.\d\d"))


def how_good_is_ml_on_sol(keys: Keyboard) -> None:
    keys.view("3")
    keys.press_button("ML")
    expect(keys.page).to_have_url(re.compile("source=models"))
    by_coin = keys.page.get_by_role("region", name="By coin")
    expect(by_coin.get_by_role("row").filter(has_text="SOL")).to_contain_text(re.compile(r"\d"))


def stop_paper_trading(keys: Keyboard) -> None:
    keys.view("5")
    keys.press_button("Stop paper trading …")
    expect(keys.page.get_by_label("Type STOP to confirm")).to_be_focused()
    keys.type("STOP")
    keys.press("Enter")
    expect(keys.page.locator(".stopped")).to_contain_text("Paper trading is stopped since")


def resume_it(keys: Keyboard) -> None:
    keys.view("5")
    keys.press_button("Resume …")
    expect(keys.page.get_by_label("Type RESUME to confirm")).to_be_focused()
    keys.type("RESUME")
    keys.press("Enter")
    expect(keys.page.locator(".stopped")).to_be_hidden()


def train_the_models(keys: Keyboard) -> None:
    keys.view("8")
    keys.press_button("Start", keys.page.get_by_role("region", name="Training"))
    expect(keys.page.locator(".job").first).to_contain_text("running")


def cancel_the_training(keys: Keyboard) -> None:
    keys.view("8")
    keys.press("p")
    keys.press_button("Cancel")
    expect(keys.page.locator(".job").first).to_contain_text("stopped")


def export_a_month(keys: Keyboard) -> None:
    keys.view("8")
    export = keys.page.get_by_role("region", name="Export")
    keys.press("p", "p")
    keys.choose("Time", "August", export)
    expect(export).to_contain_text("--since 2025-08-01 --until 2025-09-01")
    keys.press_button("Start", export)
    keys.press("n")
    with keys.page.expect_download() as download:
        keys.tab_to(keys.page.get_by_role("link", name="Download predictions.csv"))
        keys.press("Enter")
    assert download.value.path().read_text().count("\n") > 32 * 96 * 20


def make_the_page_green_and_red(keys: Keyboard) -> None:
    page = keys.page
    chip = page.locator(".coins .chip.long").first
    blue = chip.evaluate("each => getComputedStyle(each).backgroundColor")
    keys.press("?")
    keys.press_button("Green and red")
    expect(page.locator("html")).to_have_attribute("data-directions", "green_red")
    expect(chip).not_to_have_css("background-color", blue)


def make_it_light(keys: Keyboard) -> None:
    keys.press("?")
    keys.press_button("Light", keys.page.get_by_role("dialog"))
    expect(keys.page.locator("html")).to_have_attribute("data-theme", "light")


def show_the_times_of_this_place(keys: Keyboard) -> None:
    keys.press_button("UTC")
    expect(keys.page.locator(".frame button.zone")).to_have_text("local")


def which_calls_of_a_coin_ended_at_the_stop(keys: Keyboard) -> None:
    keys.view("7")
    keys.choose("Coin", "ICP")
    keys.choose("Result", "stop")
    keys.press("Enter")
    rows = keys.page.locator(".lines tr.entry")
    expect(rows.filter(has_not_text=re.compile("ICP.*stop", re.DOTALL))).to_have_count(0)
    expect(rows.first).to_be_visible()


def see_a_line_of_the_log_on_the_chart(keys: Keyboard) -> None:
    keys.view("7")
    keys.press("j")
    keys.press("Tab", "Enter")
    keys.page.wait_for_url("**/coin/*?at=*")
    expect(keys.page.locator(".chart canvas").first).to_be_visible()


def candles_of_four_hours_with_averages(keys: Keyboard) -> None:
    keys.view("2")
    keys.press_button("4h")
    keys.press_button("EMA")
    expect(keys.page.locator(".reading")).to_contain_text("EMA 8")


def why_a_model_may_answer(keys: Keyboard) -> None:
    keys.view("4")
    keys.press("j", "Enter")
    expect(keys.page.locator(".opened").first).to_contain_text("Gates")


def which_rule_refuses_most(keys: Keyboard) -> None:
    keys.view("5")
    keys.press("p", "p")
    rules = keys.page.get_by_role("region", name="Rules")
    expect(rules).to_be_focused()
    expect(rules).to_be_in_viewport()


def the_trades_of_an_account_as_a_file(keys: Keyboard) -> None:
    keys.view("5")
    keys.press_button("perp")
    expect(keys.page).to_have_url(re.compile("account=perp"))
    keys.press("p", "p", "p")
    with keys.page.expect_download() as download:
        keys.tab_to(keys.page.get_by_role("link", name="CSV"))
        keys.press("Enter")
    assert download.value.suggested_filename == "trades.csv"


def which_port_is_set_and_by_what(keys: Keyboard) -> None:
    keys.view("8")
    keys.tab_to(keys.page.get_by_role("link", name="Settings"))
    keys.press("Enter")
    row = keys.page.get_by_role("region", name="api").get_by_role("row").filter(has_text="port")
    expect(row.first).to_contain_text("flag")


def what_the_engine_warns_of(keys: Keyboard) -> None:
    keys.view("8")
    keys.tab_to(keys.page.get_by_role("link", name="Engine's log"))
    keys.press("Enter")
    keys.choose("From level", "warning")
    keys.press("Enter")
    keys.page.wait_for_url("**/system?part=log&level=warning&*")


def what_a_word_means(keys: Keyboard) -> None:
    keys.press("?")
    words = keys.page.locator("dialog.help .words")
    expect(words).to_contain_text("The distance from the entry to the stop")


TASKS: tuple[Callable[[Keyboard], None], ...] = (
    why_a_coin_is_long,
    what_was_earned_after_costs_last_week,
    how_good_is_ml_on_sol,
    stop_paper_trading,
    resume_it,
    train_the_models,
    cancel_the_training,
    export_a_month,
    make_the_page_green_and_red,
    make_it_light,
    show_the_times_of_this_place,
    which_calls_of_a_coin_ended_at_the_stop,
    see_a_line_of_the_log_on_the_chart,
    candles_of_four_hours_with_averages,
    why_a_model_may_answer,
    which_rule_refuses_most,
    the_trades_of_an_account_as_a_file,
    which_port_is_set_and_by_what,
    what_the_engine_warns_of,
    what_a_word_means,
)


def started(opened: Open, url: str) -> Page:
    """Overview, once the past of the demo is settled: seconds, but minutes on a busy machine."""
    page = opened(url)
    expect(page.locator(".coins .chip.long").first).to_be_visible(timeout=STARTING_MS)
    return page


def test_every_task_is_done_by_keyboard(demo: str, opened: Open) -> None:
    """Also in few keys: the count of each task is printed."""
    started(opened, demo).close()
    for task in TASKS:
        page = opened(demo)
        expect(page.locator(".coins tbody tr").first).to_be_visible()
        keys = Keyboard(page)
        task(keys)
        print(f"{task.__name__}: {keys.pressed} keys")
        assert keys.pressed <= MOST_KEYS, task.__name__
        page.close()


SHADES = """() => {
    const canvases = [...document.querySelectorAll('.chart canvas')];
    const height = Math.max(...canvases.map(each => each.height));
    const found = [];
    for (const canvas of canvases.filter(each => each.height === height)) {
        const often = {willReadFrequently: true};
        const copy = new OffscreenCanvas(canvas.width, height).getContext('2d', often);
        copy.drawImage(canvas, 0, 0);
        const {data, width} = copy.getImageData(0, 0, canvas.width, height);
        for (let x = 0; x < width; x++) {
            const shade = y => data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4);
            const rows = [];
            for (let y = 0; y < height; y++) {
                const [red, , blue, alpha] = shade(y);
                if (alpha > 16 && alpha < 40) rows.push([y, blue > red]);
            }
            if (rows.length > found.length) found.splice(0, found.length, ...rows);
        }
    }
    const rows = gain => found.filter(([, isGain]) => isGain === gain).map(([y]) => y);
    return {gain: rows(true), loss: rows(false)};
}"""
"""Rows of pixels in which the open call's reward and risk are shaded."""
BARS = 100


def test_the_marks_of_every_coin_lie_at_their_prices(demo: str, opened: Open) -> None:
    """Within what whole rows can tell: last price, entry, target, stop, between the candles' ends.

    Coins without an open call are given one, at the same distances for all.
    """
    shown: dict[str, Any] = {}

    def answer(route: Route) -> None:
        page = route.fetch().json()
        bars = page["bars"][-BARS:]
        entry = bars[-4][4]
        call = {"time": bars[-4][0], "expires": page["edge"] + 1800, "entry": entry}
        call |= {"stop": entry * 0.9863, "target": entry * 1.0137}
        shown.update(page, bars=bars, since=bars[0][0], first=bars[0][0], calls=[], fills=[])
        shown.update(odds=[], open=page["open"] or call)
        route.fulfill(json=shown)

    page = started(opened, demo)
    page.route("**/bars?*", answer)
    wrong = []
    for symbol in load_symbols(shipped(SYMBOLS)):
        page.goto(f"{demo}/coin/{symbol}")
        expect(page.locator(".reading")).to_contain_text("Vol")
        figure, last = page.locator(".coin-head .figure"), ""
        while figure.inner_text() != last:  # the price may move while it is looked at
            last = figure.inner_text()
            page.evaluate(PAINTED)
            rows, shades = page.evaluate(MARKS), page.evaluate(SHADES)
        high, low = (end(bar[at] for bar in shown["bars"]) for end, at in ((max, 2), (min, 3)))
        pixel = (high - low) / (rows["low"] - rows["high"])
        call = shown["open"]
        price = float(last.replace(",", ""))
        prices = {"last": price, **{name: call[name] for name in ("entry", "target", "stop")}}
        expected = {name: rows["high"] + (high - price) / pixel for name, price in prices.items()}
        edges = [max(min(shades["gain"]), min(shades["loss"]))]
        for name, row in expected.items():
            drawn = edges if name == "entry" else rows["levels"]
            # The price of now is printed in whole ticks, and drawn between bid and ask.
            half_tick = 0.5 * 10 ** -shown["decimals"] if name == "last" else 0.0
            if min(abs(each - row) for each in drawn) > 1.0 + half_tick / pixel:
                wrong.append((symbol, name, row, drawn))
    assert wrong == []
