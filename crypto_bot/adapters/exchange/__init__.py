"""Exchanges: ccxt, and the simulated one."""
