"""The time of the week as two inputs of a head: how volatile it will be, and how often it moves.

Both are functions of the quarter of an hour of the week in which a candle closes, learned from the
rows of the fit alone and kept among the weights. Volatility has a daily course, and weekends have
one of their own (T. Andersen and T. Bollerslev, Journal of Empirical Finance, 1997).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.models.families.family import Examples
from crypto_bot.models.scaling import CLIP, in_parts
from crypto_bot.statistics.rows import Bools, Floats, Ints

SEASON = "season"
"""The part of `ModelSpec.reads` that names the columns of `Seasonal`."""
WEEK = 7 * 96
"""Quarters of an hour in a week, from Monday 00:00 UTC."""
INPUTS = 2
"""The volatility to come over that of the ATR, and the log odds of a move."""
_QUARTER_MS = HOUR_MS // 4
_DAY, _WEEKEND = DAY_MS // _QUARTER_MS, 5 * DAY_MS // _QUARTER_MS
_ATR_BARS, _WILDER_BARS = 14, 112
"""Wilder's average weighs a bar 1/14; of what is older than 112 bars .02 % is left."""
_PRIOR_ROWS = 100.0


class Seasonal(NamedTuple):
    """Where a row has its time and its volatility: columns, then the bar and the horizon in bars.

    `week`: full hours since Monday as a share of the week, `hour`: place in the hour, both when the
    candle closed. `ret`: log return of the bar over its ATR, `atr`: log of the ATR over that of
    seven days.
    """

    week: int
    hour: int
    ret: int
    atr: int
    step_ms: int
    horizon_bars: int


def place_of(clock: Tensor) -> Tensor:
    """Quarters of an hour since Monday [...] of the columns `week` and `hour`, [..., 2]."""
    hours = (clock[..., 0] * (WEEK // 4)).round()
    quarters = (clock[..., 1] * 4.0 + 0.01).floor()
    return (hours * 4.0 + quarters).clamp(0, WEEK - 1).long()


def season_of(fit: Examples, moves: Bools, seasonal: Seasonal) -> npt.NDArray[np.float32]:
    """The inputs at each quarter of the week [WEEK, INPUTS], each of mean 0 and deviation 1.

    The first is the log of the volatility expected over the bars of the horizon, over that
    expected, with Wilder's weights, for the bars that made the ATR; expected is the mean square of
    a bar's return over its seven days' ATR, by quarter of the day and weekend. The second is the
    log odds of a move, `moves` [n] of the fit rows, by the same cells.
    """
    places, squares = _observed(fit, seasonal)
    step = seasonal.step_ms
    bars_ago = seasonal.step_ms // _QUARTER_MS
    week = np.arange(WEEK)
    expected = _by_cell((places - bars_ago) % WEEK, squares)
    ahead = np.array([k * step // _QUARTER_MS for k in range(seasonal.horizon_bars)])
    behind = np.array([-bars_ago - k * step // _QUARTER_MS for k in range(_WILDER_BARS)])
    weights = (1.0 - 1.0 / _ATR_BARS) ** np.arange(_WILDER_BARS)
    coming = expected[(week[:, None] + ahead) % WEEK].mean(axis=1)
    past = np.sqrt(expected[(week[:, None] + behind) % WEEK]) @ (weights / weights.sum())
    rate = _by_cell(places, moves.astype(np.float64))
    inputs = np.column_stack([0.5 * np.log(coming) - np.log(past), np.log(rate / (1.0 - rate))])
    count = np.bincount(places, minlength=WEEK)
    mean = np.average(inputs, axis=0, weights=count)
    deviation = np.sqrt(np.average((inputs - mean) ** 2, axis=0, weights=count))
    deviation[deviation < np.finfo(np.float32).eps] = 1.0
    return np.clip((inputs - mean) / deviation, -CLIP, CLIP).astype(np.float32)


def _observed(fit: Examples, seasonal: Seasonal) -> tuple[Ints, Floats]:
    """Of each fit row its place in the week, and the square of its bar's return, [n]."""
    places, squares = np.empty(fit.ends.size, np.int64), np.empty(fit.ends.size)
    for part in in_parts(fit.ends.size):
        rows = fit.features[fit.ends[part]]
        clock = torch.from_numpy(rows[:, [seasonal.week, seasonal.hour]])
        places[part] = place_of(clock).numpy()
        ret, atr = (rows[:, at].astype(np.float64) for at in (seasonal.ret, seasonal.atr))
        squares[part] = (ret * np.exp(atr)) ** 2
    return places, squares


def _by_cell(places: Ints, values: Floats) -> Floats:
    """Mean of `values` [n] at each quarter of the week [WEEK], by quarter of the day and weekend.

    Each is drawn towards the mean of all as by 100 rows.
    """
    cell = np.arange(WEEK) % _DAY + _DAY * (np.arange(WEEK) >= _WEEKEND)
    own = cell[places]
    total = np.bincount(own, values, 2 * _DAY) + _PRIOR_ROWS * values.mean()
    mean: Floats = total / (np.bincount(own, minlength=2 * _DAY) + _PRIOR_ROWS)
    return mean[cell]
