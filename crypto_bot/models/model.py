"""A trained model as a value: all that an artifact holds and serving needs, and no files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from crypto_bot.models.calibration import Calibration
from crypto_bot.models.decision import TAIL, ReturnMap
from crypto_bot.models.gates import Judgement
from crypto_bot.models.spec import ModelSpec, Scaler
from crypto_bot.statistics.metrics import Json
from crypto_bot.statistics.rows import Floats, Ints


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """How a score becomes a prediction, see `decision.decide`.

    `learned` is what places earned out of sample (None: nothing known, never trade); `tail` the
    share of places on either side that may trade; `cost_bps` that of a round trip.
    """

    learned: ReturnMap | None
    cost_bps: float
    tail: float = TAIL


class Trailing(NamedTuple):
    """Direction scores [w] of the model over the last days of its data, and their opens (UTC ms).

    Scores are those of its uncalibrated probabilities (`rows.direction_score`). With them a model
    has places for its first live score; serving appends to them. Those before the last validation
    days are of rows it was fitted on, and spread no wider than the others (.233 and .236 on BTC).
    """

    open_ms: Ints
    score: Floats


class Span(NamedTuple):
    """Candles it was trained and measured on: opens of the first and the last (UTC ms), count."""

    first_open_ms: int
    last_open_ms: int
    candles: int


@dataclass(frozen=True)
class TrainedModel:
    """One fitted, measured and judged model. `symbol` is None for the pool of all `coins`.

    `files`: what the family stores, by name (`Family.load` takes them). `pooled_with`: the coins
    trained together, this one included. `recipe`: by whose name it was made. `metrics`: what
    `metrics.json` holds. `curves`: loss in nats by epoch, by name. `reports`: pictures and
    tables for people, by the name of their file. `trained_ms`: when, UTC. `simulated`: whether its
    candles are those of the simulated exchange. `members`: of one that is made of several models,
    each with its weight and its weight in the direction.
    """

    symbol: str | None
    spec: ModelSpec
    files: Mapping[str, bytes]
    scaler: Scaler
    calibration: Calibration
    decision: DecisionRule
    trailing: Trailing
    span: Span
    pooled_with: tuple[str, ...]
    recipe: str
    seed: int
    code_version: str
    trained_ms: int
    judgement: Judgement
    metrics: dict[str, Json]
    curves: Mapping[str, tuple[float, ...]]
    reports: Mapping[str, bytes]
    simulated: bool = False
    members: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Its name, see `version_of`."""
        hashes = {name: hashlib.sha256(held).hexdigest() for name, held in self.files.items()}
        return version_of(self.spec.family, self.members, hashes)


def version_of(family: str, members: Iterable[str], hashes: Mapping[str, str]) -> str:
    """Such as `cnn_lstm_v1+3f9c2a1d`: the family, and the first digits of a hash of its files.

    Of a model that is made of several also their names: `ensemble_v1(cnn_lstm,logistic)+3f9c2a1d`.
    `hashes`: SHA-256 of each file by name, as hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(hashes):
        digest.update(bytes.fromhex(hashes[name]))
    made_of = ",".join(members)
    return f"{family}{f'({made_of})' if made_of else ''}+{digest.hexdigest()[:8]}"
