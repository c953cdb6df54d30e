"""Candles for tests: generated from a seed, and real ones if available."""

import numpy as np
import pyarrow.parquet as pq

from crypto_bot.domain.candle import Candle
from crypto_bot.market_data.candle_table import CandleTable
from tests.real_data import real_folder

STEP_MS = 900_000
FIRST_MS = 1_700_000_100_000 // STEP_MS * STEP_MS


def walk(
    count: int, seed: int, *, missing: tuple[int, ...] = (), price: float = 100.0
) -> CandleTable:
    """A random walk of 15-minute candles with fat tails, quiet stretches and flat bars."""
    rng = np.random.default_rng(seed)
    calm = 0.003 * np.exp(0.6 * np.sin(np.arange(count) / 250.0))
    close = price * np.exp(np.cumsum(calm * rng.standard_t(4, count)))
    opened = np.concatenate(([price], close[:-1])) * np.exp(2e-4 * rng.standard_normal(count))
    high = np.maximum(opened, close) * np.exp(np.abs(calm * rng.standard_normal(count)))
    low = np.minimum(opened, close) * np.exp(-np.abs(calm * rng.standard_normal(count)))
    volume = 50.0 * np.exp(rng.standard_normal(count))
    candles = np.column_stack([opened, high, low, close, volume])
    flat = rng.random(count) < 0.01  # nothing traded
    candles[flat, :4] = np.concatenate(([price], close[:-1]))[flat, None]
    candles[flat, 4] = 0.0
    candles[:, 1] = candles[:, :4].max(axis=1)
    candles[:, 2] = candles[:, :4].min(axis=1)
    kept = np.setdiff1d(np.arange(count), missing)
    return CandleTable(FIRST_MS + kept * STEP_MS, np.ascontiguousarray(candles[kept]))


def real_candles(symbol: str, count: int) -> CandleTable:
    """The last so many real 15-minute candles of a symbol; skips the test where there are none."""
    table = pq.read_table(real_folder("candles_15m") / f"{symbol}.parquet")
    columns = [table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")]
    candles = np.column_stack(columns)[-count:]
    return CandleTable(table["timestamp"].to_numpy()[-count:], np.ascontiguousarray(candles))


def candles_of(coin: CandleTable) -> list[Candle]:
    rows = zip(coin.open_ms.tolist(), coin.candles.tolist(), strict=True)
    return [Candle(at, *row) for at, row in rows]
