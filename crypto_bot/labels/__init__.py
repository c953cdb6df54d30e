"""Labels: what the market did after a close, by name, horizon and threshold."""
