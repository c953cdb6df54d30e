"""Candles and other time series of the market as arrays, joined by what was known at each close."""
