"""Settings of the daily answers."""

from __future__ import annotations

from pydantic import Field

from crypto_bot.app.paper_settings import Section


class OutlookSettings(Section):
    """The models that answer once a day, beside the engine's own signals."""

    enabled: bool = True
    """Nothing runs before a model of the recipe has been published."""
    recipe: str = Field(default="daily", min_length=1)
    """Whose models answer."""
