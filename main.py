"""Starts the daemon: `python main.py --use_ml 1 --device cuda --tf 15m`."""

from crypto_bot.app.cli import run_main

if __name__ == "__main__":
    raise SystemExit(run_main())
