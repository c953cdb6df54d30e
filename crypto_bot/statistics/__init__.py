"""Scores and intervals: one definition for training, live record and backtest."""
