"""`per_coin_v2`, group M: measures of the trading inside candles, from prices and volume."""

from __future__ import annotations

from math import exp, log, pi, sqrt

import numpy as np

from crypto_bot.features.averages import ATR, OLDER
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import log_ratio, ratio
from crypto_bot.features.per_coin_v2.memory import (
    BEST,
    BIPOWER,
    CLV,
    CLV_VOLUME,
    GARMAN_KLASS,
    ILLIQUIDITY,
    JUMP_BAR,
    JUMP_SIGN,
    LOG_VOLUME,
    LOG_VOLUME_SQUARE,
    PARKINSON,
    PATH,
    PATH_LOG_VOLUME,
    PLACE,
    RETURN_VOLUME,
    RISE_SQUARE,
    SHORT_PLACE,
    SIGNED_VOLUME,
    SQUARE,
    STREAK,
    TRADED,
    TRADED_PATH,
    TRADED_SQUARE,
    TURNOVER,
    VOLUME,
    W4,
    W16,
    W96,
    W672,
    WICKS,
    WORST,
    Memory,
    deviation,
    log_return,
)
from crypto_bot.market_data.observations import Floats

MICROSTRUCTURE = (
    "signed_volume_4",
    "signed_volume_96",
    "clv",
    "clv_4",
    "clv_16",
    *(f"volume_clv_{width}" for width in (4, 16, 96)),
    "volume_return_16",
    "vwap_distance_96",
    "vwap_distance_672",
    "illiquidity_16_672",
    "volume_96_672",
    "move_volume_correlation",
    "up_down_volume_16",
    *(f"wicks_{width}" for width in (4, 16, 96)),
    *(f"semivariance_{width}" for width in (16, 96, 672)),
    "jump_share_16",
    "jump_share_96",
    "since_jump",
    "jump_echo",
    "best_96",
    "worst_96",
    "parkinson_4_96",
    "parkinson_16_96",
    "garman_klass_96",
    "close_parkinson_96",
    "streak",
    "efficiency_16",
    "efficiency_96",
    *(f"ret_1_lag_{lag}" for lag in (1, 2, 3)),
)
JUMP_MEMORY = 672
"""Jumps longer ago than this count as none."""


@compiled
def write_microstructure(memory: Memory, bar: int, row: Floats) -> None:
    """The 37 columns of `MICROSTRUCTURE`. `row` starts at the first of them."""
    share = memory.averages[OLDER, ATR] / memory.recent[bar & SHORT_PLACE, 3]
    day = deviation(memory, bar, W96)
    _write_flow(memory, bar, share, day, row)
    _write_bars(memory, row)
    _write_jumps(memory, bar, day, row)
    _write_ranges(memory, day, row)
    row[31] = memory.marks[STREAK]
    row[32] = ratio(abs(log_return(memory, bar, 0, 16)), memory.sums.held[PATH, W16])
    row[33] = ratio(abs(log_return(memory, bar, 0, 96)), memory.sums.held[PATH, W96])
    for lag in range(1, 4):
        row[33 + lag] = ratio(log_return(memory, bar, lag, 1), share)


@compiled
def _write_flow(memory: Memory, bar: int, share: float, day: float, row: Floats) -> None:
    sums = memory.sums.held
    row[0] = ratio(sums[SIGNED_VOLUME, W4], sums[VOLUME, W4])
    row[1] = ratio(sums[SIGNED_VOLUME, W96], sums[VOLUME, W96])
    for span in range(W4, W672):
        row[5 + span] = ratio(sums[CLV_VOLUME, span], sums[VOLUME, span])
    row[8] = ratio(ratio(sums[RETURN_VOLUME, W16], sums[VOLUME, W16]), day)
    close = memory.logs[bar & PLACE]
    for k in range(2):
        traded, turnover = sums[VOLUME, W96 + k], sums[TURNOVER, W96 + k]
        scale = share * sqrt(96.0 if k == 0 else 672.0)
        row[9 + k] = ratio(close - log(turnover / traded), scale) if turnover > 0.0 else 0.0
    row[11] = log_ratio(sums[ILLIQUIDITY, W16] / 16.0, sums[ILLIQUIDITY, W672] / 672.0)
    row[12] = log_ratio(sums[VOLUME, W96] / 96.0, sums[VOLUME, W672] / 672.0)
    row[13] = _move_volume_correlation(sums)
    volume, signed = sums[VOLUME, W16], sums[SIGNED_VOLUME, W16]
    row[14] = log_ratio(volume + signed, volume - signed)


@compiled
def _move_volume_correlation(sums: Floats) -> float:
    """Correlation of |r| and log volume over the bars with volume among 96."""
    count = sums[TRADED, W96]
    if count < 2.0:
        return 0.0
    moves, logs = sums[TRADED_PATH, W96] / count, sums[LOG_VOLUME, W96] / count
    together = sums[PATH_LOG_VOLUME, W96] / count - moves * logs
    of_moves = sums[TRADED_SQUARE, W96] / count - moves * moves
    of_logs = sums[LOG_VOLUME_SQUARE, W96] / count - logs * logs
    # below this the variance is rounding: a volume that never changes has no correlation
    if of_moves <= 0.0 or of_logs <= 1e-12 * (1.0 + logs * logs):
        return 0.0
    correlation: float = together / sqrt(of_moves * of_logs)
    return max(-1.0, min(1.0, correlation))


@compiled
def _write_bars(memory: Memory, row: Floats) -> None:
    sums = memory.sums.held
    row[2] = memory.sums.values[CLV]
    row[3] = sums[CLV, W4] / 4.0
    row[4] = sums[CLV, W16] / 16.0
    row[15] = sums[WICKS, W4] / 4.0
    row[16] = sums[WICKS, W16] / 16.0
    row[17] = sums[WICKS, W96] / 96.0
    for span in range(W16, W672 + 1):
        both, up = sums[SQUARE, span], sums[RISE_SQUARE, span]
        row[17 + span] = ratio(2.0 * up - both, both)


@compiled
def _write_jumps(memory: Memory, bar: int, day: float, row: Floats) -> None:
    for span in range(W16, W96 + 1):
        squares, products = memory.sums.held[SQUARE, span], memory.sums.held[BIPOWER, span]
        row[20 + span] = ratio(squares - 0.5 * pi * products, squares)
    since = min(bar - memory.marks[JUMP_BAR], JUMP_MEMORY)
    row[23] = log(1.0 + since)
    row[24] = memory.marks[JUMP_SIGN] * exp(-since / 16.0) if since < JUMP_MEMORY else 0.0
    row[25] = ratio(memory.tops.held[BEST, W96], day)
    row[26] = ratio(-memory.tops.held[WORST, W96], day)


@compiled
def _write_ranges(memory: Memory, day: float, row: Floats) -> None:
    """Volatilities from ranges (M. Parkinson 1980; M. Garman and M. Klass 1980), as log ratios."""
    sums = memory.sums.held
    scale = 4.0 * log(2.0)
    parkinson = np.sqrt(sums[PARKINSON, W96] / (96.0 * scale))
    row[27] = log_ratio(np.sqrt(sums[PARKINSON, W4] / (4.0 * scale)), parkinson)
    row[28] = log_ratio(np.sqrt(sums[PARKINSON, W16] / (16.0 * scale)), parkinson)
    row[29] = log_ratio(np.sqrt(max(sums[GARMAN_KLASS, W96], 0.0) / 96.0), parkinson)
    row[30] = log_ratio(day, parkinson)
