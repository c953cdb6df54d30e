"""`python -m simulated_exchange`."""

import sys

from simulated_exchange.command import main

sys.exit(main(sys.argv[1:]))
