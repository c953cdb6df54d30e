"""The direction scores of one coin over 60 days, among which a new one has its place."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.signal import Probabilities
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.decision import TRAILING_MS, place
from crypto_bot.statistics.rows import Floats, Ints


class TrailingScores:
    """Scores of one model on one coin, by time; kept in single precision, as networks give them."""

    def __init__(self, open_ms: Ints, score: Floats) -> None:
        self._count = open_ms.size
        self._open_ms = np.empty(2 * self._count + 1024, np.int64)
        self._score = np.empty(self._open_ms.size)
        self._open_ms[: self._count] = open_ms
        self._score[: self._count] = single(score)

    def add(self, open_ms: int, score: float) -> None:
        """Takes the score of a candle later than all others in."""
        if self._count == self._open_ms.size:
            self._forget(open_ms - TRAILING_MS)
        self._open_ms[self._count] = open_ms
        self._score[self._count] = np.float32(score)
        self._count += 1

    def place(self, open_ms: int, score: float) -> float:
        """The place 0..1 of the score of a candle among the earlier ones; see `decision.place`."""
        known = slice(0, self._count)
        return place(self._open_ms[known], self._score[known], open_ms, float(np.float32(score)))

    def _forget(self, before_ms: int) -> None:
        kept = slice(int(np.searchsorted(self._open_ms[: self._count], before_ms)), self._count)
        self._count -= kept.start
        if 2 * self._count > self._open_ms.size:
            self._open_ms = np.resize(self._open_ms[kept], 2 * self._open_ms.size)
            self._score = np.resize(self._score[kept], self._open_ms.size)
            return
        self._open_ms[: self._count] = self._open_ms[kept]
        self._score[: self._count] = self._score[kept]


def single(score: Floats) -> Floats:
    """`score` as it is in single precision."""
    return score.astype(np.float32).astype(np.float64)


def score_of(told: Probabilities, calibration: Calibration) -> float:
    """The raw direction logit of which `told` were made: exact, as it was in single precision."""
    tiny = float(np.finfo(np.float64).tiny)
    logit = np.log(max(told.long, tiny)) - np.log(max(told.short, tiny))
    return float(np.float32(logit / calibration.shrink))
