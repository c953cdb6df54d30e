"""Labels: what makes a call right or wrong, by name and parameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Rule(StrEnum):
    """How a label is decided; see `features.labels.label`, which does it for whole histories."""

    HOLD_ATR = "hold_atr"
    BARRIER_ATR = "barrier_atr"
    HOLD_SHARE = "hold_share"


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """A label by its parameters: `threshold` in ATR(14), or a share of the entry (HOLD_SHARE)."""

    name: str
    rule: Rule
    horizon_bars: int
    threshold: float

    def as_json(self) -> dict[str, Any]:
        """Plain values, as a model's `meta.json` holds them."""
        return asdict(self)
