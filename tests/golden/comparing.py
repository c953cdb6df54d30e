"""Stored and new values side by side: what differs, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Tolerance(NamedTuple):
    """How far apart two finite floats may be: the larger of the two bounds counts."""

    absolute: float
    relative: float


def differences(stored: Any, made: Any, tolerance: Tolerance | None, at: str = "") -> Iterator[str]:
    """A line for each place at which two JSON values differ.

    Everything is compared exactly; with a `tolerance` floats may differ by it and strings below a
    key that ends in `sha256` are not compared.
    """
    if isinstance(stored, Mapping) and isinstance(made, Mapping):
        for key in sorted({*stored, *made}):
            here = f"{at}.{key}" if at else str(key)
            if tolerance is not None and str(key).endswith("sha256"):
                continue
            if key not in made or key not in stored:
                yield f"{here}: {'stored' if key in stored else 'made'} alone"
                continue
            yield from differences(stored[key], made[key], tolerance, here)
    elif isinstance(stored, list) and isinstance(made, list):
        if len(stored) != len(made):
            yield f"{at}: {len(stored)} values stored, {len(made)} made"
        for number, (one, other) in enumerate(zip(stored, made, strict=False)):
            yield from differences(one, other, tolerance, f"{at}[{number}]")
    elif not _same(stored, made, tolerance):
        yield f"{at}: stored {stored!r}, made {made!r}"


def _same(stored: Any, made: Any, tolerance: Tolerance | None) -> bool:
    if tolerance is not None and isinstance(stored, float) and isinstance(made, float):
        allowed = max(tolerance.absolute, tolerance.relative * abs(stored))
        return abs(stored - made) <= allowed
    return type(stored) is type(made) and bool(stored == made)
