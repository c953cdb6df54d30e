"""Information about the model of a coin, as plain values."""

from __future__ import annotations

from typing import NamedTuple

from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import Interval, Measured


class ModelMetrics(NamedTuple):
    """A model on `rows` test rows of `days` days out of sample.

    Skills are log-loss skills; the direction is measured on this coin, and over the
    `coins_together` that were judged with it. `ece_floor`: the calibration error of noise alone.
    `labels`: each class, and how often it occurred on this coin.
    """

    rows: int
    days: int
    skill_prior: Interval
    skill_climatology: Interval
    direction_auc: Interval
    direction_auc_together: Interval
    coins_together: int
    ece: Measured
    ece_floor: Measured
    curves: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Loss in nats by epoch, by name such as `validation, move head`."""
    labels: tuple[tuple[str, int], ...] = ()


class ModelCard(NamedTuple):
    """A published model. `accepted_because` is the reason of a manual approval."""

    version: str
    verdict: str
    reasons: tuple[str, ...]
    accepted_because: str | None
    gates: tuple[Gate, ...]
    family: str
    size: str
    features: str
    window_bars: int
    label: str
    horizon_bars: int
    first_open_ms: int
    last_open_ms: int
    candles: int
    trained_ms: int
    trained_with: tuple[str, ...]
    metrics: ModelMetrics | None


class Staleness(NamedTuple):
    """The end of the data of a stale model, and the most days that may have passed since."""

    data_until_ms: int
    limit_days: float


STALE = "STALE"
"""The verdict of a card whose model is older than the settings allow, whatever it measured."""
POOLED = "pool:"
"""Stands before the version of the pool's model in signals."""


class ModelEntry(NamedTuple):
    """Whether the model of a coin answers and its trades stand, and the reason in words.

    `missing`: no model of it has been published. `pooled`: the card is that of the network of all
    the coins, which is asked for it. `stale` where its verdict is STALE. `challenger` is the
    version that answers beside it, to be compared.
    """

    symbol: str
    served: bool
    traded: bool
    reason: str
    card: ModelCard | None
    missing: bool = False
    pooled: bool = False
    stale: Staleness | None = None
    challenger: str | None = None

    @property
    def signed(self) -> str | None:
        """The `model_version` of its signals."""
        if self.card is None:
            return None
        return f"{POOLED}{self.card.version}" if self.pooled else self.card.version
