"""Receivers behind Apprise URLs. A URL is a secret: nothing here shows any part of one."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from crypto_bot.adapters.notify.channel import Answer
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.notice import Level, Message

if TYPE_CHECKING:
    from apprise import Apprise

TIMEOUT_S = 20.0
"""For one message; Apprise itself gives up on a silent receiver after 4 s."""
_TYPES = {Level.INFO: "info", Level.WARNING: "warning", Level.ALARM: "failure"}
_SHORTEST_SECRET = 4
_HIDDEN = "***"


class AppriseReceiver:
    """One URL; `name` is its number and its service, e.g. `2 Telegram`."""

    def __init__(self, name: str, service: Apprise, url: str) -> None:
        self.name = name
        self._service = service
        self._url = url

    def send(self, message: Message) -> Answer:
        """Returns when the receiver has answered or timed out. From one thread at a time."""
        try:
            result = self._service.notify(
                message.body,
                title=message.title,
                notify_type=_TYPES[message.level],
                body_format="text",
            )
        except Exception as error:  # noqa: BLE001 - the seam to the plug-ins of a hundred services
            return Answer(delivered=False, detail=type(error).__name__)
        with result:
            reply = "; ".join(hidden(entry.message, self._url) for entry in result.logs())
            if result:
                return Answer(delivered=True, detail=reply or "delivered")
            return Answer(delivered=False, detail=reply or f"no answer within {TIMEOUT_S:g} s")


def open_receivers(urls: str) -> list[AppriseReceiver]:
    """One for each of `urls`, which are separated by blanks. Raises ConfigError."""
    # 0.2 s and 27 MB, most of it plug-ins: loaded only where a receiver is set.
    import apprise  # noqa: PLC0415 - see above

    # Logs of plug-ins may hold parts of a URL; `send` returns them with those hidden.
    log = logging.getLogger("apprise")
    log.propagate = False
    log.addHandler(logging.NullHandler())
    asset = apprise.AppriseAsset(service_timeout=TIMEOUT_S, app_id="crypto_bot", async_mode=False)
    receivers = []
    for number, url in enumerate(urls.split(), 1):
        service = apprise.Apprise(asset=asset)
        if not service.add(url):
            raise ConfigError(
                f"CRYPTO_BOT_NOTIFY__URLS: number {number} is no URL that Apprise takes: see "
                "https://appriseit.com/services/ and check it with `crypto-bot notify test`"
            )
        kind = " ".join(str(each.service_name) for each in service)
        receivers.append(AppriseReceiver(f"{number} {kind}", service, url))
    if not receivers:
        raise ConfigError("CRYPTO_BOT_NOTIFY__URLS is empty: set it to Apprise URLs, or unset it")
    return receivers


def hidden(text: str, url: str) -> str:
    """`text` without any part of `url` but its scheme."""
    rest = url.partition("://")[2]
    parts = {part for each in (rest, unquote(rest)) for part in re.split(r"[/:@?&=,#+]+", each)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = re.sub(re.escape(part), _HIDDEN, text, flags=re.IGNORECASE)
    return text
