"""The coins of the generated market: how they are priced, quoted, traded and moved."""

from __future__ import annotations

from math import floor, log10
from typing import NamedTuple
from zlib import crc32

import numpy as np


class Coin(NamedTuple):
    """One coin against USDT.

    `level` is the price around which it moves, `turnover` in USDT a day, `beta` its share in the
    moves of the whole market, `own_sd` the standard deviation of its own daily log returns.
    """

    level: float
    price_decimals: int
    lot_decimals: int
    turnover: float
    beta: float
    own_sd: float


COINS = {
    "BTCUSDT": Coin(93_500.0, 2, 5, 2.4e9, 1.00, 0.004),
    "ETHUSDT": Coin(3_350.0, 2, 4, 1.5e9, 1.15, 0.018),
    "BNBUSDT": Coin(705.0, 2, 3, 2.2e8, 0.85, 0.016),
    "SOLUSDT": Coin(192.0, 2, 3, 5.5e8, 1.25, 0.026),
    "XRPUSDT": Coin(2.10, 4, 1, 7.0e8, 1.05, 0.032),
    "ADAUSDT": Coin(0.860, 4, 1, 1.6e8, 1.25, 0.028),
    "DOGEUSDT": Coin(0.318, 5, 0, 4.2e8, 1.35, 0.032),
    "AVAXUSDT": Coin(36.0, 2, 2, 8.5e7, 1.35, 0.027),
    "DOTUSDT": Coin(6.70, 3, 2, 4.5e7, 1.25, 0.024),
    "TRXUSDT": Coin(0.256, 4, 1, 7.0e7, 0.50, 0.018),
    "LINKUSDT": Coin(20.4, 2, 2, 8.0e7, 1.30, 0.029),
    "LTCUSDT": Coin(104.0, 2, 3, 6.5e7, 1.05, 0.024),
    "BCHUSDT": Coin(437.0, 1, 3, 4.0e7, 1.10, 0.025),
    "POLUSDT": Coin(0.455, 4, 1, 2.2e7, 1.30, 0.027),
    "UNIUSDT": Coin(13.2, 3, 2, 5.0e7, 1.30, 0.033),
    "ATOMUSDT": Coin(6.30, 3, 2, 2.2e7, 1.20, 0.024),
    "ETCUSDT": Coin(25.2, 2, 2, 2.6e7, 1.15, 0.022),
    "XLMUSDT": Coin(0.333, 4, 0, 8.5e7, 1.05, 0.036),
    "FILUSDT": Coin(4.95, 3, 2, 3.0e7, 1.30, 0.026),
    "NEARUSDT": Coin(5.00, 3, 1, 4.5e7, 1.40, 0.030),
    "APTUSDT": Coin(8.70, 2, 2, 3.2e7, 1.35, 0.030),
    "ARBUSDT": Coin(0.725, 4, 1, 4.5e7, 1.40, 0.030),
    "OPUSDT": Coin(1.78, 3, 2, 3.6e7, 1.45, 0.031),
    "INJUSDT": Coin(19.8, 2, 2, 2.6e7, 1.45, 0.035),
    "SUIUSDT": Coin(4.10, 4, 1, 2.6e8, 1.30, 0.040),
    "ICPUSDT": Coin(10.0, 3, 2, 2.4e7, 1.25, 0.030),
    "HBARUSDT": Coin(0.272, 5, 0, 1.3e8, 1.15, 0.042),
    "VETUSDT": Coin(0.0440, 5, 1, 2.3e7, 1.20, 0.030),
    "AAVEUSDT": Coin(308.0, 2, 3, 6.5e7, 1.25, 0.035),
    "ALGOUSDT": Coin(0.332, 4, 0, 4.6e7, 1.25, 0.033),
    "SANDUSDT": Coin(0.550, 4, 0, 4.2e7, 1.35, 0.033),
    "MANAUSDT": Coin(0.465, 4, 0, 2.0e7, 1.35, 0.031),
}
"""Levels near those of 2025-01-01; the rest is of the size that real coins show, not fitted."""


def coin_of(symbol: str) -> Coin | None:
    """How `symbol` is traded: as in `COINS`, or drawn by its name where that has a digit.

    None for any other name. So there are as many coins as somebody asks for, such as SIM001USDT,
    and a misspelt name is still an error.
    """
    known = COINS.get(symbol)
    if known is not None or not any(map(str.isdigit, symbol)):
        return known
    random = np.random.default_rng(crc32(symbol.encode()))
    level = float(10.0 ** random.uniform(-1.5, 2.5))
    digits = floor(log10(level))
    return Coin(
        level,
        price_decimals=min(8, 4 - digits),
        lot_decimals=max(0, digits + 1),
        turnover=float(10.0 ** random.uniform(7.0, 8.5)),
        beta=float(random.uniform(0.8, 1.5)),
        own_sd=float(random.uniform(0.02, 0.04)),
    )
