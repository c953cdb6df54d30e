"""Exported files answer as the models do, whatever the family, the label and the calibration."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from crypto_bot.domain.errors import ConfigError, ModelIncompatible
from crypto_bot.domain.label import LabelSpec
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.export.graph import Graph
from crypto_bot.models.export.onnx_file import answers, to_onnx
from crypto_bot.models.export.parity import compared, probabilities
from crypto_bot.models.export.parts import PARTS
from crypto_bot.models.export.trees import Leaf, Split, scores
from crypto_bot.models.families.family import Features, FitOptions, Model
from crypto_bot.models.families.nets.family import WindowFamily, WindowModel
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.models.spec import ModelSpec
from tests.contracts.test_model_families import MOVES, SETTINGS, SIZES, A, fitted, made
from tests.models.made_specs import made_spec

NONE = cast("Any", None)
ASKED = {
    "three ways": (A, A),
    "two classes": (MOVES, MOVES),
    "fall or rise": (LABELS.get("next_bar"), MOVES),
    "four with a direction": (LABELS.get("four_4h"), SIZES),
    "four classes": (SIZES, SIZES),
}
"""The label of a model, and the label of as many classes that it was fitted on."""


def published(model: Model, spec: ModelSpec) -> PublishedModel:
    """Calibrated away from what it answers."""
    calibration = Calibration(1.7, 0.4)
    return PublishedModel("made+1", None, spec, model, calibration, NONE, NONE, NONE, NONE)


def spec_of(family: str, label: LabelSpec) -> ModelSpec:
    return cast("Any", made(family, 1, label)).spec  # type: ignore[no-any-return]


def windows(spec: ModelSpec, count: int = 300, seed: int = 5) -> Features:
    """Windows with numbers far from what was learned from."""
    rng = np.random.default_rng(seed)
    shape = (count, spec.window_bars, len(spec.columns))
    far = np.exp(rng.normal(0.0, 1.0, (count, 1, 1)))
    return np.asarray(rng.standard_normal(shape) * far, np.float32)


def greatest_difference(model: PublishedModel, given: Features) -> float:
    return compared(probabilities(model, given), answers(to_onnx(model), given), "onnx").greatest


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("family", SETTINGS)
def test_a_file_answers_as_the_model(family: str, asked: str) -> None:
    label, learned = ASKED[asked]
    try:
        spec, model = spec_of(family, learned), fitted(family, learned)
    except ConfigError:
        pytest.skip("the family declines such a label")
    whole = published(model, replace(spec, label=label))
    assert greatest_difference(whole, windows(spec)) < 1e-5


@pytest.mark.parametrize(
    ("family", "bars", "size", "step"),
    [
        ("lstm_v1", 90, "default", 1),
        ("lstm_v1", 50, "hybrid", 1),
        ("lstm_v1", 480, "default", 4),
        ("transformer_v1", 480, "default", 4),
    ],
)
def test_networks_of_the_recipes(family: str, bars: int, size: str, step: int) -> None:
    """Of the usual sizes, with weights that answer every window otherwise."""
    columns = tuple(range(42))
    spec = replace(made_spec(family, columns, columns, size=size, label=SIZES), window_bars=bars)
    kind = FAMILIES.get(family)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        net = cast("WindowFamily", kind(spec, kind.settings_for(FitOptions(device="cpu")))).new_net(
            step
        )
        nn.init.normal_(net.out.weight)
    whole = published(WindowModel(net.eval()), spec)
    given = windows(spec, count=64)
    assert probabilities(whole, given).std(axis=0).min() > 1e-3
    assert greatest_difference(whole, given) < 1e-6


def test_sure_answers_keep_their_direction() -> None:
    """Where P(up) is 1 in single precision, its log odds still differ."""
    spec, model = spec_of("logistic_v1", A), fitted("logistic_v1", A)
    given = windows(spec) * np.float32(6.0)
    whole = published(model, spec)
    assert probabilities(whole, given).max() > 0.98
    assert greatest_difference(whole, given) < 1e-5


def test_a_split_sends_every_number_in_single_precision_the_same_way() -> None:
    """A threshold that lies between two of them, and one that is none of them."""
    between = (0.1, float(np.nextafter(0.1, 1.0)), -1.0 / 3.0, 1e-50, -1e-50, 0.0)
    near = np.array(between, np.float32)
    around = [near, np.nextafter(near, np.float32(-9.0)), np.nextafter(near, np.float32(9.0))]
    rows = np.unique(np.concatenate(around))[:, None]
    trees = [Split(0, each, Leaf({0: 1.0}), Leaf({0: 2.0})) for each in between]
    graph = Graph()
    found = [scores(graph, "windows", np.array([0]), iter([tree]), 1) for tree in trees]
    joined = graph.node("Concat", *found, axis=1)
    content = graph.model(joined, (1, 1), len(trees), {})
    expected = np.where(rows.astype(np.float64) <= np.array(between), 1.0, 2.0)
    assert np.array_equal(answers(content, rows[:, None]), expected)


def test_a_file_says_what_it_needs_and_is_checked() -> None:
    spec, model = spec_of("logistic_v1", A), fitted("logistic_v1", A)
    whole = published(model, spec)
    content = to_onnx(whole)
    held = {each.key: each.value for each in onnx.load_from_string(content).metadata_props}
    assert json.loads(held["columns"]) == list(spec.columns)
    assert json.loads(held["classes"]) == list(A.classes)
    assert (held["window_bars"], held["timeframe"]) == (str(spec.window_bars), spec.timeframe)

    given = windows(spec)
    other = replace(whole, calibration=Calibration(1.7, 0.45))
    with pytest.raises(ModelIncompatible, match="over 300 windows a probability differs by"):
        compared(probabilities(other, given), answers(content, given), "onnx")
    nothing = np.full((300, 3), np.nan)
    with pytest.raises(ModelIncompatible, match="differs by nan"):
        compared(probabilities(whole, given), nothing, "onnx")


def test_every_family_that_is_exported_has_its_part() -> None:
    able = {name for name in FAMILIES.names() if FAMILIES.get(name).capabilities.exports}
    assert able == set(FAMILIES.names())
    assert able <= set(PARTS.names())
