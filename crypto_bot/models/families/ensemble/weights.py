"""Weights of the members, learned from rows that none of them was fitted on."""

from __future__ import annotations

import numpy as np

from crypto_bot.statistics.rows import Floats

_STEPS, _SETTLED = 1_000, 1e-9


def learned_weights(p: Floats, mass: Floats, equal_rows: float) -> Floats:
    """Weights [members] of a mean that minimises the log loss, drawn towards equal ones.

    `p` [members, n]: what each gave the class that came true; `mass` [n] weighs the rows.
    `equal_rows` rows count as if all members had explained them equally well. By expectation
    maximisation for the shares of a mixture (Dempster, Laird, Rubin 1977, section 4.3): a step
    never raises the loss, and the weights stay shares.
    """
    members = p.shape[0]
    weights = np.full(members, 1.0 / members)
    for _ in range(_STEPS):
        joint = weights[:, None] * np.maximum(p, np.finfo(np.float64).tiny)
        explained = (joint / joint.sum(axis=0) * mass).sum(axis=1)
        before, weights = weights, (explained + equal_rows / members) / (mass.sum() + equal_rows)
        if np.abs(weights - before).max() < _SETTLED:
            break
    shares: Floats = weights / weights.sum()
    return shares
