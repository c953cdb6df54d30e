"""A simulated exchange: Binance's public REST and price streams on the loopback address.

It stands alone: `python -m simulated_exchange --help`.
"""
