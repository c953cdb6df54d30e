"""The data series that feature sets may name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from crypto_bot.domain.registry import Registry
from crypto_bot.ports.market_data import Series

if TYPE_CHECKING:
    from crypto_bot.adapters.series.provider import Provider  # httpx, which few engines need

SERIES: Registry[Callable[[Path], Series]] = Registry("data series")
"""What opens each below the folder of all series."""
for _name in (
    "funding",
    "open_interest",
    "premium_1h",
    "taker_volume_1h",
    "btc_implied_volatility",
    "fear_greed",
    "btc_dominance",
    "dxy",
    "bid_ask_ratio",
):
    SERIES.register(_name, f"crypto_bot.adapters.series.context:{_name}")

INPUTS: Registry[Provider] = Registry("input")
"""The providers of what is fetched, and the environment variables of their keys."""
FETCHED = (
    *("market_cap", "exchange_net_flow", "sopr", "active_addresses"),
    *("social_score", "social_volume", "sentiment_pos", "sentiment_neg"),
)
"""The series that they bring: read from where they are stored."""
for _name in ("cryptocompare", "glassnode", "lunarcrush"):
    INPUTS.register(_name, f"crypto_bot.adapters.series.{_name}:{_name.upper()}")
for _name in FETCHED:
    SERIES.register(_name, f"crypto_bot.adapters.series.fetched:{_name}")

OPTIONAL = frozenset((*FETCHED, "btc_dominance", "dxy", "bid_ask_ratio"))
"""Features that read these do without: no key or no file is no mistake."""
