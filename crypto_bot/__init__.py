"""An honest signal engine for crypto markets: one signal for each coin and closed candle."""

__version__ = "0.1.0"
