"""`per_coin_v2`, group C: the long context, from closed blocks and windows up to 30 days."""

from __future__ import annotations

from math import sqrt

from crypto_bot.features.averages import ATR, OLDER
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import bounded, log_ratio, ratio
from crypto_bot.features.per_coin_v2.memory import (
    BOTTOM,
    LONG_BARS,
    PLACE,
    PRODUCT,
    PRODUCT_4,
    RUN,
    SHORT_PLACE,
    SQUARE,
    SQUARE_4,
    SQUARE_16,
    TOP,
    W4,
    W96,
    W672,
    W2880,
    WIDTHS,
    Memory,
    deviation,
    log_return,
)
from crypto_bot.market_data.observations import Floats

CONTEXT = (
    "closed_4_return",
    "closed_4_stretch",
    "closed_96_return",
    "closed_96_stretch",
    "ret_288",
    "ret_672",
    "ret_2880",
    *(f"{place}_{width}" for width in (96, 672, 2880) for place in ("below_high", "above_low")),
    *(f"place_in_{width}" for width in (96, 672, 2880)),
    "sd_96_672",
    "sd_672_2880",
    "sd_4_672",
    "autocorrelation_96",
    "autocorrelation_672",
    "autocorrelation_4_672",
    "variance_ratio_4",
    "variance_ratio_16",
)
BLOCKS = 24
"""Maximum number of closed blocks in the average over blocks."""


@compiled
def _closed(bar: int, block: int) -> int:
    """The last bar of the newest block (of `block` bars since the epoch) that is complete."""
    return (bar + 1) // block * block - 1


@compiled
def closed_return(memory: Memory, bar: int, block: int) -> float:
    """Log return of the newest complete block."""
    return log_return(memory, bar, bar - _closed(bar, block), block)


@compiled
def closed_stretch(memory: Memory, bar: int, block: int, span: int) -> float:
    """Log distance of the newest closed block's close to the EMA `span` of closed blocks."""
    end = _closed(bar, block)
    count = min(BLOCKS, (memory.marks[RUN] - 1 - (bar - end)) // block + 1)
    newest = memory.logs[end & PLACE]
    keep = 1.0 - 2.0 / (span + 1.0)
    weight = 1.0
    total = weights = 0.0
    for k in range(count):
        total += weight * (newest - memory.logs[(end - k * block) & PLACE])
        weights += weight
        weight *= keep
    stretch: float = total / weights
    return stretch


@compiled
def write_context(memory: Memory, bar: int, row: Floats) -> None:
    """The 24 columns of `CONTEXT`. 30-day windows may be partly filled after the warm-up."""
    share = memory.averages[OLDER, ATR] / memory.recent[bar & SHORT_PLACE, 3]
    sums = memory.sums.held
    row[0] = ratio(closed_return(memory, bar, 4), 2.0 * share)
    row[1] = ratio(closed_stretch(memory, bar, 4, 8), 2.0 * share)
    row[2] = ratio(closed_return(memory, bar, 96), sqrt(96.0) * share)
    row[3] = ratio(closed_stretch(memory, bar, 96, 7), sqrt(96.0) * share)
    month = min(LONG_BARS, memory.marks[RUN] - 1)
    row[4] = ratio(log_return(memory, bar, 0, 288), sqrt(288.0) * share)
    row[5] = ratio(log_return(memory, bar, 0, 672), sqrt(672.0) * share)
    row[6] = ratio(log_return(memory, bar, 0, month), sqrt(float(month)) * share)
    for k in range(3):
        _write_range(memory, bar, k, share, row)
    day, week = deviation(memory, bar, W96), deviation(memory, bar, W672)
    row[16] = log_ratio(day, week)
    row[17] = log_ratio(week, deviation(memory, bar, W2880))
    row[18] = log_ratio(deviation(memory, bar, W4), week)
    row[19] = ratio(sums[PRODUCT, W96], sums[SQUARE, W96])
    row[20] = ratio(sums[PRODUCT, W672], sums[SQUARE, W672])
    row[21] = ratio(sums[PRODUCT_4, W672], sums[SQUARE_4, W672])
    row[22] = log_ratio(sums[SQUARE_4, W672], 4.0 * sums[SQUARE, W672])
    counted = min(LONG_BARS, memory.marks[RUN] - 16)
    row[23] = log_ratio(sums[SQUARE_16, W2880] / counted, 16.0 * sums[SQUARE, W2880] / month)


@compiled
def _write_range(memory: Memory, bar: int, k: int, share: float, row: Floats) -> None:
    span = W96 + k
    width = min(WIDTHS[span], memory.marks[RUN])
    scale = share * sqrt(float(width))
    close = memory.logs[bar & PLACE]
    top, bottom = memory.tops.held[TOP, span], -memory.tops.held[BOTTOM, span]
    row[7 + 2 * k] = ratio(top - close, scale)
    row[8 + 2 * k] = ratio(close - bottom, scale)
    row[13 + k] = bounded((close - bottom) / (top - bottom)) if top > bottom else 0.5
