"""`python -m crypto_bot.ml.per_coin.train_one --symbol BTCUSDT --tf 15m`."""

import sys

from crypto_bot.app.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", "one", *sys.argv[1:]]))
