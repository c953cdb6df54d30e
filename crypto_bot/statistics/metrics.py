"""Measurements as plain JSON values, the content of `metrics.json`."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def as_json(told: Any) -> Json:
    """Dataclasses and named tuples as objects, other sequences as lists, unknown numbers as null.

    JSON has no NaN: what could not be told is null. Raises TypeError for anything but
    measurements.
    """
    if told is None or isinstance(told, str | bool | int):
        return told
    if isinstance(told, float):
        return float(told) if isfinite(told) else None
    if is_dataclass(told):
        return {field.name: as_json(getattr(told, field.name)) for field in fields(told)}
    if isinstance(told, tuple) and hasattr(told, "_asdict"):
        return {name: as_json(value) for name, value in told._asdict().items()}
    if isinstance(told, dict):
        return {str(name): as_json(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [as_json(value) for value in told]
    raise TypeError(f"a {type(told).__name__} is no measurement: {told!r}")
