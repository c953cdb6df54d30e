"""Longer candles from shorter ones: whole ones alone."""

import numpy as np
import pytest

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.whole_bars import whole_bars

M15 = Timeframe.parse("15m")
START_MS = 1_764_547_200_000 + M15.ms  # a quarter past midnight: the first hour lacks a candle


def table(count: int, missing: tuple[int, ...] = ()) -> CandleTable:
    rng = np.random.default_rng(7)
    low = rng.uniform(1.0, 2.0, count)
    candles = np.column_stack([low + 0.2, low + 0.5, low, low + 0.3, rng.uniform(0, 9, count)])
    opens = START_MS + M15.ms * np.arange(count, dtype=np.int64)
    kept = np.setdiff1d(np.arange(count), missing)
    return CandleTable(opens[kept], candles[kept])


@pytest.mark.parametrize("name", ["1h", "4h", "1d"])
@pytest.mark.parametrize("missing", [(), (10, 40, 41, 199)])
def test_a_bar_is_made_of_all_its_candles_or_not_at_all(
    name: str, missing: tuple[int, ...]
) -> None:
    longer, base = Timeframe.parse(name), table(500, missing)
    made = whole_bars(base, M15, longer)
    expected = {}
    for open_ms in range(longer.open_of(START_MS), int(base.open_ms[-1]) + 1, longer.ms):
        inside = base.candles[(base.open_ms >= open_ms) & (base.open_ms < open_ms + longer.ms)]
        if len(inside) == longer.ms // M15.ms:
            high, low = inside[:, 1].max(), inside[:, 2].min()
            expected[open_ms] = [inside[0, 0], high, low, inside[-1, 3], inside[:, 4].sum()]
    assert made.open_ms.tolist() == list(expected)
    assert np.allclose(made.candles, list(expected.values()), rtol=1e-12)
    assert 0 < len(expected) < 500 * M15.ms // longer.ms


def test_too_few_candles_make_no_bar() -> None:
    for count in (0, 3):
        made = whole_bars(table(count), M15, Timeframe.parse("1h"))
        assert (made.open_ms.shape, made.candles.shape) == ((0,), (0, 5))
