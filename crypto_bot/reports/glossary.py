"""What the words of the page, the terminal and the guide mean: one sentence each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

TERMS: Mapping[str, str] = tomllib.loads((files(__package__) / "glossary.toml").read_text("utf-8"))


def meaning(term: str) -> str:
    """The sentence of `term`, which may have a zone behind it as in `Started, UTC`; else empty."""
    return TERMS.get(term) or TERMS.get(term.partition(", ")[0], "")
