"""Settings of the database: how long predictions stay in it."""

from __future__ import annotations

from pydantic import Field

from crypto_bot.app.paper_settings import Section, Switch


class StoreSettings(Section):
    """What the database keeps."""

    keep_days: int = Field(default=730, ge=60, le=36_500)
    """Predictions and outcomes of older candles are deleted once a day. Candles, the sums by day,
    paper accounts and the record of the sources stay."""
    vacuum: Switch = True
    """An SQLite file of which a quarter is free is rewritten at a start; about 6 s a GB."""
