"""Where data series come from."""
