"""What each family gives to an exported file: its raw probabilities from windows of raw features.

A family that is exported names the formats in its capabilities, and has a line in `PARTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from crypto_bot.domain.registry import Registry
from crypto_bot.models.export import trees
from crypto_bot.models.export.graph import Graph
from crypto_bot.models.export.modules import (
    Heads,
    Joined,
    Linear,
    LinearHeads,
    Softmax,
    Towers,
)
from crypto_bot.models.families.two_heads import CLASSES, MOVE, UP
from crypto_bot.models.spec import ModelSpec

if TYPE_CHECKING:
    from crypto_bot.models.families.cnn_lstm.fit import NetModel
    from crypto_bot.models.families.ensemble.model import EnsembleModel
    from crypto_bot.models.families.forest import FittedForest
    from crypto_bot.models.families.lightgbm import FittedLightGbm
    from crypto_bot.models.families.logistic import FittedLogistic
    from crypto_bot.models.families.nets.family import WindowModel


@dataclass(frozen=True)
class Part:
    """`add(graph, windows)` adds the model to a graph and names its probabilities [n, classes].

    `module`: the same as a module of torch, where the model is a network.
    """

    add: Callable[[Graph, str], str]
    module: nn.Module | None = None


PARTS: Registry[Callable[..., Part]] = Registry("exported family")
"""By the stored name of a family: the part of a loaded model and its spec."""
for _name, _attribute in (
    ("cnn_lstm_v1", "cnn_lstm"),
    ("lightgbm_v1", "lightgbm"),
    ("logistic_v1", "logistic"),
    ("lstm_v1", "window_net"),
    ("transformer_v1", "window_net"),
    ("forest_v1", "forest"),
    ("ensemble_v1", "ensemble"),
):
    PARTS.register(_name, f"crypto_bot.models.export.parts:{_attribute}")


def cnn_lstm(model: NetModel, spec: ModelSpec) -> Part:
    """The CNN-LSTM."""
    return _network(Towers(model.net.move, model.net.up, model.direction), spec)


def window_net(model: WindowModel, spec: ModelSpec) -> Part:
    """A network that reads a window and answers all classes at once."""
    return _network(Softmax(model.net), spec)


def logistic(model: FittedLogistic, spec: ModelSpec) -> Part:
    """The logistic family."""
    way = spec.label.three_way
    if way is None:
        module: nn.Module = Softmax(Linear(model.parts[CLASSES]))
    else:
        module = LinearHeads(model.parts[MOVE], model.parts[UP], way)
    return Part(_network(module, spec).add)


def lightgbm(model: FittedLightGbm, spec: ModelSpec) -> Part:
    """The LightGBM family."""

    def scores(graph: Graph, windows: str, part: str) -> tuple[str, int]:
        booster, columns = model.parts[part]
        outputs = booster.num_model_per_iteration()
        grown = trees.boosted(booster.dump_model(), outputs)
        return trees.scores(graph, windows, columns, grown, outputs), outputs

    def add(graph: Graph, windows: str) -> str:
        way = spec.label.three_way
        if way is not None:
            logits = (scores(graph, windows, part)[0] for part in (MOVE, UP))
            flat = (graph.node("Squeeze", each, graph.constant(np.array([1]))) for each in logits)
            return graph.module(Heads(way), (), *flat)
        raw, outputs = scores(graph, windows, CLASSES)
        if outputs == 1:  # of two classes only the second has a score
            other = graph.node("Sub", raw, raw)
            raw = graph.node("Concat", other, raw, axis=1)
        return graph.node("Softmax", raw, axis=1)

    return Part(add)


def forest(model: FittedForest, spec: ModelSpec) -> Part:
    """The random forest."""
    del spec

    def add(graph: Graph, windows: str) -> str:
        outputs = model.trees.shares.shape[1]
        return trees.scores(graph, windows, model.columns, _forest_trees(model), outputs)

    return Part(add)


def ensemble(model: EnsembleModel, spec: ModelSpec) -> Part:
    """The weighted mean of what its members answer, as `ensemble.model.joined`."""
    way, shares = spec.label.three_way, [member.share for member in model.parts]

    def add(graph: Graph, windows: str) -> str:
        parts = [
            PARTS.get(member.spec.family)(member.model, member.spec).add(graph, windows)
            for member in model.parts
        ]
        if way is not None:
            return graph.module(Joined(shares, way), (len(spec.label.classes),), *parts)
        weights = [graph.constant(np.array(share.weight, np.float32)) for share in shares]
        each = zip(parts, weights, strict=True)
        return graph.node("Sum", *(graph.node("Mul", part, weight) for part, weight in each))

    return Part(add)


def _network(module: nn.Module, spec: ModelSpec) -> Part:
    shape = (spec.window_bars, len(spec.columns))
    return Part(lambda graph, windows: graph.module(module, shape, windows), module)


def _forest_trees(model: FittedForest) -> Iterator[trees.Node]:
    held = model.trees
    count = held.roots.size

    def grown(at: int) -> trees.Node:
        if held.left[at] == at:
            shares = (held.shares[at] / count).tolist()
            return trees.Leaf(dict(enumerate(shares)))
        low, high = grown(int(held.left[at])), grown(int(held.right[at]))
        return trees.Split(int(held.column[at]), float(held.threshold[at]), low, high)

    for root in held.roots.tolist():
        yield grown(root)
