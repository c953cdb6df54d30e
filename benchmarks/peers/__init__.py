"""Other programs on the same candles."""
