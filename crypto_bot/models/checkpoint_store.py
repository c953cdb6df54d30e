"""What a fit keeps and tells while it runs, so that a killed one goes on where it was."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class EpochReport(NamedTuple):
    """One finished epoch of one head. Losses in nats; `windows` were learned from in `seconds`."""

    head: str
    epoch: int
    epochs: int
    fit_loss: float
    validation_loss: float
    windows: int
    seconds: float


class Notebook(Protocol):
    """The newest checkpoint of a fit, and a way to say how far it is."""

    def read(self) -> bytes | None:
        """The newest checkpoint; None at the first start."""
        ...

    def write(self, content: bytes) -> None:
        """Replaces the checkpoint, whole or not at all."""
        ...

    def tell(self, report: EpochReport) -> None:
        """Says that an epoch has ended."""
        ...


class _Unkept:
    def read(self) -> bytes | None:
        """Nothing was kept."""
        return None

    def write(self, content: bytes) -> None:
        """Keeps nothing."""

    def tell(self, report: EpochReport) -> None:
        """Says nothing."""


UNKEPT = _Unkept()
"""The notebook of a fit that nobody will go on with and nobody listens to."""
