"""What some models can tell beside their predictions: of what they are made, what they look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from crypto_bot.models.families.family import Features, Model
from crypto_bot.statistics.rows import Floats, Ints

if TYPE_CHECKING:
    import lightgbm as lgb


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

    @property
    def shares(self) -> Mapping[str, tuple[float, float]]:
        """Of each member by its name: its weight, and its weight in the direction."""
        ...

    def mean_of(self, answers: Mapping[str, Floats]) -> Floats:
        """P [n, classes] of it, from those of its members for the same rows."""
        ...


def explained(model: Model, features: Features, ends: Ints) -> Mapping[str, Floats]:
    """What `model` measures of the columns; nothing where it measures none."""
    return model.importance(features, ends) if isinstance(model, Explained) else {}


def shares_of(model: Model) -> dict[str, tuple[float, float]]:
    """Of the members of a model that is combined; none of another one."""
    return dict(model.shares) if isinstance(model, Combined) else {}


def with_members(name: str, model: Model) -> dict[str, Model]:
    """The model by its `name`, and the members of one that is combined by theirs."""
    return {name: model, **(model.members if isinstance(model, Combined) else {})}


def all_answers(name: str, model: Model, features: Features, ends: Ints) -> dict[str, Floats]:
    """P [n, classes] of each of `with_members`; every member is asked once."""
    if not isinstance(model, Combined):
        return {name: model.predict_proba(features, ends)}
    own = {each: member.predict_proba(features, ends) for each, member in model.members.items()}
    return {name: model.mean_of(own), **own}


def of_boosters(
    parts: Iterable[tuple[lgb.Booster, Ints]], features: Features, ends: Ints
) -> dict[str, Floats]:
    """`Explained.importance` of LightGBM models with the columns [c] that each of them reads.

    `gain` are shares of that of all splits, `shap` is LightGBM's own (`pred_contrib`).
    """
    gain, shap = np.zeros((2, features.shape[1]))
    for booster, columns in parts:
        gain[columns] += booster.feature_importance("gain")
        rows = features[np.ix_(ends, columns)]
        given = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))
        # One block of columns and a bias for each output.
        blocks = given.reshape(ends.size, -1, columns.size + 1)[:, :, :-1]
        shap[columns] += np.abs(blocks).mean(axis=0).sum(axis=0)
    return {"gain": gain / (gain.sum() or 1.0), "shap": shap}
