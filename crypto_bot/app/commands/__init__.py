"""The commands of `crypto-bot`."""
