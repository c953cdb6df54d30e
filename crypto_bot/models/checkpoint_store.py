"""Where a fit saves its checkpoints and reports its epochs, so that a killed one can resume."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class EpochReport(NamedTuple):
    """One finished epoch of one part of a model.

    Losses in nats; the fit learned from `windows` windows in `seconds`.
    """

    head: str
    epoch: int
    epochs: int
    fit_loss: float
    validation_loss: float
    windows: int
    seconds: float


class CheckpointStore(Protocol):
    """Holds the newest checkpoint of one fit."""

    def load(self) -> bytes | None:
        """The newest checkpoint; None at the first start."""
        ...

    def save(self, content: bytes) -> None:
        """Replaces the checkpoint, whole or not at all."""
        ...

    def report(self, report: EpochReport) -> None:
        """Takes the report of an epoch that has ended."""
        ...


class _Unsaved:
    def load(self) -> bytes | None:
        """Nothing was saved."""
        return None

    def save(self, content: bytes) -> None:
        """Saves nothing."""

    def report(self, report: EpochReport) -> None:
        """Passes nothing on."""


UNSAVED = _Unsaved()
"""The store of a fit that nobody will resume or observe."""
