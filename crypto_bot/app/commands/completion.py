"""`crypto-bot completion bash`: what a shell runs to complete commands and flags."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from crypto_bot.app.commands.flags import Parser
from crypto_bot.app.completion import SHELLS, script


def completion(argv: Sequence[str]) -> int:
    """Prints the script. Raises ConfigError for an unknown shell."""
    text = 'For a shell\'s start-up file: eval "$(crypto-bot completion bash)"'
    parser = Parser(prog="crypto-bot completion", description=text)
    parser.add_argument("shell", choices=SHELLS)
    sys.stdout.write(script(parser.parse_args(argv).shell))
    return 0
