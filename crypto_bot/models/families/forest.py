"""The forest family: scikit-learn's random forest, stored as arrays and predicted from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar, NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import ConfigError, ModelIncompatible
from crypto_bot.domain.label import LabelSpec
from crypto_bot.features.sets import FeatureSet
from crypto_bot.models.families.family import (
    NEW,
    Capabilities,
    Examples,
    Features,
    Files,
    FitOptions,
    Origin,
    require_classes,
)
from crypto_bot.models.families.two_heads import CLASSES, one_part_reads
from crypto_bot.models.memory import give_back
from crypto_bot.models.spec import ModelSpec, Reads
from crypto_bot.statistics.rows import Floats, Ints

_FILE = "forest.npz"
_ROWS_AT_ONCE = 500
_SECONDS_A_ROW = 1.2e-3
"""Of 200 trees; measured on 40 columns, one thread of an AMD EPYC."""
Nodes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """Number of `trees` and their greatest `depth`.

    A split chooses among so many columns as the square root of their number, as usual.
    `min_rows_in_leaf`: leaves of single rows, as scikit-learn grows them by itself, answer 0 or 1
    and take three times the space.
    """

    trees: int = 200
    depth: int = 20
    min_rows_in_leaf: int = 20

    def __post_init__(self) -> None:
        for name in ("trees", "depth", "min_rows_in_leaf"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: use 1 or more")


class Trees(NamedTuple):
    """All nodes of all trees, one tree after the other.

    `roots` [trees]: the node where each begins. Of each node [nodes]: the place of its `column`
    among those that are read, the `threshold` up to which a row goes `left`, else `right`; a leaf
    leads to itself. `shares` [nodes, classes]: of a leaf, else 0. `depth` []: the longest way down.
    `gain` [columns]: share of each column in the fall of the impurity.
    """

    roots: Nodes
    column: Nodes
    threshold: Floats
    left: Nodes
    right: Nodes
    shares: Floats
    depth: Nodes
    gain: Floats

    def answer(self, rows: Features) -> Floats:
        """Mean shares [n, classes] of the leaves that `rows` [n, columns] fall into."""
        at = np.tile(self.roots, (rows.shape[0], 1))
        each = np.arange(rows.shape[0])[:, None]
        for _ in range(int(self.depth)):
            goes_left = rows[each, self.column[at]] <= self.threshold[at]
            at = np.where(goes_left, self.left[at], self.right[at])
        mean: Floats = self.shares[at].sum(axis=1) / self.roots.size
        return mean


@dataclass(frozen=True, slots=True, weakref_slot=True)
class FittedForest:
    """A forest, and the places of the `columns` that it reads."""

    trees: Trees
    columns: Ints

    @property
    def curves(self) -> Mapping[str, tuple[float, ...]]:
        """None: there are no epochs."""
        return {}

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        p = np.empty((ends.size, self.trees.shares.shape[1]))
        for begin in range(0, ends.size, _ROWS_AT_ONCE):
            part = slice(begin, begin + _ROWS_AT_ONCE)
            p[part] = self.trees.answer(features[np.ix_(ends[part], self.columns)])
        return p

    def importance(self, features: Features, ends: Ints) -> dict[str, Floats]:
        """As `explained.Explained`; nothing depends on the rows."""
        del ends
        gain = np.zeros(features.shape[1])
        gain[self.columns] = self.trees.gain
        return {"gain": gain}

    def files(self) -> dict[str, bytes]:
        content = BytesIO()
        np.savez_compressed(content, allow_pickle=False, **self.trees._asdict())
        return {_FILE: content.getvalue()}


@dataclass(frozen=True, slots=True)
class ForestFamily:
    """A random forest on the newest row of each window; all classes at once.

    The same seed gives the same trees. No class weights.
    """

    spec: ModelSpec
    settings: ForestSettings = ForestSettings()
    seed: int = 0

    capabilities: ClassVar[Capabilities] = Capabilities(exports=("onnx",))
    overlapping: ClassVar[bool] = False  # rows that share a label would fill leaves by themselves

    @staticmethod
    def reads(features: FeatureSet, label: LabelSpec, settings: ForestSettings) -> Reads:
        del label, settings
        return one_part_reads(features, "trees")

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> ForestSettings:
        del options, fine_tuning
        return ForestSettings()

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> FittedForest:
        del origin  # done before a checkpoint would pay
        require_classes(self.spec.label, (("fit", fit), ("validation", validation)))
        from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 - fitting alone needs it

        s, columns = self.settings, self.spec.places(CLASSES)
        grown = RandomForestClassifier(
            n_estimators=s.trees,
            max_depth=s.depth,
            min_samples_leaf=s.min_rows_in_leaf,
            random_state=self.seed,
        )
        grown.fit(fit.features[np.ix_(fit.ends, columns)], fit.labels, fit.weights)
        give_back(fit.features)
        return FittedForest(trees_of(grown), columns)

    def load(self, files: Files) -> FittedForest:
        columns = self.spec.places(CLASSES)
        if _FILE not in files:
            raise ModelIncompatible(f"{_FILE} is missing: train the model again")
        try:
            with np.load(BytesIO(files[_FILE]), allow_pickle=False) as held:
                trees = Trees(**{name: held[name] for name in Trees._fields})
            _require_sound(trees, columns.size, len(self.spec.label.classes))
        except (OSError, EOFError, LookupError, TypeError, ValueError, BadZipFile) as error:
            raise ModelIncompatible(
                f"{_FILE} is damaged or of another kind: train the model again"
            ) from error
        return FittedForest(trees, columns)

    def seconds(self, rows: int, separate: float) -> float:
        return min(rows, separate) * self.settings.trees / 200 * _SECONDS_A_ROW


def trees_of(grown: Any) -> Trees:
    """The arrays of a fitted RandomForestClassifier."""
    trees = [each.tree_ for each in grown.estimators_]
    counts = [tree.node_count for tree in trees]
    roots = np.concatenate(([0], np.cumsum(counts)[:-1]))
    begins = np.repeat(roots, counts)
    own = np.arange(begins.size)

    def joined(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(tree, name) for tree in trees])

    left, right = joined("children_left"), joined("children_right")
    leaf = left < 0
    return Trees(
        roots=roots.astype(np.int32),
        column=np.where(leaf, 0, joined("feature")).astype(np.int32),
        threshold=np.where(leaf, 0.0, joined("threshold")),
        left=np.where(leaf, own, begins + left).astype(np.int32),
        right=np.where(leaf, own, begins + right).astype(np.int32),
        shares=np.where(leaf[:, None], joined("value")[:, 0], 0.0),
        depth=np.array(max(tree.max_depth for tree in trees), np.int32),
        gain=grown.feature_importances_,
    )


def _require_sound(trees: Trees, columns: int, classes: int) -> None:
    """Raises ValueError unless every row finds its way down and every answer is a share."""
    nodes = trees.left.size
    flat = (trees.column, trees.threshold, trees.left, trees.right)
    shaped = all(each.shape == (nodes,) for each in flat) and (
        trees.shares.shape == (nodes, classes) and trees.roots.ndim == 1 and trees.depth.ndim == 0
    )
    shaped = shaped and trees.gain.shape == (columns,)
    whole = (trees.roots, trees.column, trees.left, trees.right, trees.depth)
    if not shaped or not all(each.dtype == np.int32 for each in whole):
        raise ValueError("the arrays do not fit together")
    within = [(each, columns if each is trees.column else nodes) for each in whole]
    if not all(each.size and each.min() >= 0 and each.max() < limit for each, limit in within):
        raise ValueError("a node or a column is none of those that exist")
    if not (np.isfinite(trees.threshold).all() and (trees.shares >= 0.0).all()):
        raise ValueError("a threshold or a share is no number")
    leaf = trees.left == np.arange(nodes)
    if not np.allclose(trees.shares[leaf].sum(axis=1), 1.0):
        raise ValueError("the shares of a leaf do not sum to 1")
