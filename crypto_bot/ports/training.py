"""Training runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crypto_bot.domain.training_record import TrainingRecord


class Trainer(Protocol):
    """Who can be asked to train."""

    async def start(self) -> None:
        """Begins a run and returns. Raises TrainingError while one is under way."""
        ...


class TrainingRecords(Protocol):
    """What became of the coins of training runs of one timeframe."""

    def put(self, records: Sequence[TrainingRecord]) -> None:
        """Replaces the rows of these runs and symbols. Raises StoreError."""
        ...

    def stop_unfinished(self, reason: str) -> None:
        """Closes the rows that a killed run has left open. Raises StoreError."""
        ...

    def newest_runs(self, limit: int) -> list[list[TrainingRecord]]:
        """The newest `limit` runs, the newest first, each as its coins by symbol."""
        ...
