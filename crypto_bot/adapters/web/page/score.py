"""The analyzer's score in parts, read from the reasons that its calls are stored with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_PART = re.compile(r"(trend|structure|momentum|levels|volume) ([+-]\d+\.\d+): (.*)", re.DOTALL)


class Part(NamedTuple):
    """One part of the score, -1..1, and what it was made of."""

    name: str
    value: float
    detail: str


def parts(reasons: Sequence[str]) -> list[Part]:
    """Those that are stored, in their order; none for a source that has no parts."""
    found = (_PART.fullmatch(reason) for reason in reasons)
    return [Part(each[1], float(each[2]), each[3]) for each in found if each]
