"""`mtf_42`: ten indicators of each of three timeframes, which coin it is, and eight data series.

The timeframes are that of the candles (`_x1`) and of 4 and of 16 of them (`_x4`, `_x16`): 15m, 1h
and 4h for candles of 15m (docs/adr/0017). Of the longer ones the newest closed candle counts.
`close` and `volume` are relative to their means of 24 candles, the cloud (`ich_a`, `ich_b`: its two
lines, without the shift that charts draw them with), `macd` and `atr` to the close; `trend_up` is 1
where the close is above its mean of 50. A series that is not known is 0, with 0 in its `_known`
column; flows and counts are logarithms (of the size, with its sign).
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import (
    atr_step,
    ema_step,
    log_ratio,
    rise_step,
    rsi_of,
    true_range,
)
from crypto_bot.features.per_coin_v2.memory import BAR, RUN
from crypto_bot.features.sets import FeatureSet
from crypto_bot.features.windows import CLOSE, HIGH, LOW, VOLUME, Feed
from crypto_bot.market_data.observations import Booleans, Floats, Integers, SeriesColumn

MULTIPLES = (1, 4, 16)
KEPT = 400
"""Candles of a timeframe that are measured: the start of Wilder's averages then weighs 1e-13."""
HISTORY_BARS = MULTIPLES[-1] * (KEPT + 1)
PERIOD, FAST, SLOW, MEAN, TREND = 14, 12, 26, 24, 50
CLOUD = (9, 26, 52)
WARM_UP_BARS = MULTIPLES[-1] * (CLOUD[-1] + 1)

INDICATORS = (
    *("ret1", "rv_24", "rsi", "macd", "ich_a", "ich_b", "atr", "trend_up", "close", "volume"),
)
RET1, RV, RSI, MACD, ICH_A, ICH_B, ATR, TREND_UP, LEVEL, TRADED = range(10)
COINS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
SERIES = (
    *(SeriesColumn(name, 3 * DAY_MS) for name in ("exchange_net_flow", "sopr", "active_addresses")),
    *(SeriesColumn(name, 2 * DAY_MS) for name in ("social_score", "social_volume")),
    SeriesColumn("btc_dominance", 2 * DAY_MS),
    SeriesColumn("dxy", 4 * DAY_MS),  # no trading at weekends
    SeriesColumn("bid_ask_ratio", HOUR_MS),
)
NAMES = tuple(each.series for each in SERIES)
COLUMNS = (
    *(f"{name}_x{multiple}" for multiple in MULTIPLES for name in INDICATORS),
    *(f"is_{coin.removesuffix('USDT').lower()}" for coin in COINS),
    *NAMES,
    *(f"{name}_known" for name in NAMES),
)
_MULTIPLES = np.array(MULTIPLES, np.int64)
_LOGARITHMS = np.array(
    [name in {"exchange_net_flow", "active_addresses", "social_volume"} for name in NAMES]
)
_FIRST_SERIES = len(MULTIPLES) * len(INDICATORS) + len(COINS)


class Memory(NamedTuple):
    """State of each coin; the first axis counts coins, the second timeframes."""

    marks: Integers  # last bar, candles since the last gap
    growing: Floats  # (coins, timeframes, 5)
    parts: Integers  # candles in the growing one
    closed: Floats  # (coins, timeframes, KEPT, 5), by their number modulo KEPT
    number: Integers  # of closed candles since the last gap
    measured: Floats  # (coins, timeframes, indicators) at the newest closed candle


def new_memory(coins: int) -> Memory:
    """An empty state."""
    per_timeframe = (coins, len(MULTIPLES))
    return Memory(
        np.zeros((coins, 2), np.int64),
        np.zeros((*per_timeframe, 5)),
        np.zeros(per_timeframe, np.int64),
        np.zeros((*per_timeframe, KEPT, 5)),
        np.zeros(per_timeframe, np.int64),
        np.zeros((*per_timeframe, len(INDICATORS))),
    )


@compiled
def advance(memory: Memory, coin: int, feed: Feed, rows: Floats, valid: Booleans) -> None:
    """Processes the candles of one coin; fills `rows` (NaN where not `valid`). See `batch`.

    Another market begins as after a gap: its volume is not comparable with that before.
    """
    marks, measured = memory.marks[coin], memory.measured[coin]
    series = len(NAMES)
    for i in range(feed.bars.shape[0]):
        bar = feed.bars[i]
        if marks[RUN] == 0 or bar != marks[BAR] + 1 or feed.cuts[i]:
            marks[RUN] = 0
            memory.parts[coin] = 0
            memory.number[coin] = 0
            measured[:] = 0.0
        marks[BAR] = bar
        marks[RUN] += 1
        for k in range(_MULTIPLES.shape[0]):
            _grow(memory, coin, k, bar, feed.candles[i])
        valid[i] = marks[RUN] >= feed.warm_up
        if not valid[i]:
            rows[i, :] = np.nan
            continue
        rows[i, : measured.size] = measured.ravel()
        rows[i, measured.size : _FIRST_SERIES] = feed.extras[i, series:]
        for k in range(series):
            value = feed.extras[i, k]
            if _LOGARITHMS[k]:
                value = np.sign(value) * np.log1p(abs(value))
            rows[i, _FIRST_SERIES + k] = value
            rows[i, _FIRST_SERIES + series + k] = 1.0 if feed.known[i, k] else 0.0


