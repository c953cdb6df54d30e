"""Whose rows are whose in a database that several engines use."""

from __future__ import annotations

from typing import NamedTuple


class EngineKey(NamedTuple):
    """An engine by its name, and the market whose candles it reads."""

    name: str
    exchange: str
    market: str
    """`spot` or `swap`."""

    @classmethod
    def of(cls, exchange: str, market: str, name: str | None = None) -> EngineKey:
        """The key of an engine that is named after its market unless it has a `name`."""
        return cls(name or f"{exchange}-{market}", exchange, market)

    def outlook(self, recipe: str, horizon: str) -> EngineKey:
        """The engine beside this one that answers for one horizon of a recipe once a day."""
        return self._replace(name=f"{self.name}.{recipe}-{horizon}")


BINANCE_SPOT = EngineKey.of("binance", "spot")
