"""Calibration: for each fold from the folds before it, and from all folds for what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crypto_bot.models.calibration import Calibration, calibrate_forward, fit_calibration
from crypto_bot.models.decision import ReturnMap, fit_return_map, places, trailing_window
from crypto_bot.statistics.direction import Direction
from crypto_bot.statistics.rows import Bools, Floats, Rows, score_of
from crypto_bot.training.evaluate import References
from crypto_bot.training.fit import MODEL
from crypto_bot.training.folds import OutOfSample
from crypto_bot.training.jobs import (
    PREDICTIONS,
    REFERENCES,
    Job,
    Product,
    Stage,
    Study,
    unpacked_arrays,
)

POOL = "pool"
"""The pool's model among the baselines of one that was tuned from it."""
Forward = dict[str, dict[int, Calibration]]
"""The calibration of each model by fold, fitted on the folds before."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Rows out of sample, with uncalibrated P [n, classes] by name of the model (`MODEL` too)."""

    rows: Rows
    p: dict[str, Floats]
    references: References

    def where(self, chosen: Bools) -> Predicted:
        """The rows where `chosen` [n] is true."""
        own = {name: p[chosen] for name, p in self.p.items()}
        references = References(*(p[chosen] for p in self.references))
        return Predicted(self.rows.where(chosen), own, references)

    @property
    def tested(self) -> Bools:
        """Rows of test folds, [n]."""
        tested: Bools = self.rows.fold >= 0
        return tested


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows of all the coins show together, for each of them.

    `forward`: the calibration of the model and of each baseline, by fold. `calibration`, `returns`:
    for the model that is published. `direction`: whether its score tells up from down. `together`:
    all measurements, as they go into `metrics.json`.
    """

    forward: Forward
    calibration: Calibration
    returns: ReturnMap | None
    direction: Direction
    together: Any


def predicted(study: Study, symbol: str | None, needed: Mapping[Job, Product]) -> Predicted:
    """The predictions of a model and of all baselines, for its rows in all folds.

    `symbol` None: the pool's, for the rows of all the coins.
    """
    panel, plan = study.panel, study.plan
    rounds = range(len(study.folds))
    beside = [needed[Job(Stage.BASELINES, fold=fold)] for fold in rounds]
    models = _joined(beside)
    if plan.pooled:
        models |= _joined([needed[Job(Stage.POOL, fold=fold)] for fold in rounds])
    held = [unpacked_arrays(product[REFERENCES]) for product in beside]
    rows = [study.out_of_sample(Job(Stage.POOL, fold=fold)) for fold in rounds]
    found = Predicted(
        panel.rows(*OutOfSample(*(np.concatenate(each) for each in zip(*rows, strict=True)))),
        models,
        References(*(np.concatenate([p[name] for p in held]) for name in References._fields)),
    )
    if symbol is None:
        return found
    own = found.where(found.rows.coin == panel.symbols.index(symbol))
    if plan.tuned:
        if plan.pooled:
            own.p[POOL] = own.p[MODEL]
        own.p.update(_joined([needed[Job(Stage.TUNE, symbol, fold)] for fold in rounds]))
    return own


def calibrations(found: Predicted) -> Forward:
    """Of each model, for each fold from the folds before it."""
    return {name: calibrate_forward(p, found.rows)[1] for name, p in found.p.items()}


def probabilities(found: Predicted, forward: Forward, name: str = MODEL) -> Floats:
    """The predictions of the model `name` for every row, calibrated, [n, classes]."""
    raw = found.p[name]
    p = np.empty_like(raw)
    for fold, calibration in forward[name].items():
        here = found.rows.fold == fold
        p[here] = calibration.probabilities(raw[here], found.rows.spec)
    return p


def evidence(
    found: Predicted, forward: Forward, direction: Direction, together: object
) -> Evidence:
    """From the predictions of the model for the rows of all the coins."""
    rows, p = found.rows, found.p[MODEL]
    window = trailing_window(rows.timeframe)
    at = places(rows.open_ms, rows.coin, score_of(p, rows.spec), window)
    return Evidence(
        forward=forward,
        calibration=fit_calibration(p, rows),
        returns=fit_return_map(at, rows.long_bps / rows.atr_bps),
        direction=direction,
        together=together,
    )


def _joined(products: Sequence[Product]) -> dict[str, Floats]:
    """The predictions in the products of one model, or of several, fold after fold."""
    folds = [unpacked_arrays(product[PREDICTIONS]) for product in products]
    return {name: np.concatenate([each[name] for each in folds]) for name in folds[0]}
