"""What some models can tell beside their predictions: of what they are made, what they look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from crypto_bot.models.families.family import Features, Model
from crypto_bot.statistics.rows import Floats, Ints


@runtime_checkable
class Explained(Protocol):
    """A model that measures by itself how much each column of the features matters."""

    def importance(self, features: Features, ends: Ints) -> Mapping[str, Floats]:
        """Values [k] of all columns, 0 for one that is not read, by name of the measure.

        `gain`: of the splits while it was fitted. `shap`: mean absolute contribution to the raw
        scores over the rows `ends` of `features` [bars, k].
        """
        ...


@runtime_checkable
class Combined(Protocol):
    """A model that is made of others."""

    @property
    def members(self) -> Mapping[str, Model]:
        """Each by its name."""
        ...


def explained(model: Model, features: Features, ends: Ints) -> Mapping[str, Floats]:
    """What `model` measures of the columns; nothing where it measures none."""
    return model.importance(features, ends) if isinstance(model, Explained) else {}


def combined(model: Model) -> Mapping[str, Model]:
    """The members of `model`; nothing where it is one by itself."""
    return model.members if isinstance(model, Combined) else {}
