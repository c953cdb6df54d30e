"""The trailing direction scores of one coin, among which a new one has its place."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.signal import Probabilities
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.decision import TrailingWindow, place
from crypto_bot.statistics.rows import Floats, Ints, single


class TrailingScores:
    """Scores of one model on one coin, by time; kept in single precision, as networks give them."""

    def __init__(self, open_ms: Ints, score: Floats, window: TrailingWindow) -> None:
        self._window = window
        self._count = open_ms.size
        self._open_ms = np.empty(2 * self._count + 1024, np.int64)
        self._score = np.empty(self._open_ms.size)
        self._open_ms[: self._count] = open_ms
        self._score[: self._count] = single(score)

    def add(self, open_ms: int, score: float) -> None:
        """Adds the score of a candle later than all others."""
        if self._count == self._open_ms.size:
            self._forget(open_ms - self._window.span_ms)
        self._open_ms[self._count] = open_ms
        self._score[self._count] = np.float32(score)
        self._count += 1

    def place(self, open_ms: int, score: float) -> float:
        """The place 0..1 of the score of a candle among the earlier ones; see `decision.place`."""
        known = slice(0, self._count)
        score = float(np.float32(score))
        return place(self._open_ms[known], self._score[known], open_ms, score, self._window)

    def _forget(self, before_ms: int) -> None:
        kept = slice(int(np.searchsorted(self._open_ms[: self._count], before_ms)), self._count)
        self._count -= kept.start
        if 2 * self._count > self._open_ms.size:
            self._open_ms = np.resize(self._open_ms[kept], 2 * self._open_ms.size)
            self._score = np.resize(self._score[kept], self._open_ms.size)
            return
        self._open_ms[: self._count] = self._open_ms[kept]
        self._score[: self._count] = self._score[kept]


def score_behind(served: Probabilities, calibration: Calibration) -> float:
    """The direction score that `served` were made of: exact, as it was in single precision."""
    tiny = float(np.finfo(np.float64).tiny)
    logit = np.log(max(served.long, tiny)) - np.log(max(served.short, tiny))
    return float(np.float32(logit / calibration.shrink))
