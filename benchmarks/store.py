"""The store: times of commits, starts and API queries. `python benchmarks/store.py [URL]`."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Declined, Pred, Probabilities, Signal, Source, levels
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import StoredSignal

M15 = Timeframe.parse("15m")
T0 = 1_764_547_200_000
SYMBOLS = [f"C{number:02}USDT" for number in range(32)]
BARS = 3_125  # 100,000 predictions
HORIZON = 24
RNG = random.Random(1)  # noqa: S311 - no secret


def prediction(symbol: str, bar: int) -> StoredSignal:
    """A signal like those of the rules."""
    open_ms, entry = T0 + bar * M15.ms, RNG.uniform(1.0, 100.0)
    pred = RNG.choice(list(Pred))
    signal = Signal(
        symbol=symbol,
        tf=M15.name,
        candle_open_ms=open_ms,
        pred=pred,
        confidence=RNG.random(),
        distribution=Probabilities(RNG.random(), 0.3, 0.3).distribution,
        source=RNG.choice(list(Source)),
        levels=levels(pred, entry, entry / 100.0),
        atr=entry / 100.0,
        horizon_bars=HORIZON,
        reasons=("RSI below 30 with price above EMA 20", f"RSI {100 * RNG.random():.1f}"),
        declined=(Declined(Source.ML_PER_COIN_V1, "no model has been published for this coin"),),
        cost_bps=10.0,
    )
    return StoredSignal(signal, open_ms + M15.ms, late=False)


def outcome(stored: StoredSignal) -> Outcome:
    """An outcome of a signal."""
    signal = stored.signal
    label = RNG.choice(list(Pred))
    settled_ms = signal.candle_open_ms + (HORIZON + 1) * M15.ms
    moved = RNG.gauss(0.0, 50.0)
    return Outcome(
        signal.id, settled_ms, Status.SL, 1.0, moved, 3.0, -3.0, label, label, label is signal.pred
    )


def median_ms(name: str, call: Callable[[], object], repeats: int = 7) -> None:
    """Prints the median of `repeats` calls after a first one, with their range."""
    call()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1e3)
    print(f"{name:42} {statistics.median(times):9.2f} ms  ({min(times):.2f} .. {max(times):.2f})")


def rate(name: str, rows: int, started: float) -> None:
    """Prints rows a second since `started`."""
    print(f"{name:42} {rows / (time.perf_counter() - started):9,.0f} rows/s")


def write(store: SqlPredictionStore) -> None:
    """Fills the log like a replay, then commits like the engine."""
    log = [prediction(symbol, bar) for bar in range(BARS) for symbol in SYMBOLS]
    settled = [outcome(each) for each in log[: -HORIZON * len(SYMBOLS)]]
    started = time.perf_counter()
    for row in range(0, len(log), 2_000):
        store.commit(log[row : row + 2_000], [])
    rate("predictions, 2,000 a commit", len(log), started)
    started = time.perf_counter()
    for row in range(0, len(settled), 2_000):
        store.commit([], settled[row : row + 2_000])
    rate("outcomes, 2,000 a commit", len(settled), started)
    cycles = iter(
        [
            (
                [prediction(symbol, BARS + cycle) for symbol in SYMBOLS],
                [outcome(each) for each in log[len(settled) + 32 * cycle :][:32]],
            )
            for cycle in range(HORIZON)
        ]
    )
    median_ms(
        "a cycle: 32 predictions, 32 outcomes", lambda: store.commit(*next(cycles)), HORIZON - 1
    )


def read(store: SqlPredictionStore, queries: SqlPredictionQueries) -> None:
    """The queries of the API and of a start."""
    week_ms = T0 + (BARS - 672) * M15.ms
    page = queries.log_page(LogFilter(), None, 100)
    print(f"with {BARS * len(SYMBOLS):,} predictions, a page of {len(page)}:")
    median_ms("latest predictions", queries.latest_predictions)
    median_ms("log", lambda: queries.log_page(LogFilter(), None, 100))
    median_ms(
        "log of a coin and source",
        lambda: queries.log_page(LogFilter("C05USDT", Source.HOLD), None, 100),
    )
    median_ms("performance of a coin", lambda: queries.performance_rows("C05USDT", None, None))
    median_ms("performance of a week", lambda: queries.performance_rows(None, None, week_ms))
    median_ms("performance of everything", lambda: queries.performance_rows(None, None, None))
    median_ms("start: newest opens", store.newest_opens)
    median_ms("start: unsettled", store.unsettled)
    median_ms("start: tallies", store.tallies)
    median_ms("start: settled in the last week", lambda: store.settled_since(week_ms))


def candles(archive: SqlCandleArchive, queries: SqlPredictionQueries) -> None:
    """A first download of candles, and the start after it."""
    series = [Candle(T0 + bar * M15.ms, 1.5, 2.5, 0.5, 1.7, RNG.random()) for bar in range(7_000)]
    started = time.perf_counter()
    archive.add(dict.fromkeys(SYMBOLS, series))
    rate("candles", 7_000 * len(SYMBOLS), started)
    until_ms = T0 + 7_000 * M15.ms
    median_ms(
        "start: 7,000 candles of 32 coins",
        lambda: [archive.read(symbol, T0, until_ms) for symbol in SYMBOLS],
    )
    median_ms("newest 500 candles of a coin", lambda: queries.candles("C05USDT", 500))


def main() -> None:
    """Uses a new SQLite file, or the empty database of the URL."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{Path(folder) / 'store.db'}"
        database = Database.open(url)
        store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
        write(store)
        read(store, queries)
        candles(SqlCandleArchive(database, M15), queries)
        database.close()


if __name__ == "__main__":
    main()
