"""`inputs.json`: what the features of a model were like in its training span."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.models.artifact import INPUTS, read_file, read_meta
from crypto_bot.statistics.drift import Reference

_Table = list[list[float]]


class _Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    deciles: _Table
    shares: _Table
    median: list[float]
    spread: list[float]
    low: list[float]
    high: list[float]
    most: _Table


def inputs_as_json(found: Reference) -> bytes:
    """As it is stored: exactly, for a column with few values has them as its deciles."""
    held = {name: value.tolist() for name, value in found._asdict().items()}
    return _Inputs.model_validate(held).model_dump_json().encode()


def inputs_of(version: Path) -> Reference | None:
    """Of the model in a version's folder; None of one that was made without.

    Raises ModelMissing, ModelIncompatible.
    """
    meta = read_meta(version)
    if INPUTS not in meta.sha256:
        return None
    try:
        held = _Inputs.model_validate_json(read_file(version, INPUTS, meta))
        found = Reference(*(np.array(getattr(held, name)) for name in Reference._fields))
    except (ValidationError, ValueError) as error:
        raise ModelIncompatible(f"{version / INPUTS}: {error}") from error
    columns = len(meta.columns)
    shapes = (columns, 9), (columns, 10), *[(columns,)] * 4, (columns, 3)
    if tuple(each.shape for each in found) != shapes:
        raise ModelIncompatible(f"{version / INPUTS} is not of {columns} columns")
    return found
