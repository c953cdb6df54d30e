"""What is told of the own model of a coin, as plain values."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """A measurement with its 95 % interval; None is unknown."""

    value: float | None
    low: float | None
    high: float | None


class ModelGate(NamedTuple):
    """One test that a model's verdict follows from: `value` against `limit`, and in words."""

    name: str
    passed: bool
    value: float | None
    limit: float | None
    words: str


class ModelMetrics(NamedTuple):
    """A model on `rows` test rows of `days` days that it had never seen.

    Skills are log-loss skills; the direction is measured on this coin, and over the
    `coins_together` that were judged with it. `ece_floor`: the calibration error of noise alone.
    """

    rows: int
    days: int
    skill_prior: Measure
    skill_climatology: Measure
    direction_auc: Measure
    direction_auc_together: Measure
    coins_together: int
    ece: float | None
    ece_floor: float | None
    curves: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Loss in nats by epoch, by name such as `validation, move head`."""


class ModelCard(NamedTuple):
    """What the files of a published model say of it. `accepted_because` lifted a BLOCKED."""

    version: str
    verdict: str
    reasons: tuple[str, ...]
    accepted_because: str | None
    gates: tuple[ModelGate, ...]
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


class ModelEntry(NamedTuple):
    """Whether the model of a coin answers and its trades stand, and the reason in words.

    `missing`: no model of it has been published. `pooled`: the card is that of the network of all
    the coins, which answers for it.
    """

    symbol: str
    served: bool
    traded: bool
    reason: str
    card: ModelCard | None
    missing: bool = False
    pooled: bool = False
