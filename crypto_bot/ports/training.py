"""Training runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crypto_bot.domain.training_record import TrainingRecord


class TrainingRecords(Protocol):
    """Results of training runs of one timeframe, by coin."""

    def put(self, records: Sequence[TrainingRecord]) -> None:
        """Replaces the rows of these runs and symbols. Raises StoreError."""

    def stop_unfinished(self, reason: str) -> None:
        """Closes the rows that a killed run left open. Raises StoreError."""

    def newest_runs(self, limit: int) -> list[list[TrainingRecord]]:
        """The newest `limit` runs, the newest first, each as its coins by symbol."""
