"""What the out-of-sample rows of all the coins together teach about each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from crypto_bot.domain.interval import Interval, number
from crypto_bot.models.calibration import Calibration, fit_calibration
from crypto_bot.models.decision import ReturnMap, fit_return_map, places
from crypto_bot.statistics.direction import Direction
from crypto_bot.statistics.metrics import Json, as_json
from crypto_bot.training.assess import Answers, Assessment, Forward


@dataclass(frozen=True, slots=True)
class Evidence:
    """Fitted and measured once for all the coins, on the answers of one model to all of their rows.

    `forward`: the calibration of the model and of each baseline, by fold. `calibration`, `returns`:
    for the model that comes next. `direction`: whether it tells up from down. `together`: the whole
    assessment, as it goes into `metrics.json`.
    """

    forward: Forward
    calibration: Calibration
    returns: ReturnMap | None
    direction: Direction
    together: Json


def evidence(answers: Answers, forward: Forward, assessment: Assessment, model: str) -> Evidence:
    """From the answers of `model` to the rows of all the coins."""
    rows, logits = answers.rows, answers.logits[model]
    at = places(rows.open_ms, rows.coin, logits.up)
    return Evidence(
        forward=forward,
        calibration=fit_calibration(logits, rows.label, rows.fold, rows.open_ms, rows.horizon_ms),
        returns=fit_return_map(at, rows.long_bps / rows.atr_bps),
        direction=assessment.model.direction,
        together=as_json(assessment),
    )


def packed(told: Evidence) -> bytes:
    """As JSON."""
    return json.dumps(as_json(told), allow_nan=False).encode()


def unpacked(content: bytes) -> Evidence:
    """What `packed` made."""
    held: dict[str, Any] = json.loads(content)
    forward = {
        name: {int(fold): Calibration(**each) for fold, each in folds.items()}
        for name, folds in held["forward"].items()
    }
    returns = held["returns"]
    return Evidence(
        forward,
        Calibration(**held["calibration"]),
        None if returns is None else ReturnMap(*(tuple(each) for each in returns.values())),
        _direction(held["direction"]),
        held["together"],
    )


def _direction(held: dict[str, Any]) -> Direction:
    return Direction(
        auc=Interval.of(held["auc"].values()),
        placebos=tuple(number(each) for each in held["placebos"]),
        placebo_95=number(held["placebo_95"]),
        rank_ic=Interval.of(held["rank_ic"].values()),
        moved=held["moved"],
        coins=held["coins"],
    )
