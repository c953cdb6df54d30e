"""`python -m crypto_bot.ml.per_coin.train_all --symbols_file data/symbols_32.json --tf 15m`."""

import sys

from crypto_bot.app.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", "all", *sys.argv[1:]]))
