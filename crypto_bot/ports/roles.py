"""The log of which model was served, and what compares a challenger with its champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from crypto_bot.domain.role_change import PairedDay, RoleChange


class Pair(NamedTuple):
    """Versions as they stand with the signals."""

    champion: str
    challenger: str


class RoleLog(Protocol):
    """Append-only. Safe to call from any thread."""

    def add(self, changes: Sequence[RoleChange]) -> None:
        """Stores them."""

    def changes(self, symbol: str | None = None) -> list[RoleChange]:
        """Those of a coin, or all of them; newest first."""

    def paired_days(self, pairs: Mapping[str, Pair], before_day: int) -> list[PairedDay]:
        """Of the coins of `pairs`, by day (before `before_day`) and symbol."""
