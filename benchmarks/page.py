"""The page with 100,000 stored predictions: views, the chart's spans, and ten open pages.

Needs Chromium for the views. The daemon replays 240 simulated seconds in a real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap
from pathlib import Path
from queue import SimpleQueue

import httpx
import psutil
import socketio  # type: ignore[import-untyped]
from playwright.sync_api import sync_playwright

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.settings import load
from crypto_bot.app.symbols import load_symbols
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.engine_key import EngineKey
from simulated_exchange.generated import GeneratedMarket
from tests.adapters.web.page.made_log import QUARTER, fill
from tests.e2e.browsers import SHOWN
from tests.e2e.processes import LONGEST_S

ROOT = Path(__file__).parents[1]
SYMBOLS = load_symbols(ROOT / "symbols_32.json")
BARS = 3_130
VIEWS = {
    "/": ".coins tbody tr",
    "/coin/ETHUSDT": ".chart canvas",
    "/performance": ".verdict-line b",
    "/models": ".stack",
    "/paper": ".paper-strip .card",
    "/log": ".lines tr.entry",
    "/system": ".job-forms",
}
LOADS = 5
PAGES = 10
CYCLES = 5
ROUNDS = 2


class Daemon:
    """An engine on a database, whose cycles are read from its log."""

    def __init__(
        self,
        url: str,
        folder: Path,
        symbols: Path = ROOT / "symbols_32.json",
        speed: int = 240,
    ) -> None:
        words = ["--exchange", "sim", "--use_ml", "0", "--port", "0", "--database_url", url]
        self._child = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *words],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "CRYPTO_BOT_SIM__SPEED": str(speed),
                "CRYPTO_BOT_SYMBOLS_FILE": str(symbols),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said: SimpleQueue[str] = SimpleQueue()
        # Read continuously: a full pipe would block the engine.
        threading.Thread(target=self._listen, daemon=True).start()
        self._process = psutil.Process(self._child.pid)
        self.url = str(self.event("engine.started")["url"])

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._said.put(line)

    def event(self, name: str, within_s: float = LONGEST_S) -> dict[str, object]:
        """The next event `name`, a line of the log at least every `within_s`."""
        while f'"{name}"' not in (line := self._said.get(timeout=within_s)):
            pass
        event: dict[str, object] = json.loads(line)
        return event

    def cycles(self, count: int) -> tuple[float, float]:
        """Median `cycle_ms` of the next cycles, and CPU milliseconds of the daemon for each."""
        while not self._said.empty():
            self._said.get()
        before = self.cpu_ms()
        took = [float(str(self.event("cycle.finished")["cycle_ms"])) for _ in range(count)]
        return statistics.median(took), (self.cpu_ms() - before) / count

    @property
    def memory_bytes(self) -> int:
        """Resident memory."""
        return int(self._process.memory_info().rss)

    def cpu_ms(self) -> float:
        """Processor time so far."""
        used = self._process.cpu_times()
        return 1000 * float(used.user + used.system)

    def end(self) -> None:
        self._child.kill()
        self._child.wait()


@contextmanager
def daemon() -> Iterator[Daemon]:
    """An engine on a filled database."""
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{name}/engine.db"
        database = Database.open(url, EngineKey.of("sim", "spot"))
        newest_ms = QUARTER.last_closed(_now_ms())
        since_ms = newest_ms - (BARS - 1) * QUARTER.ms
        # The engine refuses to go on with other prices than those that it has.
        market = GeneratedMarket(SYMBOLS, QUARTER.ms, load({}).sim.seed)
        found = {each: market.candles(each, since_ms, newest_ms) for each in SYMBOLS}
        candles = {symbol: list(starmap(Candle, rows)) for symbol, rows in found.items()}
        fill(database, symbols=SYMBOLS, candles_by_symbol=candles)
        database.close()
        started = Daemon(url, Path(name))
        started.cycles(2)
        yield started
        started.end()


def _now_ms() -> int:
    return SystemClock().now_ms()


def ready(engine: Daemon) -> None:
    """Time from opening the address until the whole page is shown and its clock runs."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("page ready: there is no Chromium")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path, line in VIEWS.items():
            took = []
            context = browser.new_context(viewport={"width": 1440, "height": 1000})
            context.set_default_timeout(300_000)
            for _ in range(LOADS):
                page = context.new_page()
                begun = time.perf_counter()
                page.goto(engine.url + path, wait_until="commit")
                page.wait_for_selector(line)
                page.wait_for_function(SHOWN, arg=engine.url + path)
                took.append(time.perf_counter() - begun)
                page.close()
            context.close()
            each_s = ", ".join(f"{each:.2f}" for each in took)
            print(f"{path} ready: median {statistics.median(took):.2f} s ({each_s})")
        browser.close()


def history(engine: Daemon) -> None:
    """Time of each span of a chart, as it asks for them, back to the oldest candle."""
    with httpx.Client(base_url=engine.url, timeout=300) as client:
        for timeframe in ("15m", "4h", "1d"):
            took, until, first = [], None, 0
            while until is None or until > first:
                asked = {"tf": timeframe} | ({} if until is None else {"until": until})
                begun = time.perf_counter()
                page = client.get("/coin/ETHUSDT/bars", params=asked).raise_for_status().json()
                took.append(time.perf_counter() - begun)
                until, first = page["since"], page["first"]
            longest, median = max(took), statistics.median(took)
            print(f"chart {timeframe}: {len(took)} spans, median {median:.3f} s, {longest:.3f}")


async def opened(url: str) -> socketio.AsyncClient:
    """An open page without a browser."""
    async with httpx.AsyncClient(timeout=60) as client:
        html = (await client.get(url)).text
    found = re.search(r"'client_id': '([0-9a-f-]+)'", html)
    assert found is not None
    mark = found[1]
    listener = socketio.AsyncClient()
    query = f"client_id={mark}&next_message_id=0&implicit_handshake=true&tab_id=t{mark}"
    await listener.connect(
        f"{url}?{query}&document_id=d{mark}&old_tab_id=",
        socketio_path="/_nicegui_ws/socket.io",
        transports=["websocket"],
    )
    return listener


async def open_pages(engine: Daemon) -> None:
    """Cycles without pages and with ten, alternating."""
    for _ in range(ROUNDS):
        alone = await asyncio.to_thread(engine.cycles, CYCLES)
        pages = [await opened(engine.url) for _ in range(PAGES)]
        await asyncio.to_thread(engine.cycles, 1)
        watched = await asyncio.to_thread(engine.cycles, CYCLES)
        for page in pages:
            await page.disconnect()
        print(
            f"cycle alone {alone[0]:.1f} ms, with {PAGES} pages {watched[0]:.1f} ms; "
            f"CPU for each cycle {alone[1]:.0f} ms and {watched[1]:.0f} ms"
        )
        await asyncio.to_thread(engine.cycles, 10)  # until the closed pages are forgotten


def main() -> None:
    """Prints all measurements."""
    print(f"{len(SYMBOLS) * BARS:,} predictions; load {os.getloadavg()[0]:.1f}")
    with daemon() as engine:
        ready(engine)
        history(engine)
        asyncio.run(open_pages(engine))


if __name__ == "__main__":
    main()
