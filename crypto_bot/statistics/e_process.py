"""An e-process: evidence that one model is better than another, valid whenever it is looked at.

Each day the better model's advantage is bet on. Where there is no advantage, whatever the days have
in common, the wealth is a supermartingale from 1, and by Ville's inequality it ever reaches 20 with
a probability of at most 1 in 20 (Waudby-Smith and Ramdas, Estimating means of bounded random
variables by betting, 2024).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crypto_bot.statistics.rows import Floats

CLIP_NATS = 0.03
"""A day's difference counts up to this much either way: one day must not decide."""
PROMOTING = 20.0
"""Wealth at which the claim is accepted: at most one false claim in twenty."""
_BETS = np.linspace(0.05, 0.95, 19)
"""Shares of the wealth that are bet each day; which one is right depends on what is not known."""


def e_process(differences: Sequence[float] | Floats) -> Floats:
    """Wealth [n] after each day, from the daily mean advantage in log loss (nats, [n]).

    A mixture of bettors of constant shares, who begin with equal parts of the wealth. The claim is
    that the expected advantage given the days before is above 0.
    """
    advantage = np.clip(np.asarray(differences, np.float64), -CLIP_NATS, CLIP_NATS) / CLIP_NATS
    growth = np.cumsum(np.log1p(np.outer(_BETS, advantage)), axis=1)
    return np.asarray(np.exp(growth).mean(axis=0))