@compiled
def _grow(memory: Memory, coin: int, k: int, bar: int, candle: Floats) -> None:
    """Adds a candle to that of the timeframe `k` that is open, and measures it when it closes."""
    growing, whole = memory.growing[coin, k], _MULTIPLES[k]
    if bar % whole == 0:
        memory.parts[coin, k] = 0
    if memory.parts[coin, k] == 0:
        growing[:] = candle
    else:
        growing[HIGH] = max(growing[HIGH], candle[HIGH])
        growing[LOW] = min(growing[LOW], candle[LOW])
        growing[CLOSE] = candle[CLOSE]
        growing[VOLUME] += candle[VOLUME]
    memory.parts[coin, k] += 1
    if memory.parts[coin, k] < whole or bar % whole < whole - 1:
        return
    memory.closed[coin, k, memory.number[coin, k] % KEPT] = growing
    memory.number[coin, k] += 1
    _measure(memory.closed[coin, k], memory.number[coin, k], memory.measured[coin, k])


@compiled
def _measure(closed: Floats, count: int, out: Floats) -> None:
    """The indicators after the newest of `count` candles; 0 where there are too few for one."""
    n = min(count, KEPT)
    oldest = count - n
    newest = closed[(count - 1) % KEPT]
    price = newest[CLOSE]
    _smooth(closed, oldest, n, out)
    out[RET1] = price / closed[(count - 2) % KEPT, CLOSE] - 1.0 if n > 1 else 0.0
    out[RV] = _volatility(closed, count) if n > MEAN else 0.0
    fast = _middle(closed, count, CLOUD[0])
    slow = _middle(closed, count, CLOUD[1])
    long = _middle(closed, count, CLOUD[2])
    out[ICH_A] = 0.5 * (fast + slow) / price - 1.0 if n >= CLOUD[1] else 0.0
    out[ICH_B] = long / price - 1.0 if n >= CLOUD[2] else 0.0
    above = n >= TREND and price > _mean(closed, count, TREND, CLOSE)
    out[TREND_UP] = 1.0 if above else 0.0
    if n >= MEAN:
        out[LEVEL] = price / _mean(closed, count, MEAN, CLOSE) - 1.0
        out[TRADED] = log_ratio(newest[VOLUME], _mean(closed, count, MEAN, VOLUME))


@compiled
def _smooth(closed: Floats, oldest: int, n: int, out: Floats) -> None:
    """RSI, MACD and ATR of `n` candles from the one of number `oldest` on."""
    first = closed[oldest % KEPT]
    before = first[CLOSE]
    fast = slow = before
    atr = first[HIGH] - first[LOW]
    rise = fall = 0.0
    for i in range(1, n):
        candle = closed[(oldest + i) % KEPT]
        price = candle[CLOSE]
        atr = atr_step(atr, true_range(candle[HIGH], candle[LOW], before), i, PERIOD)
        rise = rise_step(rise, price - before, PERIOD)
        fall = rise_step(fall, before - price, PERIOD)
        fast = ema_step(fast, price, FAST)
        slow = ema_step(slow, price, SLOW)
        before = price
    out[RSI] = rsi_of(rise, fall) if n >= PERIOD else 0.0
    out[MACD] = (fast - slow) / before if n >= SLOW else 0.0
    out[ATR] = atr / before if n >= PERIOD else 0.0


@compiled
def _mean(closed: Floats, count: int, bars: int, column: int) -> float:
    total = 0.0
    for k in range(count - bars, count):
        total += closed[k % KEPT, column]
    return total / bars


@compiled
def _middle(closed: Floats, count: int, bars: int) -> float:
    """Of the highest high and the lowest low of the last candles."""
    high, low = -np.inf, np.inf
    for k in range(max(0, count - bars), count):
        high = max(high, closed[k % KEPT, HIGH])
        low = min(low, closed[k % KEPT, LOW])
    return 0.5 * (high + low)


@compiled
def _volatility(closed: Floats, count: int) -> float:
    """Standard deviation (of a sample) of the last log returns."""
    first = closed[(count - MEAN - 1) % KEPT, CLOSE]
    mean = log(closed[(count - 1) % KEPT, CLOSE] / first) / MEAN
    squares = 0.0
    for k in range(count - MEAN, count):
        r = log(closed[k % KEPT, CLOSE] / closed[(k - 1) % KEPT, CLOSE])
        squares += (r - mean) * (r - mean)
    return sqrt(squares / (MEAN - 1))


MTF_42 = FeatureSet(
    name="mtf_42",
    version=1,
    columns=COLUMNS,
    warm_up_limit=WARM_UP_BARS,
    history_bars=HISTORY_BARS,
    new_memory=new_memory,
    advance=advance,
    recent_return="ret1_x4",
    coins=COINS,
    series=SERIES,
    parameters={
        "multiples": MULTIPLES,
        "kept": KEPT,
        "warm_up": WARM_UP_BARS,
        "periods": [PERIOD, FAST, SLOW, MEAN, TREND, *CLOUD],
    },
)
