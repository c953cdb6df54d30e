"""Data series, opened as the settings say."""

from __future__ import annotations

from crypto_bot.adapters.series.registered import SERIES
from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import ConfigError
from crypto_bot.ports.market_data import Series


def open_series(settings: Settings) -> dict[str, Series]:
    """Every registered series, by name; none without `series_dir`. Raises ConfigError."""
    folder = settings.series_dir
    if folder is None:
        return {}
    if not folder.is_dir():
        raise ConfigError(f"series_dir: {folder} is no folder")
    return {name: SERIES.get(name)(folder) for name in SERIES.names()}
