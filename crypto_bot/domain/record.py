"""The track record of a source, and the probability that its next call is right.

Beta-binomial shrinkage: a coin's own hits are pulled towards the source's hits over all coins, and
those towards a prior (Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 5, with fixed weights).
"""

from __future__ import annotations

from typing import NamedTuple

from crypto_bot.domain.signal import Pred, Probabilities

PRIOR_RATE = 1.0 / 3.0
"""Before any evidence the three labels are equally likely."""
PRIOR_WEIGHT = 30.0
"""Weight of the prior, in outcomes of the source."""
POOL_WEIGHT = 50.0
"""Weight of the source's rate, in outcomes on the coin."""


class Tally(NamedTuple):
    """Counts of settled calls: all, right, and those that moved to neither side."""

    n: int = 0
    hits: int = 0
    flats: int = 0

    def plus(self, other: Tally) -> Tally:
        """The sum of both."""
        return Tally(self.n + other.n, self.hits + other.hits, self.flats + other.flats)

    def minus(self, other: Tally) -> Tally:
        """The difference of both."""
        return Tally(self.n - other.n, self.hits - other.hits, self.flats - other.flats)


def tally_of(pred: Pred, side: Pred) -> Tally:
    """The counts of one settled call; `side` is what the class of its outcome stands for."""
    flat = side is Pred.NO_TRADE and pred is not Pred.NO_TRADE
    return Tally(1, int(side is pred), int(flat))


def probabilities(pred: Pred, on_coin: Tally, pooled: Tally) -> Probabilities:
    """P(label) after the call `pred` of a source with this record; P(pred) is its confidence.

    `on_coin` and `pooled` count calls of either side together: only right, flat and wrong matter.
    """
    hit = _shrunk(on_coin.n, on_coin.hits, pooled.n, pooled.hits)
    if pred is Pred.NO_TRADE:
        side = (1.0 - hit) / 2.0
        return Probabilities(side, hit, side)
    flat = _shrunk(on_coin.n, on_coin.flats, pooled.n, pooled.flats)
    wrong = 1.0 - hit - flat
    return (
        Probabilities(hit, flat, wrong) if pred is Pred.SHORT else Probabilities(wrong, flat, hit)
    )


def _shrunk(n: int, k: int, pooled_n: int, pooled_k: int) -> float:
    pooled = (pooled_k + PRIOR_WEIGHT * PRIOR_RATE) / (pooled_n + PRIOR_WEIGHT)
    return (k + POOL_WEIGHT * pooled) / (n + POOL_WEIGHT)
