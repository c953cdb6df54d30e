"""What jobs leave behind, as bytes: arrays, logits, numbers. Nothing that loads could run code."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.interval import Interval
from crypto_bot.models.families.cnn_lstm.fit import FittedNet
from crypto_bot.models.families.family import Files, FittedHeads, HeadLogits
from crypto_bot.models.model import Scaler
from crypto_bot.statistics.metrics import as_json
from crypto_bot.training.evaluate import References
from crypto_bot.training.gate import LeakTests
from crypto_bot.training.jobs import Product

_LOGITS, _CURVES, _SCALER = "logits.npz", "curves.json", "scaler.json"
_REFERENCES, _LEAKS = "references.npz", "leaks.json"
_OWN = {_LOGITS, _CURVES, _SCALER, _REFERENCES, _LEAKS}

Curves = dict[str, tuple[float, ...]]


def fitted_product(fitted: FittedHeads, scaler: Scaler | None = None) -> dict[str, bytes]:
    """The model's files with its learning curves, and the scale of its columns."""
    curves = fitted.curves if isinstance(fitted, FittedNet) else {}
    told = {**fitted.files(), _CURVES: _json(dict(curves))}
    if scaler is not None:
        told[_SCALER] = _json(scaler._asdict())
    return told


def model_files(product: Product) -> Files:
    """The files of a fitted model alone."""
    return {name: content for name, content in product.items() if name not in _OWN}


def curves_of(product: Product) -> Curves:
    """Loss in nats by epoch, by name."""
    return {name: tuple(losses) for name, losses in json.loads(product[_CURVES]).items()}


def scaler_of(product: Product) -> Scaler:
    """The scale of the columns over the rows that a model was fitted on."""
    held = json.loads(product[_SCALER])
    return Scaler(tuple(held["mean"]), tuple(held["scale"]))


def logits_product(told: Mapping[str, HeadLogits]) -> dict[str, bytes]:
    """Logits [n] of models by name."""
    arrays = {
        f"{name}.{head}": value
        for name, each in told.items()
        for head, value in each._asdict().items()
    }
    return {_LOGITS: _arrays(arrays)}


def logits_of(product: Product) -> dict[str, HeadLogits]:
    """What `logits_product` made."""
    arrays = _loaded(product[_LOGITS])
    names = dict.fromkeys(key.rpartition(".")[0] for key in arrays)
    return {name: HeadLogits(arrays[f"{name}.move"], arrays[f"{name}.up"]) for name in names}


def references_product(told: References) -> dict[str, bytes]:
    """What a model must beat, [n, 3] each."""
    return {_REFERENCES: _arrays(told._asdict())}


def references_of(product: Product) -> References:
    """What `references_product` made."""
    return References(**_loaded(product[_REFERENCES]))


def leaks_product(told: LeakTests) -> dict[str, bytes]:
    """What the audit found."""
    return {_LEAKS: _json(told)}


def leaks_of(product: Product) -> LeakTests:
    """What `leaks_product` made."""
    held = json.loads(product[_LEAKS])
    columns = tuple(held.pop("changed_columns"))
    found = {name: Interval.of(each.values()) for name, each in held.items()}
    return LeakTests(columns, **found)


def _json(told: Any) -> bytes:
    return json.dumps(as_json(told), allow_nan=False).encode()


def _arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def _loaded(content: bytes) -> dict[str, npt.NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}
