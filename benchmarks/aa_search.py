"""An A/A search: `python -m benchmarks.aa_search [RUNS]`. How often is luck called skill?

Each run makes candles without any edge, tries settings of one strategy on all of them, and asks the
deflated Sharpe ratio of the best, with the number of trials that were made. Trials resemble each
other as those of a real search do, half of them are near to the best so far, and volatility comes
in clusters with fat tails. Nothing is charged, so that the true Sharpe ratio of all trials is 0.
Beside it the same with an edge of a given size in the candles, which shows what is found.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np

from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.training.returns import SURE, deflated_sharpe

RUNS, TRIALS, DAYS, DAY_BARS = 400, 200, 250, 24
YEAR_DAYS = 365
_FEWEST, _MOST = np.array([2, 0.0, 1, 0]), np.array([200, 2.0, 72, 1])
"""Of a setting: bars looked back over, threshold in deviations, bars held, and for or against."""


class Best(NamedTuple):
    """The best trial of one run: its yearly Sharpe ratio, deflated and not."""

    sharpe: float
    deflated: float
    undeflated: float


def candle_returns(rng: np.random.Generator, edge: float) -> Floats:
    """Returns by bar, Student t(4) with clusters; each `edge` times the sign of the day before."""
    count = DAYS * DAY_BARS
    wave = np.zeros(count)
    noise = rng.normal(0.0, 0.08, count)
    for at in range(1, count):
        wave[at] = 0.99 * wave[at - 1] + noise[at]
    returns: Floats = 0.006 * np.exp(wave) * rng.standard_t(4, count) / np.sqrt(2.0)
    if edge:
        for at in range(DAY_BARS, count):
            returns[at] += edge * 0.006 * np.sign(returns[at - DAY_BARS : at].sum())
    return returns


def daily(returns: Floats, path: Floats, setting: Floats) -> Floats:
    """Daily returns of: enter when the move over some bars passes the threshold, hold some bars."""
    back, level, held, against = int(setting[0]), setting[1], int(setting[2]), setting[3] > 0.5
    move = np.zeros(returns.size)
    move[back:] = path[back:-1] - path[: -back - 1]
    side = np.where(np.abs(move) > level * 0.006 * np.sqrt(back), np.sign(move), 0.0)
    signs = np.concatenate(([0.0], -side[:-1] if against else side[:-1]))
    sums = np.concatenate(([0.0], np.cumsum(signs)))
    position = (sums[1:] - sums[np.maximum(np.arange(returns.size) + 1 - held, 0)]) / held
    found: Floats = (position * returns).reshape(DAYS, DAY_BARS).sum(axis=1)
    return found


def best_of(seed: int, edge: float = 0.0, trials: int = TRIALS) -> Best:
    """One search over candles of its own."""
    rng = np.random.default_rng(seed)
    returns = candle_returns(rng, edge)
    path = np.concatenate(([0.0], np.cumsum(returns)))
    best, chosen, top = np.zeros(DAYS), np.zeros(_MOST.size), -np.inf
    for number in range(trials):
        setting = rng.uniform(_FEWEST, _MOST)
        if number > trials // 4 and rng.random() < 0.5:
            near = chosen + rng.normal(0.0, 0.1, _MOST.size) * (_MOST - _FEWEST)
            setting = np.clip(near, _FEWEST, _MOST)
        found = daily(returns, path, setting)
        deviation = float(found.std(ddof=1))
        ratio = float(found.mean()) / deviation if deviation > 0.0 else 0.0
        if ratio > top:
            best, chosen, top = found, setting, ratio
    yearly = top * float(np.sqrt(YEAR_DAYS))
    return Best(yearly, deflated_sharpe(best, trials), deflated_sharpe(best, 1))


def claims(found: list[Best]) -> tuple[int, int]:
    """How many are called skill: deflated, and as if the best were the only trial."""
    return sum(e.deflated >= SURE for e in found), sum(e.undeflated >= SURE for e in found)


def main(runs: int) -> None:
    """Prints how often the best of a search is called skill."""
    seeds: Ints = np.arange(runs)
    for edge in (0.0, 0.05, 0.1):
        found = [best_of(int(seed), edge) for seed in seeds]
        deflated, plain = claims(found)
        middle = float(np.median([each.sharpe for each in found]))
        print(
            f"edge {edge:g}: {runs} runs of {TRIALS} trials, best Sharpe {middle:.2f} in the "
            f"median; deflated >= {SURE:g} in {deflated} ({deflated / runs:.1%}), as one trial "
            f"in {plain} ({plain / runs:.1%})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
