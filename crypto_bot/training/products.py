"""Products of jobs as bytes: arrays, and values as JSON. Nothing that is loaded can run code."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from crypto_bot.models.families.family import Files
from crypto_bot.training.jobs import Product

CURVES, SCALER, LEAKS, EVIDENCE = "curves.json", "scaler.json", "leaks.json", "evidence.json"
PREDICTIONS, REFERENCES = "predictions.npz", "references.npz"
_NOT_OF_THE_MODEL = {CURVES, SCALER, LEAKS, EVIDENCE, PREDICTIONS, REFERENCES}
_T = TypeVar("_T")


def model_files(product: Product) -> Files:
    """The files of a model alone."""
    return {name: held for name, held in product.items() if name not in _NOT_OF_THE_MODEL}


def packed(value: object) -> bytes:
    """A dataclass, a named tuple or plain values as JSON; what is not known is NaN."""
    return json.dumps(TypeAdapter(type(value)).dump_python(value)).encode()


def unpacked(kind: type[_T], content: bytes) -> _T:
    """What `packed` made of a value of `kind`."""
    return TypeAdapter(kind).validate_json(content)


def packed_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays by name."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def unpacked_arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """What `packed_arrays` made."""
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}
