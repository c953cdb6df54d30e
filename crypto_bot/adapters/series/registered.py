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
    *("funding", "open_interest", "premium_1h", "btc_implied_volatility", "fear_greed"),
    *("btc_dominance", "dxy", "bid_ask_ratio"),
):
    SERIES.register(_name, f"crypto_bot.adapters.series.context:{_name}")

INPUTS: Registry[Provider] = Registry("input")
"""The providers of what is fetched, and the environment variables of their keys."""
for _name in ("cryptocompare", "glassnode", "lunarcrush", "binance_futures", "deribit"):
    INPUTS.register(_name, f"crypto_bot.adapters.series.{_name}:{_name.upper()}")

FETCHED: Registry[Callable[[Path], Series]] = Registry("fetched series")
"""What the inputs bring, opened where it is stored; some of it may lie in files as well."""
for _name in (
    *("market_cap", "exchange_net_flow", "sopr", "active_addresses"),
    *("social_score", "social_volume", "sentiment_pos", "sentiment_neg"),
    *("funding", "premium_1h", "btc_implied_volatility"),
):
    FETCHED.register(_name, f"crypto_bot.adapters.series.fetched:{_name}")

SCHEDULE = ("hours_to_release", "hours_since_release")
"""Made of the dates that the package holds."""
TRADING = ("taker_share", "trade_size")
"""How candles were traded: stored with them, or in files beside them."""
OPTIONAL = frozenset(
    (*FETCHED.names(), *SCHEDULE, *TRADING, "btc_dominance", "dxy", "bid_ask_ratio")
)
"""Features that read these do without: no key or no file is no mistake."""
