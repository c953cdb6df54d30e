"""What may be done with a model: a word that serving knows without the measuring behind it."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the measurements allow.

    ACTIVE is served. WARMUP is served and marked, and never traded alone. LOW and REJECTED
    (degenerate) are served only where a setting says so. BLOCKED (too good to be true) is stored,
    and not served.
    """

    ACTIVE = "ACTIVE"
    WARMUP = "WARMUP"
    LOW = "LOW"
    REJECTED = "REJECTED"
    BLOCKED = "BLOCKED"

    @property
    def served(self) -> bool:
        """Whether the engine may use it without a person's setting."""
        return self in {Verdict.ACTIVE, Verdict.WARMUP}
