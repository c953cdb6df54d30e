"""The engine: one closed candle of all the coins, from candles to committed signals."""
