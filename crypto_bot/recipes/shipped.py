"""The recipes that come with the program, and those in files of the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.user_file import at_home, decoded
from crypto_bot.recipes.recipe import DEFAULT, Recipe, recipe_from

_SUFFIX = ".toml"


def names() -> tuple[str, ...]:
    """Of the shipped recipes, the default first."""
    found = sorted(each.name.removesuffix(_SUFFIX) for each in _shipped())
    return (DEFAULT, *(name for name in found if name != DEFAULT))


def recipe(name_or_path: str = DEFAULT) -> Recipe:
    """A shipped recipe by name, or that of a file. Raises ConfigError in one line."""
    if name_or_path in names():
        return recipe_from(tomllib.loads(source(name_or_path)), f"recipe {name_or_path}")
    found = recipe_from(_parsed(name_or_path), name_or_path)
    if found.name in names():
        raise ConfigError(f"{name_or_path}: name = '{found.name}' is that of a shipped recipe")
    return found


def source(name_or_path: str) -> str:
    """The text of a recipe. Raises ConfigError."""
    for each in _shipped():
        if each.name == f"{name_or_path}{_SUFFIX}":
            return each.read_text("utf-8")
    path = Path(name_or_path)
    if path.suffix != _SUFFIX:
        raise ConfigError(
            f"unknown recipe '{name_or_path}': use one of {', '.join(names())}, or the path of a "
            f"{_SUFFIX} file"
        )
    try:
        return decoded(at_home(path).read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"recipe {path}: {reason}") from error


def _parsed(path: str) -> dict[str, object]:
    try:
        return tomllib.loads(source(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {path} is not TOML: {error}") from error


def _shipped() -> Iterator[Traversable]:
    assert __package__ is not None
    return (each for each in files(__package__).iterdir() if each.name.endswith(_SUFFIX))
