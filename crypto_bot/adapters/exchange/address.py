"""The addresses of an exchange, and another host in their place."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.loopback import is_loopback

_PASSWORD = re.compile(r"(?<=//)[^/@\s]*@")
_MOVED = ("http://", "https://", "ws://", "wss://")


class Host:
    """The scheme, host, port and path prefix that replace those of an exchange.

    Raises ConfigError where `url` is not an http or https address without query and fragment.
    """

    def __init__(self, url: str) -> None:
        self._target = _split(url)

    @property
    def is_loopback(self) -> bool:
        """Whether requests stay on this machine."""
        return is_loopback(self._target.hostname or "")

    def redirected(self, addresses: Any) -> Any:
        """`addresses` with every http and websocket address in them, however deep, moved here.

        ccxt keeps a string or nested dicts of strings; paths are kept, all else is left as it is.
        """
        if isinstance(addresses, dict):
            return {key: self.redirected(value) for key, value in addresses.items()}
        if isinstance(addresses, str) and addresses.startswith(_MOVED):
            path = self._target.path.rstrip("/") + urlsplit(addresses).path
            scheme = self._target.scheme
            if addresses.startswith("ws"):
                scheme = scheme.replace("http", "ws")
            return urlunsplit((scheme, self._target.netloc, path, "", ""))
        return addresses


def without_password(text: str) -> str:
    """`text` with what stands before the host of each address in it left out."""
    return _PASSWORD.sub("…@", text)


def _split(url: str) -> SplitResult:
    try:
        target = urlsplit(url)
        sound = target.scheme in {"http", "https"} and target.hostname and target.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        sound = None
    if not sound or target.query or target.fragment:
        raise ConfigError(
            f"exchange_url '{without_password(url)}' is not a usable address: "
            "give scheme and host, e.g. http://127.0.0.1:8001"
        )
    return target
