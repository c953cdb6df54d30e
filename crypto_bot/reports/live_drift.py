"""Have log loss and calibration of the models drifted? Two e-processes on what has been settled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.domain.alarm import Alarm, Drifted
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.statistics.e_process import PROMOTING, e_process
from crypto_bot.statistics.loss_curve import Losses
from crypto_bot.statistics.recalibration import Recalibrations, settled_calls
from crypto_bot.statistics.resolved import ResolvedCalls
from crypto_bot.statistics.rows import Floats

LEAST_DAYS = 7


class Evidence(NamedTuple):
    """Of a claim, day by day."""

    days: int
    mean: float
    """Of the daily advantage, nats."""
    wealth: float
    """Of its e-process now; an alarm from 20 on."""

    @classmethod
    def of(cls, daily: Floats) -> Evidence:
        """From the daily advantages of what is claimed to be better."""
        if not daily.size:
            return cls(0, 0.0, 1.0)
        return cls(daily.size, float(daily.mean()), float(e_process(daily)[-1]))

    @property
    def is_alarm(self) -> bool:
        """Whether it is proven and has been looked at long enough."""
        return self.wealth >= PROMOTING and self.days >= LEAST_DAYS

    def __str__(self) -> str:
        return (
            f"{1000 * self.mean:+.1f} thousandths of a nat over {self.days} days, wealth "
            f"{self.wealth:.3g} (alarm at {PROMOTING:g})"
        )


def outcome_alarms(calls: ResolvedCalls, held: Losses) -> list[Alarm]:
    """Of the `calls` [n] of the models that answer now, with their losses `held` [n]."""
    known = np.isfinite(held.baseline)
    loss = Evidence.of(_by_day(calls.day[known], (held.calls - held.baseline)[known]))
    again = Recalibrations(lag_ms=0)
    again.add(settled_calls(calls))
    found = again.at(int(calls.open_ms.max(initial=0)) + DAY_MS)
    calibration = Evidence.of(np.array([each.saved for each in found.days]))
    alarms = []
    if loss.is_alarm:
        alarms.append(Alarm(Drifted.LOSS, None, f"worse than the shares of the labels by {loss}"))
    if calibration.is_alarm:
        words = f"{found.by} would have saved {calibration}"
        alarms.append(Alarm(Drifted.CALIBRATION, None, words))
    return alarms


def _by_day(day: np.ndarray[tuple[int], np.dtype[np.int64]], value: Floats) -> Floats:
    _, at = np.unique(day, return_inverse=True)
    return np.asarray(np.bincount(at, value) / np.bincount(at))
