"""Random entries with the exits of the engine's own calls: what luck alone would have earned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.backtesting.backtest import Backtest
from crypto_bot.backtesting.columns import CoinCalls
from crypto_bot.backtesting.day_sums import begins
from crypto_bot.backtesting.settling import OPEN_STILL, Asked, empty_outcomes, settle_all
from crypto_bot.market_data.observations import Booleans, Floats
from crypto_bot.statistics.intervals import DRAWS


class RandomEntry(NamedTuple):
    """Mean results after costs, basis points: of the episodes, and of as many random entries.

    Each draw enters as often on each coin, on each side, with the same stop, target and horizon.
    `low`, `high`: where 95 % of the draws lie; `below`: the share of draws below the episodes.
    """

    episodes: int
    mean_bps: float
    random_bps: float
    low: float
    high: float
    below: float


def random_entry(done: Backtest, seed: int = 0, draws: int = DRAWS) -> RandomEntry | None:
    """None where no episode has ended."""
    rng = np.random.default_rng(seed)
    total, drawn, earned = 0, np.zeros(draws), 0.0
    for symbol, calls in done.calls.items():
        ended = begins(calls, done.engine.timeframe) & (calls.outcomes.settled != OPEN_STILL)
        model = None if done.engine.models is None else done.engine.models.calls.get(symbol)
        by_model = np.zeros(ended.size, np.bool_)
        if model is not None:
            by_model = np.isin(calls.table.open_ms, model.open_ms)
        for of, horizon in ((~by_model, done.engine.horizon_bars), (by_model, _bars(done, symbol))):
            for side in (-1, 1):
                chosen = ended & of & (calls.side == side)
                count = int(chosen.sum())
                if not count:
                    continue
                pool = _results(done, calls, side, horizon)
                drawn += _sums(rng, pool, count, draws)
                earned += float((calls.outcomes.return_bps[chosen] - done.engine.cost_bps).sum())
                total += count
    if not total:
        return None
    means = drawn / total
    low, high = np.percentile(means, [2.5, 97.5])
    mean, middle = earned / total, float(means.mean())
    return RandomEntry(total, mean, middle, float(low), float(high), float((means < mean).mean()))


def _bars(done: Backtest, symbol: str) -> int:
    """Candles after which a model's call on `symbol` is left."""
    models = done.engine.models
    if models is None or symbol not in models.calls:
        return done.engine.horizon_bars
    return models.calls[symbol].label.horizon.bars(done.engine.timeframe)


def _results(done: Backtest, calls: CoinCalls, side: int, horizon: int) -> Floats:
    """After costs, of an entry at every candle that has an ATR."""
    count = calls.side.size
    outcomes = empty_outcomes(count)
    never: Booleans = np.zeros(count, np.bool_)
    asked = Asked(np.full(count, side), calls.atr, np.full(count, horizon), never)
    bars = calls.table.open_ms // done.engine.timeframe.ms
    settle_all(bars, calls.table.candles, asked, outcomes)
    known = (outcomes.settled != OPEN_STILL) & (calls.atr > 0.0)
    results: Floats = outcomes.return_bps[known] - done.engine.cost_bps
    return results


def _sums(rng: np.random.Generator, pool: Floats, count: int, draws: int) -> Floats:
    """Of `count` results each, [draws], in parts that fit into little memory."""
    found = np.empty(draws)
    step = max(1, 2_000_000 // count)
    for at in range(0, draws, step):
        rows = min(step, draws - at)
        found[at : at + rows] = rng.choice(pool, (rows, count)).sum(axis=1)
    return found
