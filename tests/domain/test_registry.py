import sys

import pytest

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.registry import Registry


def test_an_entry_is_found_by_its_name() -> None:
    registry = Registry[int]("colour")
    registry.register("red", 1)
    registry.register("green", 2)
    assert registry.get("green") == 2
    assert registry.names() == ("red", "green")


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    registry = Registry[int]("colour")
    registry.register("red", 1)
    registry.register("green", 2)
    with pytest.raises(ConfigError, match="unknown colour 'blue': use one of red, green"):
        registry.get("blue")
    with pytest.raises(ConfigError, match="unknown colour 'blue'"):
        registry.require("blue")


def test_a_name_is_registered_once() -> None:
    registry = Registry[int]("colour")
    registry.register("red", 1)
    with pytest.raises(ValueError, match="colour 'red' is registered twice"):
        registry.register("red", 3)
    assert registry.get("red") == 1


def test_the_decorator_registers() -> None:
    registry = Registry[type]("shape")

    @registry.entry("square")
    class Square:
        pass

    assert registry.get("square") is Square


def test_a_module_is_imported_when_its_entry_is_requested() -> None:
    name = "colorsys"
    sys.modules.pop(name, None)
    registry = Registry[object]("function")
    registry.register("hue", f"{name}:rgb_to_hsv")
    registry.require("hue")
    assert name not in sys.modules
    found = registry.get("hue")
    assert found is sys.modules[name].rgb_to_hsv
    assert registry.get("hue") is found
