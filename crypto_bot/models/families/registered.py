"""Families by name: a new family is a file (or a folder) and a line here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.registry import Registry
from crypto_bot.models.families.family import Family, FitOptions
from crypto_bot.models.spec import ModelSpec

DEFAULT = "cnn_lstm_v1"
FAMILIES: Registry[type[Family]] = Registry("family")
FAMILIES.register(DEFAULT, "crypto_bot.models.families.cnn_lstm.family:CnnLstm")
FAMILIES.register(
    "lightgbm_v1", "crypto_bot.models.families.lightgbm:LightGbmFamily", former="trees_v1"
)
FAMILIES.register("logistic_v1", "crypto_bot.models.families.logistic:LogisticFamily")
FAMILIES.register("lstm_v1", "crypto_bot.models.families.nets.lstm:LstmFamily")
FAMILIES.register("transformer_v1", "crypto_bot.models.families.nets.transformer:TransformerFamily")
FAMILIES.register("forest_v1", "crypto_bot.models.families.forest:ForestFamily")
FAMILIES.register("ensemble_v1", "crypto_bot.models.families.ensemble.family:EnsembleFamily")
_VERSION = re.compile(r"_v(\d+)$")


def public_names() -> tuple[str, ...]:
    """The names of all families without their versions, such as `lightgbm`."""
    return tuple(dict.fromkeys(map(public_name, FAMILIES.names())))


def public_name(name: str) -> str:
    """A stored name without its version: `lightgbm` for `lightgbm_v1` and for itself."""
    return _VERSION.sub("", name)


def newest_version(name: str) -> str:
    """The stored name of a family: `lightgbm_v1` for `lightgbm` and for itself.

    A public name stands for its newest version. Raises ConfigError for an unknown name.
    """
    names = FAMILIES.names()
    if name in names:
        return name
    versions = [each for each in names if public_name(each) == name]
    if not versions:
        raise ConfigError(f"unknown family '{name}': use one of {', '.join(public_names())}")
    return max(versions, key=_version)


def _version(name: str) -> int:
    found = _VERSION.search(name)
    return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class FamilyChoice:
    """A family by stored name, the size of its models, its own settings (None: its defaults)."""

    name: str = DEFAULT
    size: str = "default"
    settings: Any = None

    def __post_init__(self) -> None:
        FAMILIES.require(self.name)

    def build(self, spec: ModelSpec, seed: int) -> Family:
        """The family of `spec`. Raises ConfigError for what it cannot do."""
        return FAMILIES.get(self.name)(spec, self.chosen_settings, seed)

    @property
    def chosen_settings(self) -> Any:
        """The settings that were chosen, or the family's defaults."""
        if self.settings is None:
            return FAMILIES.get(self.name).settings_for(FitOptions())
        return self.settings
