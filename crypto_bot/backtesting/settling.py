"""Outcomes of a whole history at once: `domain.outcome.settle` in columns, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.outcome import Status
from crypto_bot.domain.signal import STOP_ATR, TARGETS_ATR
from crypto_bot.features.compiled import compiled
from crypto_bot.features.windows import CLOSE, HIGH, LOW, OPEN
from crypto_bot.market_data.observations import Booleans, Floats, Integers

STATUSES = (Status.EXPIRED, Status.SL, Status.TP1, Status.TP2, Status.TP3)
_EXPIRED, _SL, _TP1 = 0, 1, 2
NO_SIDE = 2
OPEN_STILL = -1
_MIDDLE, _FURTHEST = TARGETS_ATR[1:]
Small = npt.NDArray[np.int8]


class Outcomes(NamedTuple):
    """The outcome of the signal of each candle, [n] each; see `domain.outcome.Outcome`.

    `settled`: place of the candle that decided it, `OPEN_STILL` where none does. `side`: what the
    class stands for, -1 SHORT, 0 NO_TRADE, 1 LONG, `NO_SIDE` where there is none. Where a signal
    is still open the others mean nothing.
    """

    settled: Integers
    status: Small
    exit_price: Floats
    return_bps: Floats
    mfe_bps: Floats
    mae_bps: Floats
    side: Small


class Asked(NamedTuple):
    """Signals of consecutive candles of a coin, [n] each.

    `side` 1 LONG, -1 SHORT, 0 NO_TRADE; `atr` in price units, NaN where unknown; `labelled`: it is
    settled at the end of its horizon, by a label of its own.
    """

    side: Integers
    atr: Floats
    horizon: Integers
    labelled: Booleans


def empty_outcomes(count: int) -> Outcomes:
    """Of so many signals that are still open."""
    return Outcomes(
        np.full(count, OPEN_STILL, np.int64),
        np.zeros(count, np.int8),
        *(np.full(count, np.nan), np.full(count, np.nan)),
        *(np.full(count, np.nan), np.full(count, np.nan)),
        np.full(count, NO_SIDE, np.int8),
    )


@compiled
def settle_all(bars: Integers, candles: Floats, asked: Asked, found: Outcomes) -> None:
    """Writes what the candles (n, 5) after each signal decide into `found`, that was empty.

    `bars` number the candles: a gap before the end leaves a signal open. `side` is that of the
    triple barrier; of labelled signals the label has to say it.
    """
    for i in range(bars.shape[0]):
        last = i + asked.horizon[i]
        left, top, bottom = _path(i, last, bars, candles, asked)
        if left < 0:
            continue
        settled = left
        if asked.labelled[i]:
            if last >= bars.shape[0] or bars[last] != bars[i] + last - i:
                continue
            settled = last
        found.settled[i] = settled
        _end(i, left, candles, asked, found)
        entry = candles[i, CLOSE]
        up, down = (top / entry - 1.0) * 1e4, (bottom / entry - 1.0) * 1e4
        found.mfe_bps[i] = -down if asked.side[i] < 0 else up
        found.mae_bps[i] = -up if asked.side[i] < 0 else down


@compiled
def _path(
    i: int, last: int, bars: Integers, candles: Floats, asked: Asked
) -> tuple[int, float, float]:
    """Where the signal `i` is left, and its extremes; -1 where the candles do not decide it."""
    entry = candles[i, CLOSE]
    reach = STOP_ATR * asked.atr[i] if asked.atr[i] > 0.0 else np.inf
    lower, upper = entry - reach, entry + reach
    watched = asked.side[i] != 0 or not asked.labelled[i]
    top, bottom = -np.inf, np.inf
    for j in range(i + 1, min(last, bars.shape[0] - 1) + 1):
        if bars[j] != bars[i] + j - i:
            break
        high, low = candles[j, HIGH], candles[j, LOW]
        top, bottom = max(top, high), min(bottom, low)
        if j == last or (watched and (low <= lower or high >= upper)):
            return j, top, bottom
    return -1, top, bottom


@compiled
def _end(i: int, at: int, candles: Floats, asked: Asked, found: Outcomes) -> None:
    """Writes the status, price, return and side of the signal `i`, left in the candle `at`."""
    entry, side, atr = candles[i, CLOSE], asked.side[i], asked.atr[i]
    price = candles[at, CLOSE]
    lower, upper = entry - STOP_ATR * atr, entry + STOP_ATR * atr  # NaN is never reached
    fell, rose = candles[at, LOW] <= lower, candles[at, HIGH] >= upper
    if (fell or rose) and (side != 0 or not asked.labelled[i]):
        if side == 0:
            up = rose and (not fell or price >= entry)
            found.side[i] = 1 if up else -1
        elif fell if side > 0 else rose:
            found.status[i] = _SL
            found.side[i] = -side
            price = _beyond(-side, lower if side > 0 else upper, candles[at, OPEN])
        else:
            found.status[i] = _TP1 + _passed(side, entry, atr, candles[at])
            found.side[i] = side
            price = _beyond(side, upper if side > 0 else lower, candles[at, OPEN])
    elif atr > 0.0:
        found.side[i] = 0
    found.exit_price[i] = price
    sign = -1.0 if side < 0 else 1.0
    found.return_bps[i] = 0.0 if side == 0 else sign * (price / entry - 1.0) * 1e4


@compiled
def _beyond(way: int, level: float, opened: float) -> float:
    """The fill of a `level` above (`way` 1) or below the entry in a candle with this open."""
    return max(level, opened) if way > 0 else min(level, opened)


@compiled
def _passed(side: int, entry: float, atr: float, candle: Floats) -> int:
    """How many targets after the first the candle reached."""
    passed = 0
    for k in (_MIDDLE, _FURTHEST):
        level = entry + side * k * atr
        reached = candle[HIGH] >= level if side > 0 else candle[LOW] <= level
        passed += int(reached)
    return passed
