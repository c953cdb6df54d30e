"""What says that a model answers for another market than the one it learned from."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Drifted(StrEnum):
    """What has drifted."""

    INPUTS = "inputs"
    """A feature of a coin is further out than it ever was in the training span."""
    LOSS = "log loss"
    """The models predict worse than the shares of the labels of the 30 days before."""
    CALIBRATION = "calibration"
    """Their probabilities would be better with another temperature and bias."""


class Alarm(NamedTuple):
    """`symbol` is None where all coins together are meant."""

    what: Drifted
    symbol: str | None
    evidence: str

    def __str__(self) -> str:
        return f"the {self.what} of {self.symbol or 'the models'} drifted: {self.evidence}"
