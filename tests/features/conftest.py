"""Candles for the tests of features: generated from a seed, and real ones if available."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from crypto_bot.features.sets import FEATURE_SETS
from crypto_bot.market_data.candle_table import CandleTable
from tests.features.funded import FUNDED

STEP_MS = 900_000
FIRST_MS = 1_700_000_100_000 // STEP_MS * STEP_MS

Walk = Callable[..., CandleTable]


@pytest.fixture(autouse=True)
def funded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more set, which reads a data series."""
    entries = {**FEATURE_SETS._entries, FUNDED.name: FUNDED}
    monkeypatch.setattr(FEATURE_SETS, "_entries", entries)


@pytest.fixture
def walk() -> Walk:
    """Makes a random walk of 15-minute candles with fat tails, quiet stretches and flat bars."""

    def make(
        count: int, seed: int, *, missing: tuple[int, ...] = (), price: float = 100.0
    ) -> CandleTable:
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

    return make


@pytest.fixture
def real_candles() -> Callable[[str, int], CandleTable]:
    """Reads the last so many real 15-minute candles of a symbol."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("CRYPTO_BOT_TEST_DATA", beside)) / "candles_15m"
    if not folder.is_dir():
        pytest.skip(f"no real candles in {folder}: set CRYPTO_BOT_TEST_DATA")

    def read(symbol: str, count: int) -> CandleTable:
        table = pq.read_table(folder / f"{symbol}.parquet")
        columns = [table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")]
        candles = np.column_stack(columns)[-count:]
        return CandleTable(table["timestamp"].to_numpy()[-count:], np.ascontiguousarray(candles))

    return read
