"""The forest answers as scikit-learn's does, and from arrays alone."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from crypto_bot.domain.errors import ConfigError, ModelIncompatible
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import LabelSpec
from crypto_bot.models.families.family import Examples
from crypto_bot.models.families.forest import ForestFamily, ForestSettings
from crypto_bot.models.spec import ModelSpec
from tests.models.made_specs import made_spec

CLASSES = {count: tuple("ABCD"[:count]) for count in (2, 3, 4)}
SETTINGS = ForestSettings(trees=15, depth=6, min_rows_in_leaf=3)


def spec(classes: int) -> ModelSpec:
    label = LabelSpec("made", "made", Horizon(4), (1.0,), classes=CLASSES[classes])
    return made_spec("forest_v1", (3, 0, 1), (3, 0, 1), label=label)


def market(classes: int) -> Examples:
    rng = np.random.default_rng(classes)
    features = rng.standard_normal((900, 4)).astype(np.float32)
    labels = rng.integers(0, classes, 900) * (features[:, 0] > 0)
    ends = np.arange(100, 900)
    return Examples(features, ends, labels[ends], rng.uniform(0.5, 1.5, ends.size))


@pytest.mark.parametrize("classes", CLASSES)
def test_it_answers_as_scikit_learn(classes: int) -> None:
    seen = market(classes)
    family = ForestFamily(spec(classes), SETTINGS, 7)
    forest = family.load(family.fit(seen, seen).files())
    grown = RandomForestClassifier(15, max_depth=6, min_samples_leaf=3, random_state=7)
    x = seen.features[:, [3, 0, 1]]
    grown.fit(x[seen.ends], seen.labels, seen.weights)
    found = forest.predict_proba(seen.features, np.arange(900))
    assert found == pytest.approx(grown.predict_proba(x), abs=1e-12)
    alone = [forest.predict_proba(seen.features, np.array([end]))[0] for end in range(100)]
    assert np.array_equal(found[:100], alone)


@pytest.mark.parametrize(
    "change",
    [
        {"left": 10_000},
        {"right": -1},
        {"column": 3},
        {"depth": 10_000},
        {"threshold": np.nan},
        {"shares": 2.0},
    ],
)
def test_arrays_that_are_no_trees_are_refused(change: dict[str, float]) -> None:
    seen = market(3)
    family = ForestFamily(spec(3), SETTINGS)
    trees = family.fit(seen, seen).trees._asdict()
    for name, value in change.items():
        trees[name] = trees[name].copy()
        trees[name][...] = value
    content = BytesIO()
    np.savez(content, allow_pickle=False, **trees)
    with pytest.raises(ModelIncompatible, match=r"forest\.npz is damaged"):
        family.load({"forest.npz": content.getvalue()})


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="depth is 0: use 1 or more"):
        replace(SETTINGS, depth=0)
