"""Measurements as plain JSON values, the content of `metrics.json`."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def as_json(value: Any) -> Json:
    """Dataclasses and named tuples as objects, other sequences as lists, unknown numbers as null.

    JSON has no NaN. Raises TypeError for any other type.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_json(each) for name, each in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    raise TypeError(f"a {type(value).__name__} is not a measurement: {value!r}")
