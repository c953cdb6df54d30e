"""Candles to measurements: one definition for live, replay and training."""
