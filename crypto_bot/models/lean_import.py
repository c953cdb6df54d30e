"""Importing a library without others that it would load only where they are installed."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from threading import Lock
from types import ModuleType

_ONE_AT_A_TIME = Lock()


def import_lean(package: str, without: frozenset[str]) -> None:
    """Imports `package`, to whose modules the packages `without` are not installed.

    For all other modules, in other threads too, nothing changes. A package that is imported already
    stays as it is.
    """
    with _ONE_AT_A_TIME:
        if package in sys.modules:
            return
        usual = builtins.__import__

        def refusing(
            name: str,
            globals: Mapping[str, object] | None = None,  # noqa: A002 - as `__import__` has it
            locals: Mapping[str, object] | None = None,  # noqa: A002 - as `__import__` has it
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> ModuleType:
            importer = str((globals or {}).get("__name__", "")).partition(".")[0]
            if importer == package and not level and name.partition(".")[0] in without:
                raise ModuleNotFoundError(f"{name} is left out", name=name)
            return usual(name, globals, locals, fromlist, level)

        builtins.__import__ = refusing
        try:
            import_module(package)
        finally:
            builtins.__import__ = usual
