"""The curves of a backtest as a picture."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from crypto_bot.backtesting.figures import AccountFigures, BacktestFigures
from crypto_bot.training.plots import figure_of, png

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
        peaks = np.array(list(accumulate(values, max)))
        fall.fill_between(times, 100.0 * (values / peaks - 1.0), color="#B04A00", linewidth=0.0)
        fall.set(ylabel="drawdown, %")
    return png(drawn)


def _columns(account: AccountFigures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    points = account.points
    times = np.array([point.at_ms for point in points], "datetime64[ms]")
    values, held = (np.array([float(each[at]) for each in points]) for at in (1, 2))
    return times, values, held
