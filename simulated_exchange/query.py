"""Parameters of requests, and refusals as Binance words them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

Query = Mapping[str, str]
Json = dict[str, object] | list[object]


class Refused(Exception):
    """What Binance answers with 400: its code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.body: Json = {"code": code, "msg": message}


def _illegal(name: str, legal: str) -> Refused:
    text = f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    return Refused(-1100, text)


def required(query: Query, name: str) -> str:
    """The text of parameter `name`."""
    value = query.get(name, "")
    if not value:
        raise Refused(
            -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )
    return value


def whole(query: Query, name: str, default: int) -> int:
    """Parameter `name` as a whole number, or `default` where it was not sent."""
    value = query.get(name)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,20}", value):
        raise _illegal(name, "^[0-9]{1,20}$")
    if name == "limit" and int(value) == 0:
        raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
    return int(value)


def symbol(query: Query, listed: tuple[str, ...]) -> str:
    """Parameter `symbol`, one of `listed`."""
    name = required(query, "symbol")
    if not re.fullmatch(r"[A-Z0-9\-_.]{1,20}", name):
        raise _illegal("symbol", "^[A-Z0-9-_.]{1,20}$")
    if name not in listed:
        raise Refused(-1121, "Invalid symbol.")
    return name


def symbols(query: Query, listed: tuple[str, ...]) -> list[str]:
    """What `symbol` or `symbols` names; empty where neither was sent."""
    if "symbol" in query and "symbols" in query:
        raise Refused(-1128, "Combination of optional parameters invalid.")
    if "symbol" in query:
        return [symbol(query, listed)]
    if "symbols" not in query:
        return []
    try:
        names = json.loads(query["symbols"])
    except ValueError:
        names = None
    if not isinstance(names, list) or not names:
        raise _illegal("symbols", r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$')
    if any(name not in listed for name in names):
        raise Refused(-1121, "Invalid symbol.")
    return names
