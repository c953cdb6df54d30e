"""The engine without models: replay of history, and the live close. `python benchmarks/engine.py`.

Replay is measured in processor time of this process, the live close by the clock on the wall.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import build_catch_up, build_core
from crypto_bot.backtesting.replay import BatchedCommits, Replay, ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Commits, StoredSignal
from simulated_exchange.generated import GeneratedMarket

M15 = Timeframe.parse("15m")
ROOT = Path(__file__).parents[1]
SYMBOLS = load_symbols(ROOT / "symbols_32.json")
HISTORY_BARS = 6_200  # a little more than the views remember, for the bars of the first record
RECORD_BARS = 40
BARS = 1_000
LIVE_BARS = 300
RUNS = 5

Market = dict[str, list[Candle]]


def market(count: int) -> tuple[str, Market]:
    """Their origin, and the newest `count` candles of every coin."""
    folder = Path(os.environ.get("CRYPTO_BOT_TEST_DATA", ROOT.parent / "shared" / "data"))
    files = {symbol: folder / "candles_15m" / f"{symbol}.parquet" for symbol in SYMBOLS}
    if all(file.is_file() for file in files.values()):
        real = {symbol: read_candles(file).candles()[-count:] for symbol, file in files.items()}
        return "real candles", real
    generated = GeneratedMarket(SYMBOLS, M15.ms, seed=1)
    last_ms = 1_764_547_200_000
    since_ms = last_ms - (count - 1) * M15.ms
    return "a generated market", {
        s: list(starmap(Candle, generated.candles(s, since_ms, last_ms))) for s in SYMBOLS
    }


class Nowhere:
    """A store that discards commits."""

    def commit(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """Discards both."""


class StampedClock(ReplayClock):
    """Records the processor time of the first bar, at which the preload ends."""

    began_s = 0.0

    def set(self, now_ms: int) -> None:
        self.began_s = self.began_s or time.process_time()
        super().set(now_ms)


class Replayed(NamedTuple):
    """Result of a replay: time of the preload, and rate afterwards."""

    preload_s: float
    candles_per_s: float


def replay(settings: Settings, candles: SqlCandleArchive, last_ms: int, into: Commits) -> Replayed:
    """The newest `BARS` bars through the live cycle."""
    clock, commits = StampedClock(), BatchedCommits(into)
    core = build_core(settings, SYMBOLS, clock, commits, archive=candles)
    run = Replay(
        symbols=SYMBOLS,
        timeframe=M15,
        clock=clock,
        archive=candles,
        views=core.views,
        commits=commits,
        cycle=core.cycle,
    )
    began_s = time.process_time()
    done = run.run(last_ms - (BARS - 1) * M15.ms, last_ms)
    took_s = time.process_time() - clock.began_s
    return Replayed(clock.began_s - began_s, done.candles / took_s)


def replays(settings: Settings, history: Market, folder: Path) -> None:
    """Prints the rates without a store and into a SQLite file."""
    source = Database.open("sqlite://")
    candles = SqlCandleArchive(source, M15)
    candles.add(history)
    last_ms = max(series[-1].open_ms for series in history.values())
    replay(settings, candles, last_ms, Nowhere())  # compiles
    alone = [replay(settings, candles, last_ms, Nowhere()) for _ in range(RUNS)]
    stored = []
    for run in range(RUNS):
        database = Database.open(f"sqlite:///{folder / f'replay_{run}.db'}")
        stored.append(replay(settings, candles, last_ms, SqlPredictionStore(database, M15)))
        database.close()
    source.close()
    print_row("replay, preload", "s", [each.preload_s for each in alone + stored], "{:,.2f}")
    print_row("replay, no store", "candles/s", [each.candles_per_s for each in alone], "{:,.0f}")
    print_row(
        "replay, SQLite file", "candles/s", [each.candles_per_s for each in stored], "{:,.0f}"
    )


class Immediate:
    """A `CandleFeed` that returns the closed candles at once."""

    def __init__(self, history: Market, clock: ReplayClock) -> None:
        self._by_open = {
            symbol: {candle.open_ms: candle for candle in series}
            for symbol, series in history.items()
        }
        self._clock = clock

    def halted(self, symbol: str) -> str | None:  # noqa: ARG002 - the port's
        return None

    async def price(self, symbol: str) -> float:
        raise ExchangeUnavailable(symbol)

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """See `CandleFeed.candles`."""
        series = self._by_open[symbol]
        end_ms = min(until_ms, M15.last_closed(self._clock.now_ms()))
        return [series[at] for at in range(since_ms, end_ms + 1, M15.ms) if at in series]


async def live(settings: Settings, history: Market, database: Database) -> list[float]:
    """Milliseconds from the last reply to the commit, for each of the newest `LIVE_BARS` bars."""
    clock = ReplayClock()
    archive = SqlCandleArchive(database, M15)
    last_ms = max(series[-1].open_ms for series in history.values())
    since_ms = last_ms - (LIVE_BARS - 1) * M15.ms
    archive.add({s: [c for c in series if c.open_ms < since_ms] for s, series in history.items()})
    feed = Immediate(history, clock)
    catch_up = build_catch_up(
        settings, SYMBOLS, clock, database, feed=feed, timer=time.perf_counter
    )
    clock.set(since_ms)
    catch_up.recover(since_ms - M15.ms)
    await catch_up.to(since_ms - M15.ms)  # the record, and all that a first cycle must load
    took = []
    for open_ms in range(since_ms, last_ms + 1, M15.ms):
        clock.set(M15.close_of(open_ms) + 1_000)
        done = await catch_up.to(open_ms)
        took.append(done.cycle_s * 1e3)
    return took


def closes(settings: Settings, history: Market, folder: Path) -> None:
    """Prints the time of the live close with a SQLite file."""
    runs = []
    for run in range(RUNS):
        database = Database.open(f"sqlite:///{folder / f'live_{run}.db'}")
        runs.append(asyncio.run(live(settings, history, database)))
        database.close()
    measures: dict[str, Callable[[list[float]], float]] = {
        "median": statistics.median,
        "95 %": lambda took: float(np.quantile(took, 0.95)),
        "longest": max,
    }
    for name, measure in measures.items():
        print_row(
            f"live close, {name} of {LIVE_BARS}", "ms", [measure(run) for run in runs], "{:,.1f}"
        )


def print_row(name: str, unit: str, runs: Sequence[float], form: str) -> None:
    """One line: the median and the quartiles of the runs."""
    low, middle, high = (form.format(each) for each in np.quantile(runs, [0.25, 0.5, 0.75]))
    print(f"{name:28} {middle:>9} {unit:9}  ({low} to {high}, {len(runs)} runs)")


def machine() -> str:
    """The processor, its cores and the Python."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = names[0] if names else platform.processor()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    """Prints the table."""
    settings = load({"use_ml": False, "engine": {"record_bars": RECORD_BARS}})
    origin, history = market(HISTORY_BARS + BARS)
    print(f"{machine()}; {len(SYMBOLS)} coins, {origin}")
    with tempfile.TemporaryDirectory() as folder:
        replays(settings, history, Path(folder))
        recent = {s: series[-HISTORY_BARS - LIVE_BARS :] for s, series in history.items()}
        closes(settings, recent, Path(folder))


if __name__ == "__main__":
    main()
