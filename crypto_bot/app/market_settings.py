"""Settings of where market data comes from: the exchange, the simulated one, other providers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from crypto_bot.app.paper_settings import LONGEST_S, Section, Switch, UserPath

SIM = "sim"
"""The simulated exchange, by its id."""


class ExchangeSettings(Section):
    """The source of candles, and how long to wait for them."""

    id: str = "binance"
    """A ccxt exchange id, or `sim`."""
    url: str | None = None
    """Replaces the host of every REST address of the exchange."""
    market_type: Literal["spot", "swap"] = "spot"
    """Spot pairs, or perpetual futures."""
    timeout_s: float = Field(default=10.0, gt=0, le=LONGEST_S)
    """For a whole reply."""
    grace_s: float = Field(default=20.0, ge=0)
    """A missing candle is requested again for this long after its close."""
    poll_s: float = Field(default=2.0, gt=0, le=LONGEST_S)
    """Interval of these requests."""
    stream_prices: Switch = False
    """Live prices over a websocket; prices that it does not deliver are polled."""


class SimSettings(Section):
    """The simulated exchange, for `--exchange sim`."""

    speed: float = Field(default=120.0, gt=0, le=1e6)
    """Simulated seconds per real second."""
    seed: int = 7
    """Of the generated market."""
    candles: UserPath | None = None
    """A folder of candle files to replay; without it the market is generated."""
    start: str | None = None
    """Simulated time at the start, ISO-8601; default now, or the end of the database."""
    fault_rate: float = Field(default=0.0, ge=0, lt=1)
    """Share of its replies that are errors."""


class InputSettings(Section):
    """Providers of figures of coins; their keys are only read from the environment."""

    folder: UserPath = Path("data/inputs")
    """Where what was fetched is stored."""
    timeout_s: float = Field(default=10.0, gt=0, le=LONGEST_S)
    """For a whole reply."""
    cryptocompare_url: str | None = Field(default=None, pattern="^https?://")
    """Replaces its address."""
    glassnode_url: str | None = Field(default=None, pattern="^https?://")
    """Replaces its address."""
    lunarcrush_url: str | None = Field(default=None, pattern="^https?://")
    """Replaces its address."""
    binance_futures_url: str | None = Field(default=None, pattern="^https?://")
    """Replaces its address."""
    deribit_url: str | None = Field(default=None, pattern="^https?://")
    """Replaces its address."""
