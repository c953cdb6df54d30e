"""Importing a library without others that it would load only where they are installed."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from threading import Lock
from types import ModuleType

_ONE_AT_A_TIME = Lock()


def import_lean(name: str, without: frozenset[str]) -> None:
    """Imports the package `name`, to whose modules the packages `without` are not installed.

    For all other modules, in other threads too, nothing changes. A package that is imported already
    stays as it is.
    """
    with _ONE_AT_A_TIME:
        if name in sys.modules:
            return
        usual = builtins.__import__

        def refusing(
            asked: str,
            globals: Mapping[str, object] | None = None,  # noqa: A002 - as `__import__` has it
            locals: Mapping[str, object] | None = None,  # noqa: A002 - as `__import__` has it
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> ModuleType:
            importer = str((globals or {}).get("__name__", "")).partition(".")[0]
            if importer == name and not level and asked.partition(".")[0] in without:
                raise ModuleNotFoundError(f"{asked} is left out", name=asked)
            return usual(asked, globals, locals, fromlist, level)

        builtins.__import__ = refusing
        try:
            import_module(name)
        finally:
            builtins.__import__ = usual
