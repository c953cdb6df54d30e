"""Groups of features of data besides candles, each by itself beside a feature set."""
