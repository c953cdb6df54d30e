"""`python -m crypto_bot …` is `crypto-bot …`."""

import sys

from crypto_bot.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
