"""The models behind the first source."""

from __future__ import annotations

from typing import Protocol

from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.signal import Probabilities
from crypto_bot.ports.market import CandleListener
from crypto_bot.ports.signals import SignalSource


class ModelCallLog(Protocol):
    """The calls that models made, as they were committed."""

    def model_calls(
        self, symbol: str, model_version: str, since_ms: int
    ) -> list[tuple[int, Probabilities]]:
        """(candle open, probabilities) of every call of that model from `since_ms` on, by time."""
        ...


class ModelSource(SignalSource, CandleListener, Protocol):
    """A source that observes candles, may look at a leading coin, and can compute ahead."""

    @property
    def leader(self) -> str | None:
        """The coin without whose candle of the same time its calls of the others are less."""
        ...

    def prepare(self) -> None:
        """Computes what the next close can be answered without; may be left out."""
        ...


class ModelCatalog(Protocol):
    """What is known of the coins' own models. Safe to call from any thread."""

    @property
    def note(self) -> str | None:
        """Why there is nothing in it; None where models are asked."""
        ...

    def entries(self) -> list[ModelEntry]:
        """One for each coin of the engine."""
        ...

    def entry(self, symbol: str) -> ModelEntry:
        """That of one coin of the engine."""
        ...
