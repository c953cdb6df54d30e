"""Families by name: a new family is a file (or a folder) and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crypto_bot.domain.registry import Registry
from crypto_bot.models.families.family import Family, FitOptions
from crypto_bot.models.spec import ModelSpec

DEFAULT = "cnn_lstm_v1"
FAMILIES: Registry[type[Family]] = Registry("family")
FAMILIES.register(DEFAULT, "crypto_bot.models.families.cnn_lstm.family:CnnLstm")
FAMILIES.register("trees_v1", "crypto_bot.models.families.trees:TreeFamily")
FAMILIES.register("logistic_v1", "crypto_bot.models.families.logistic:LogisticFamily")


@dataclass(frozen=True, slots=True)
class FamilyChoice:
    """A family by name, the size of its models, and its own settings (None: its defaults)."""

    name: str = DEFAULT
    size: str = "default"
    settings: Any = None

    def __post_init__(self) -> None:
        FAMILIES.require(self.name)

    def build(self, spec: ModelSpec, seed: int) -> Family:
        """The family of `spec`. Raises ConfigError for what it cannot do."""
        kind = FAMILIES.get(self.name)
        settings = kind.settings_for(FitOptions()) if self.settings is None else self.settings
        return kind(spec, settings, seed)
