"""`crypto-bot notify test`: sends a message to every receiver and prints the replies."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console

from crypto_bot.adapters.notify.apprise_receiver import open_receivers
from crypto_bot.app.commands.flags import Parser, path_of, settings_of
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.notice import Level, Message

FAILED = 1
_MESSAGE = Message(
    "crypto_bot: test", "This is a test: this receiver gets the notices of the engine.", Level.INFO
)


def notify(argv: Sequence[str]) -> int:
    """Returns 0 if every delivery succeeded, else 1. Raises ConfigError."""
    parser = Parser(prog="crypto-bot notify", description="Tests the receivers of notices.")
    commands = parser.add_subparsers(dest="command", required=True)
    test = commands.add_parser("test", help="sends one message to each receiver")
    test.add_argument("--config", type=path_of, help="settings file; default crypto_bot.toml")
    urls = settings_of(parser.parse_args(argv)).notify.urls
    if urls is None:
        raise ConfigError(
            "no receivers: set CRYPTO_BOT_NOTIFY__URLS to Apprise URLs, separated by "
            "blanks; see https://appriseit.com/services/"
        )
    receivers = open_receivers(urls.get_secret_value())
    with ThreadPoolExecutor(len(receivers)) as pool:
        replies = list(pool.map(lambda receiver: receiver.send(_MESSAGE), receivers))
    console = Console(soft_wrap=True)
    for receiver, reply in zip(receivers, replies, strict=True):
        status = "delivered" if reply.delivered else "NOT delivered"
        detail = "" if reply.detail == status else f": {reply.detail}"
        console.print(f"{receiver.name}  {status}{detail}", markup=False, highlight=False)
    return 0 if all(reply.delivered for reply in replies) else FAILED
