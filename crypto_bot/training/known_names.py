"""The measurements of a model under the names that people know, and the honest ones beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch

from crypto_bot.domain.instant import instant
from crypto_bot.models.families.ensemble.family import EnsembleSettings
from crypto_bot.models.gates import Judgement
from crypto_bot.statistics import scores
from crypto_bot.statistics.metrics import Json, as_json
from crypto_bot.statistics.rows import Floats, Rows
from crypto_bot.training.calibrate import Predicted
from crypto_bot.training.evaluate import Evaluation, Measurements
from crypto_bot.training.fit import MODEL
from crypto_bot.training.folds import CALIBRATION
from crypto_bot.training.jobs import Job, Stage, Study

_SIDES = ("bearish", "neutral", "bullish")
_WEIGHTS, _CHECKPOINT = ".pth", "_best.pth"


def known_names(
    study: Study,
    symbol: str | None,
    found: Predicted,
    measured: Measurements,
    *,
    judgement: Judgement,
    files: Mapping[str, bytes],
    curves: Mapping[str, Sequence[float]],
) -> dict[str, Json]:
    """The content of `evaluation_metrics.json`.

    `train_samples` and `val_samples` are rows of the last fold, `test_samples` those of all folds.
    `best_val_*` is of the validation rows of the first fold, whose model was chosen by them;
    `test_*` of all test rows, calibrated by earlier folds. `model_parameters` is null for a family
    without a file of weights, and `epochs_trained` is 0 for one without epochs.
    """
    panel, own = study.panel, measured.model
    mine = np.ones(panel.open_ms.size, np.bool_) if symbol is None else panel.of(symbol)
    parts = study.rows_to_fit(Job(Stage.POOL, symbol, study.last_fold))
    plan = study.plan
    tuned = symbol is not None and plan.tuning is not None
    asked = plan.tuning if tuned else plan.family.chosen_settings
    return {
        "symbol": symbol or "pool",
        "status": "trained",
        "data_points": int(mine.sum()),
        "features": len(panel.question.features.columns),
        "sequences": int((mine & panel.usable).sum()),
        "train_samples": int(parts.fit.size),
        "val_samples": int(parts.validation.size),
        "test_samples": own.rows,
        **_best_validation(found),
        "test_loss": as_json(own.probabilities.log_loss.value),
        "test_accuracy": as_json(own.classes.accuracy.value),
        **_by_class(own, found.rows),
        "epochs_trained": max((len(each) for each in curves.values()), default=0),
        "early_stopped": stopped_early(asked, curves),
        "model_parameters": _parameters(files),
        "timestamp": instant(study.trained_ms),
        "honest": _honest(found, measured, judgement),
    }


def stopped_early(settings: Any, curves: Mapping[str, Sequence[float]]) -> bool:
    """Whether a fit with these settings, or that of any member, had fewer epochs than allowed."""
    if isinstance(settings, EnsembleSettings):
        return any(
            stopped_early(
                member.choice.chosen_settings,
                {
                    name: losses
                    for name, losses in curves.items()
                    if name.startswith(f"{member.known_as}, ")
                },
            )
            for member in settings.members
        )
    trained = max((len(each) for each in curves.values()), default=0)
    return 0 < trained < getattr(settings, "epochs", 0)


def as_bytes(content: Mapping[str, Json]) -> bytes:
    """As it is stored."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def _best_validation(found: Predicted) -> dict[str, Json]:
    held = found.rows.fold == CALIBRATION
    label, p = found.rows.label[held], found.p[MODEL][held]
    if not label.size:
        return {"best_val_loss": None, "best_val_accuracy": None}
    return {
        "best_val_loss": as_json(float(scores.log_loss(p, label).mean())),
        "best_val_accuracy": float((p.argmax(axis=1) == label).mean()),
    }


def _by_class(own: Evaluation, rows: Rows) -> dict[str, Json]:
    """The share of the rows of each class for which it was the most probable."""
    spec, table = rows.spec, np.array(own.classes.confusion, np.float64)
    names = [name.lower() for name in spec.classes]
    if spec.three_way is not None:
        for side, (place,) in zip(_SIDES, spec.three_way, strict=True):
            names[place] = side
    shares: Floats = np.full(len(names), np.nan)
    np.divide(table.diagonal(), table.sum(axis=1), out=shares, where=table.sum(axis=1) > 0)
    return {
        f"test_{name}_accuracy": as_json(share)
        for name, share in zip(names, shares.tolist(), strict=True)
    }


def _honest(found: Predicted, measured: Measurements, judgement: Judgement) -> dict[str, Json]:
    """What an accuracy means nothing without."""
    own, rows = measured.model, found.rows.where(found.tested)
    beside = {name: shown(each) for name, each in measured.baselines.items()}
    for name, gain in measured.gains.items():
        beside[name]["gain_of_the_model"] = as_json(gain)
    return {
        "majority_accuracy": own.classes.majority,
        "separate_test_labels": np.unique(
            np.stack([rows.coin, rows.open_ms // rows.horizon_ms]), axis=1
        ).shape[1],
        "test_days": own.days,
        "test_folds": len(own.folds),
        "model": shown(own),
        "beside": as_json(beside),
        "verdict": judgement.verdict.value,
        "reasons": list(judgement.reasons),
    }


def shown(own: Evaluation) -> dict[str, Json]:
    """One model among those that are compared; intervals know how far labels overlap."""
    found = own.probabilities
    return {
        "accuracy": as_json(own.classes.accuracy),
        "log_loss": as_json(found.log_loss),
        "skill_prior": as_json(found.skill_prior),
        "skill_climatology": as_json(found.skill_climatology),
        "direction_auc": as_json(own.direction.auc),
        "ece": as_json(found.ece),
        "ece_floor": as_json(found.ece_floor),
    }


def _parameters(files: Mapping[str, bytes]) -> int | None:
    weights = [
        content
        for name, content in files.items()
        if name.endswith(_WEIGHTS) and not name.endswith(_CHECKPOINT)
    ]
    if not weights:
        return None
    held: list[Mapping[str, Any]] = [
        torch.load(BytesIO(content), weights_only=True) for content in weights
    ]
    return sum(
        int(each.numel())
        for state in held
        for each in state.values()
        if isinstance(each, torch.Tensor) and each.is_floating_point()
    )
