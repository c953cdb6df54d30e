"""The settings that an engine runs with, each with where it is from; secrets are not shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr
from sqlalchemy import make_url

from crypto_bot.adapters.store.connection import has_password, shown
from crypto_bot.app.settings import Settings
from crypto_bot.app.settings_file import meanings
from crypto_bot.ports import SettingLine

_NOT_SET = "not set"
_OF_SECRETS = ("KEY", "TOKEN", "PASSWORD", "SECRET")
"""How the names of variables end that hold secrets, such as those of providers."""
_SHORTEST_KEY = 8


def setting_lines(settings: Settings) -> list[SettingLine]:
    """All of them, single ones first, then section by section."""
    found = list(_lines(settings, Settings.model_construct(), settings.given, ""))
    return sorted(found, key=lambda line: "." in line.name)


def secrets_of(settings: Settings) -> list[str]:
    """What must not be shown anywhere: token, receivers, and a database's address and password."""
    token, receivers, address = settings.api.token, settings.notify.urls, settings.database_url
    known = [] if token is None else [token.get_secret_value()]
    known += [] if receivers is None else receivers.get_secret_value().split()
    if has_password(address):
        url = make_url(address)
        known += [address, *map(str, filter(None, (url.password, url.query.get("password"))))]
    keys = [value for name, value in os.environ.items() if name.upper().endswith(_OF_SECRETS)]
    return [*known, *(key for key in keys if len(key) >= _SHORTEST_KEY)]


def _lines(
    section: BaseModel, usual: BaseModel | None, given: Mapping[str, Any], path: str
) -> Iterator[SettingLine]:
    """`given` holds what each source gave to this section, the strongest first."""
    # `load` makes a class of its own of `Settings`.
    means = meanings(Settings if isinstance(section, Settings) else type(section))
    for name in type(section).model_fields:
        value, default = getattr(section, name), getattr(usual, name, None)
        below = {
            source: values[name]
            for source, values in given.items()
            if isinstance(values, Mapping) and name in values
        }
        if isinstance(value, BaseModel):
            yield from _lines(value, default, below, f"{path}{name}.")
            continue
        source = next(iter(below), "default" if value == default else "command")
        yield SettingLine(f"{path}{name}", _shown(name, value), source, means.get(name, ""))


def _shown(name: str, value: Any) -> str:
    if value is None:
        return _NOT_SET
    if isinstance(value, SecretStr):
        return "set, not shown"
    if name == "database_url":
        return shown(make_url(value))
    if isinstance(value, tuple):
        return ", ".join(_shown(name, each) for each in value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
