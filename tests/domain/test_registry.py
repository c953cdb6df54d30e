import sys

import pytest

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.registry import Registry


def test_entries_are_registered_once_and_found_by_name() -> None:
    registry = Registry[object]("colour")
    registry.register("red", 1)
    registry.register("green", 2)
    assert (registry.get("red"), registry.get("green")) == (1, 2)
    assert registry.names() == ("red", "green")
    for lookup in (registry.get, registry.require):
        with pytest.raises(ConfigError, match="unknown colour 'blue': use one of red, green"):
            lookup("blue")
    with pytest.raises(ValueError, match="colour 'red' is registered twice"):
        registry.register("red", 3)
    assert registry.get("red") == 1


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
