"""The coins and timeframe of this engine, and the errors for others."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import HTTPException, status

from crypto_bot.domain.timeframe import TRADED, Timeframe

_QUOTES = ("USDT", "USDC", "FDUSD", "USD", "EUR", "BTC")


class Coverage(NamedTuple):
    """The coins and the timeframe that have signals here."""

    symbols: tuple[str, ...]
    timeframe: Timeframe

    def symbol(self, name: str) -> str:
        """The followed symbol `name`, in either case. 404 for any other."""
        if name.upper() in self.symbols:
            return name.upper()
        raise self._unknown(f"unknown symbol '{name}'")

    def symbol_of_asset(self, name: str) -> str:
        """The followed symbol of an asset (`BTC`) or itself (`BTCUSDT`). 404 for any other."""
        for quote in ("", *_QUOTES):
            if name.upper() + quote in self.symbols:
                return name.upper() + quote
        raise self._unknown(f"unknown asset '{name}'")

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

    def _unknown(self, what: str) -> HTTPException:
        return HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"{what}: this engine follows {', '.join(self.symbols)}",
        )
