"""The curves of a backtest as a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crypto_bot.backtesting.figures import AccountFigures, BacktestFigures
from crypto_bot.market_data.observations import Floats
from crypto_bot.training.plots import figure_of, png

Times = npt.NDArray[np.datetime64]
_WIDTH, _HEIGHT = 10.0, 4.5
"""Inches, of one account."""


def equity_plot(figures: BacktestFigures) -> bytes:
    """Of each account equity beside buy and hold, and under it the fall from the highest, PNG."""
    count = len(figures.accounts)
    drawn = figure_of((_WIDTH, _HEIGHT * max(1, count)))
    grid = drawn.subplots(2 * max(1, count), 1, sharex=True, height_ratios=[3, 1] * max(1, count))
    for at, account in enumerate(figures.accounts):
        equity, fall = grid[2 * at], grid[2 * at + 1]
        times, values, held = _columns(account)
        equity.plot(times, held, color="grey", linestyle=":", label="buy and hold")
        equity.plot(times, values, color="#1560BD", label=f"account {account.report.name}")
        equity.set(ylabel="equity")
        equity.legend(loc="upper left")
        fall.plot(times, _falls(held), color="grey", linestyle=":")
        fall.fill_between(times, _falls(values), color="#B04A00", linewidth=0.0)
        fall.set(ylabel="drawdown, %")
    return png(drawn)


def _falls(values: Floats) -> Floats:
    """Percent below the highest so far."""
    found: Floats = 100.0 * (values / np.maximum.accumulate(values) - 1.0)
    return found


def _columns(account: AccountFigures) -> tuple[Times, Floats, Floats]:
    points = account.points
    times = np.array([point.at_ms for point in points]).astype("datetime64[ms]")
    values, held = (np.array([float(each[at]) for each in points]) for at in (1, 2))
    return times, values, held
