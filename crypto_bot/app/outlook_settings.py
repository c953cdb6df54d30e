"""Settings of the daily answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crypto_bot.app.paper_settings import Section, Switch

Lowest = Literal["ACTIVE", "WARMUP", "LOW", "REJECTED"]
"""A verdict on models from which on they are served; a BLOCKED one never is."""


class OutlookSettings(Section):
    """The models that answer once a day, beside the engine's own signals."""

    enabled: Switch = True
    """Nothing runs before a model of the recipe has been published."""
    recipe: str = Field(default="daily", min_length=1)
    """Whose models answer: its name, or the path of its file."""
    served: Lowest = "WARMUP"
    """The lowest verdict that answers; the page names it. No account trades these answers."""
