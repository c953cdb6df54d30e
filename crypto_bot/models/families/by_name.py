"""Families by name: what a model's `meta.json` names, built again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.sets import FeatureSet, Heads
from crypto_bot.models.checkpoint_store import UNKEPT, Notebook
from crypto_bot.models.families.cnn_lstm.fit import CnnLstm, NetSettings
from crypto_bot.models.families.cnn_lstm.net import Architecture
from crypto_bot.models.families.family import Family, Files
from crypto_bot.models.families.logistic import LogisticFamily
from crypto_bot.models.families.trees import TreeFamily
from crypto_bot.statistics.rows import Ints

CNN_LSTM, TREES, LOGISTIC = "cnn_lstm_v1", "trees_v1", "logistic_v1"
NAMES = (CNN_LSTM, TREES, LOGISTIC)


@dataclass(frozen=True, slots=True)
class FamilyChoice:
    """A family by name, with what only a network needs: its size and how it is fitted."""

    name: str = CNN_LSTM
    size: str = "default"
    window_bars: int = 16
    net: NetSettings = field(default_factory=NetSettings)

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"unknown family '{self.name}': use one of {', '.join(NAMES)}")


def heads(name: str, features: FeatureSet) -> Heads:
    """The columns that each head of the family `name` reads."""
    return features.columns_for("network" if name == CNN_LSTM else "trees")


def build(
    choice: FamilyChoice,
    columns: Sequence[str],
    read: Heads,
    *,
    seed: int = 0,
    start: Files | None = None,
    notebook: Notebook | None = None,
) -> Family:
    """The family, reading the columns `read` among `columns`.

    `start` and `notebook` as `CnnLstm` takes them; the others are done before a checkpoint pays.
    """
    move, up = (_places(columns, names) for names in read)
    if choice.name == CNN_LSTM:
        shape = Architecture(
            choice.window_bars, tuple(move.tolist()), tuple(up.tolist()), choice.size
        )
        return CnnLstm(shape, seed, choice.net, start, notebook or UNKEPT)
    if start is not None:
        raise ConfigError(f"{choice.name} cannot go on from another model: use {CNN_LSTM}")
    if choice.name == TREES:
        return TreeFamily(move, up, seed)
    return LogisticFamily(move, up)


def _places(columns: Sequence[str], names: Sequence[str]) -> Ints:
    place = {name: number for number, name in enumerate(columns)}
    return np.array([place[name] for name in names], dtype=np.int64)
