"""A change of the model that is served, with what it was decided by."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Because(StrEnum):
    """Who or what changed the roles."""

    EVIDENCE = "evidence"
    """The challenger's e-process passed its limit."""
    SUCCESSION = "succession"
    """The champion could answer no longer: stale, refused or gone."""
    PERSON = "person"


class RoleChange(NamedTuple):
    """`symbol` is None for the pool. `challenger` is None where nothing answers beside."""

    at_ms: int
    symbol: str | None
    champion: str
    challenger: str | None
    because: Because
    evidence: str
    """In words: days, coins and wealth of the e-process, or the reason given."""


class PairedDay(NamedTuple):
    """Log loss of a coin's champion less that of its challenger (nats) over a UTC day."""

    day: int
    symbol: str
    n: int
    """Candles that both answered for and that are settled."""
    summed: float
    """Over these candles."""
