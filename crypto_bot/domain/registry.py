"""Named entries of one kind, such as families or labels: registered once, looked up by name."""

from __future__ import annotations

from importlib import import_module
from typing import Generic, TypeVar, cast

from crypto_bot.domain.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries of one kind by name; `noun` names the kind in messages.

    An entry may be given as the text "package.module:attribute": the module is imported when the
    entry is first asked for, so that naming a family does not import torch.
    """

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._entries: dict[str, T | str] = {}
        self._renamed: dict[str, str] = {}

    def register(self, name: str, entry: T | str, *, former: str | None = None) -> None:
        """Adds `entry` as `name`. Raises ValueError where the name is taken.

        `former`: the name that the entry had before. It is still looked up by it, so that what was
        stored stays readable, but `names` leaves it out.
        """
        if name in self._entries:
            raise ValueError(f"{self._noun} '{name}' is registered twice")
        self._entries[name] = entry
        if former is not None:
            self._renamed[former] = name

    def get(self, name: str) -> T:
        """The entry called `name`. Raises ConfigError, naming those that exist, for any other."""
        self.require(name)
        name = self._renamed.get(name, name)
        entry = self._entries[name]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = cast("T", getattr(import_module(module), attribute))
            self._entries[name] = entry
        return entry

    def require(self, name: str) -> None:
        """Raises ConfigError unless `name` is registered; imports nothing."""
        if name not in self._entries and name not in self._renamed:
            raise ConfigError(
                f"unknown {self._noun} '{name}': use one of {', '.join(self._entries)}"
            )

    def names(self) -> tuple[str, ...]:
        """The names of all entries, in the order of registration."""
        return tuple(self._entries)
