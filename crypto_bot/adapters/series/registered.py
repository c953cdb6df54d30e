"""The data series that feature sets may name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crypto_bot.domain.registry import Registry
from crypto_bot.ports.market_data import Series

SERIES: Registry[Callable[[Path], Series]] = Registry("data series")
"""What opens each below the folder of all series."""
for _name in (
    "funding",
    "open_interest",
    "premium_1h",
    "taker_volume_1h",
    "btc_implied_volatility",
    "fear_greed",
):
    SERIES.register(_name, f"crypto_bot.adapters.series.context:{_name}")
