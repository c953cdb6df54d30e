"""One test that the verdict on a model follows from."""

from __future__ import annotations

from typing import NamedTuple

from crypto_bot.domain.interval import Measured


class Gate(NamedTuple):
    """`value` against `limit`, and the result in words; a value that is not known is NaN."""

    name: str
    passed: bool
    value: Measured
    limit: Measured
    words: str
