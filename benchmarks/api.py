"""The API over 100,000 predictions: every GET, over a socket. `python -m benchmarks.api [URL]`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute

from benchmarks.store import BARS, HORIZON, M15, SYMBOLS, T0, outcome, prediction
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web import EventStream, Metrics, WebServer, bind, create_app
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.domain.candle import Candle
from crypto_bot.engine.health import Health, HealthReport, assess
from crypto_bot.models.catalog import PublishedCatalog
from crypto_bot.models.registry import ModelRegistry, ServingPolicy

REPEATS = 40
LIMIT_MS = 50.0
COIN = SYMBOLS[5]
ENDLESS = "/api/stream"
WEEK_MS = 7 * 86_400_000
LAST_MS = T0 + BARS * M15.ms
FILTERED = (
    f"/api/signals?symbol={COIN}&source=HOLD",
    "/api/signals?limit=1000",
    f"/api/performance?symbol={COIN}",
    "/api/performance?source=HOLD",
    f"/api/performance?since={LAST_MS - WEEK_MS}",
    f"/api/candles/{COIN}?limit=1000",
)


def fill(database: Database) -> None:
    """The log of an engine with 32 coins after a month; all but the newest are settled."""
    store = SqlPredictionStore(database, M15)
    log = [prediction(symbol, bar) for bar in range(BARS) for symbol in SYMBOLS]
    settled = log[: -HORIZON * len(SYMBOLS)]
    for row in range(0, len(log), 2_000):
        part = slice(row, row + 2_000)
        store.commit(log[part], [outcome(each) for each in settled[part]])
    series = [Candle(T0 + bar * M15.ms, 1.5, 2.5, 0.5, 1.7, 3.0) for bar in range(BARS)]
    SqlCandleArchive(database, M15).add(dict.fromkeys(SYMBOLS, series))


def health() -> HealthReport:
    """The health of an idle engine."""
    report = Health(started_ms=T0, last_cycle_ms=LAST_MS, last_open_ms=LAST_MS - M15.ms)
    return assess(report, LAST_MS, M15, 60_000)


def application(database: Database, models: Path, stream: EventStream) -> FastAPI:
    """The app of the daemon, for an idle engine without models."""
    policy = ServingPolicy(WEEK_MS, WEEK_MS)
    return create_app(
        queries=SqlPredictionQueries(database, M15),
        catalog=PublishedCatalog(ModelRegistry(models, M15, policy), SYMBOLS, lambda: LAST_MS),
        coverage=Coverage(tuple(SYMBOLS), M15),
        health=health,
        metrics=Metrics(health),
        stream=stream,
        now_ms=lambda: LAST_MS,
        host="127.0.0.1",
    )


@contextmanager
def served(app: FastAPI, stream: EventStream) -> Iterator[int]:
    """Runs `app` on an event loop in a separate thread; yields the port."""
    server = WebServer(app, bind("127.0.0.1", 0), stream)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    try:
        yield server.port
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def calls(app: FastAPI) -> list[str]:
    """Every GET that ends, so that new ones are included, and the most expensive filters."""
    paths = [
        route.path.replace("{symbol}", COIN)
        for route in app.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and route.path != ENDLESS
    ]
    return [*(path for path in paths if "{" not in path), *FILTERED]


def measure(port: int, path: str) -> None:
    """Prints the time of `REPEATS` calls after a first one.

    The processor's time is of server and client together: what a call costs on a busy machine too.
    """
    connection = HTTPConnection("127.0.0.1", port)
    times = []
    for number in range(REPEATS + 1):
        if number == 1:
            processor = time.process_time()
        started = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - started) * 1e3)
        if answer.status != 200:
            raise RuntimeError(f"{path} answers {answer.status}: {body[:200]!r}")
    processor_ms = (time.process_time() - processor) * 1e3 / REPEATS
    connection.close()
    times = sorted(times[1:])
    median, high = statistics.median(times), times[round(0.95 * REPEATS) - 1]
    over = "  OVER THE LIMIT" if median > LIMIT_MS else ""
    print(
        f"{path:40} median {median:7.2f} ms   95 % {high:7.2f} ms   "
        f"processor {processor_ms:7.2f} ms{over}"
    )


def main() -> None:
    """Uses a new SQLite file, or the empty database of the URL."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{Path(folder) / 'api.db'}"
        database = Database.open(url)
        fill(database)
        stream = EventStream()
        app = application(database, Path(folder), stream)
        print(f"with {BARS * len(SYMBOLS):,} predictions, {REPEATS} calls each:")
        with served(app, stream) as port:
            for path in calls(app):
                measure(port, path)
        database.close()


if __name__ == "__main__":
    main()
