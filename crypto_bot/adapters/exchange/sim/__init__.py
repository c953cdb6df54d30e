"""The simulated exchange: Binance public REST on the loopback address."""
