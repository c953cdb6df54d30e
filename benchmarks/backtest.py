"""A backtest of 32 coins in processor time of one core: `python -m benchmarks.backtest [DAYS]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from benchmarks.engine import HISTORY_BARS, M15, SYMBOLS, market
from crypto_bot.app.settings import load
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.backtest import Backtest, Past
from crypto_bot.backtesting.columns import ModelCalls, Models
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Source
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable, candle_table

DAYS = 365
CALLS = 0.008
"""The share of candles on which a model trades, as those of the ensemble do."""
_T = TypeVar("_T")


def made_models(tables: dict[str, CandleTable], since_ms: int) -> Models:
    """Calls at random, one for each candle."""
    rng, calls = np.random.default_rng(1), {}
    for symbol, table in tables.items():
        times = table.open_ms[table.open_ms >= since_ms]
        side = rng.choice([-1, 0, 1], times.size, p=[CALLS / 2, 1.0 - CALLS, CALLS / 2])
        p = rng.dirichlet((3.0, 4.0, 3.0), times.size)
        expected = np.where(side != 0, 15.0, np.nan)
        calls[symbol] = ModelCalls(times, side, p, expected, LABELS.get("A"), "made")
    return Models(Source.ML_PER_COIN_V1, calls)


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """What it returns, and its processor time in seconds."""
    began_s = time.process_time()
    return work(), time.process_time() - began_s


def main(days: int) -> None:
    """Prints the rates."""
    settings = load({"use_ml": False})
    origin, history = market(HISTORY_BARS + days * DAY_MS // M15.ms)
    tables = {symbol: candle_table(candles) for symbol, candles in history.items()}
    del history
    since_ms = max(int(table.open_ms[-1]) for table in tables.values()) - days * DAY_MS
    past, few = Past(tables=tables), Past(tables={SYMBOLS[0]: tables[SYMBOLS[0]]})
    models = made_models(tables, since_ms)
    for name, engine in (
        ("rules", column_engine(settings)),
        ("stored model calls", column_engine(settings, models)),
    ):
        Backtest.run(engine, few, since_ms)  # compiles
        done, signals_s = timed(lambda engine=engine: Backtest.run(engine, past, since_ms))  # type: ignore[misc]
        _, ledgers_s = timed(lambda done=done: done.ledgers(settings.paper.plans()))  # type: ignore[misc]
        print(
            f"{name}, {done.candles:,} of {origin}: with outcomes "
            f"{done.candles / signals_s:,.0f} a second, with two accounts "
            f"{done.candles / (signals_s + ledgers_s):,.0f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DAYS)
