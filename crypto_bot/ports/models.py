"""The models behind the first source."""

from __future__ import annotations

from typing import Protocol

from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.signal import Probabilities
from crypto_bot.ports.market import CandleListener
from crypto_bot.ports.signals import SignalSource


class ModelCallLog(Protocol):
    """The committed calls of models."""

    def model_calls(
        self, symbol: str, model_version: str, since_ms: int
    ) -> list[tuple[int, Probabilities]]:
        """(candle open, probabilities) of every call of that model from `since_ms` on, by time."""


class ModelSource(SignalSource, CandleListener, Protocol):
    """A source that observes candles, may use a leading coin, and can compute ahead."""

    @property
    def leader(self) -> str | None:
        """The leading coin, whose candle of the same time the calls of other coins use."""

    def prepare(self) -> None:
        """Computes everything that does not need the next candle; optional."""


class ModelCatalog(Protocol):
    """Information about the models of the coins. Safe to call from any thread."""

    @property
    def note(self) -> str | None:
        """Why it is empty; None if models are used."""

    def entries(self) -> list[ModelEntry]:
        """One for each coin of the engine."""

    def entry(self, symbol: str) -> ModelEntry:
        """The entry of one coin of the engine."""
