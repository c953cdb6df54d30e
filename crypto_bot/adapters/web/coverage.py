"""The coins, the timeframe and the daily horizons of this engine, and the errors for others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from fastapi import HTTPException, status

from crypto_bot.domain.symbol import symbol_named
from crypto_bot.domain.timeframe import TRADED, Timeframe
from crypto_bot.ports import OutlookLog


class Coverage(NamedTuple):
    """The coins and the timeframe that have signals here, and the daily answers by horizon.

    `horizon` is how far the engine's own models look ahead, where they have one such as `4h`.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    outlook: Mapping[str, OutlookLog] = MappingProxyType({})
    horizon: str | None = None

    def symbol(self, name: str) -> str:
        """The followed symbol `name`, in either case. 404 for any other."""
        if name.upper() in self.symbols:
            return name.upper()
        raise self._unknown(f"unknown symbol '{name}'")

    def symbol_of_asset(self, name: str) -> str:
        """The followed symbol of an asset (`BTC`) or itself (`BTCUSDT`). 404 for any other."""
        symbol = symbol_named(name, self.symbols)
        if symbol is None:
            raise self._unknown(f"unknown asset '{name}'")
        return symbol

    def require(self, timeframe: str) -> None:
        """404 for a timeframe without signals here, 422 for an invalid one."""
        if timeframe not in TRADED:
            raise HTTPException(
                status.HTTP_422_UNPROCESSABLE_CONTENT,
                f"unknown timeframe '{timeframe}': use one of {', '.join(TRADED)}",
            )
        if timeframe != self.timeframe.name:
            raise HTTPException(
                status.HTTP_404_NOT_FOUND,
                f"this engine runs on {self.timeframe.name} candles, not on {timeframe}",
            )

    def answers_for(self, name: str) -> None:
        """422 for what is neither a timeframe nor a horizon of the daily models."""
        names = (*TRADED, *self.outlook)
        if name in names or name == self.horizon:
            return
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            f"unknown timeframe '{name}': use one of {', '.join(names)}",
        )

    def timeframe_of(self, name: str) -> Timeframe:
        """That of the candles by which `name`, a timeframe or a horizon, is answered."""
        outlook = self.outlook.get(name)
        return self.timeframe if outlook is None else outlook.timeframe

    def log_of(self, horizon: str) -> OutlookLog:
        """The daily answers for `horizon`. 404 where there are none."""
        found = self.outlook.get(horizon)
        if found is not None:
            return found
        names = ", ".join(self.outlook) or "none"
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"no daily answers for '{horizon}'; horizons with answers: {names}",
        )

    def _unknown(self, what: str) -> HTTPException:
        return HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"{what}: this engine follows {', '.join(self.symbols)}",
        )
