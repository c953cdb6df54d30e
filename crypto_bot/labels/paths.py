"""What a label rule sees: the candles after each close, and the ATR at the close."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.features.windows import CLOSE, HIGH, LOW, OPEN
from crypto_bot.market_data.observations import Floats


class Paths(NamedTuple):
    """Of n closes the `horizon` candles that follow each: prices [n, horizon], and ATR [n]."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    atr: Floats

    @property
    def entry(self) -> Floats:
        """Where every trade enters: the next open, [n]."""
        return self.open[:, 0]


class Ends(NamedTuple):
    """How each path ends, [n] each.

    `bar`: the last bar that the label looks at, 0 for the first after the close; `price`: at which
    a trade is left there; `label`: index of the class.
    """

    bar: npt.NDArray[np.intp]
    price: Floats
    label: npt.NDArray[np.int8]


Rule = Callable[[Paths, tuple[float, ...]], Ends]
"""Decides paths by the thresholds of a spec. Nothing but the paths may be read."""


def paths_of(candles: Floats, atr: Floats, horizon: int) -> Paths:
    """Of every candle (n, 5) that `horizon` others follow: views, nothing is copied."""
    after = np.lib.stride_tricks.sliding_window_view(candles[1:], horizon, axis=0)
    return Paths(
        *(after[:, OPEN], after[:, HIGH], after[:, LOW], after[:, CLOSE]), atr[: after.shape[0]]
    )
