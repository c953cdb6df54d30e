"""Trees as one node of ONNX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.export.graph import Graph
from crypto_bot.statistics.rows import Ints


class Leaf(NamedTuple):
    """What a tree adds to each output, by its number."""

    values: Mapping[int, float]


class Split(NamedTuple):
    """`low` where the column is at most `threshold`, else `high`."""

    column: int
    threshold: float
    low: Node
    high: Node


Node = Leaf | Split


@dataclass
class _Table:
    """The attributes of the node, a row for each node of a tree."""

    nodes: dict[str, list[Any]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                *("treeids", "nodeids", "featureids", "values", "modes"),
                *("truenodeids", "falsenodeids"),
            )
        }
    )
    leaves: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    )

    def add(self, tree: int, root: Node) -> None:
        count = 0
        waiting: list[tuple[Node, int]] = [(root, 0)]
        while waiting:
            node, number = waiting.pop()
            low = high = 0
            if isinstance(node, Split):
                low, high = count + 1, count + 2
                count += 2
                waiting += [(node.low, low), (node.high, high)]
                row = (node.column, _below(node.threshold), "BRANCH_LEQ")
            else:
                row = (0, 0.0, "LEAF")
                self._add_leaf(tree, number, node)
            values = (tree, number, *row, low, high)
            for column, value in zip(self.nodes.values(), values, strict=True):
                column.append(value)

    def _add_leaf(self, tree: int, number: int, leaf: Leaf) -> None:
        for output, weight in leaf.values.items():
            values = (tree, number, output, weight)
            for column, value in zip(self.leaves.values(), values, strict=True):
                column.append(value)


def scores(graph: Graph, windows: str, columns: Ints, trees: Iterator[Node], outputs: int) -> str:
    """The sums of `trees` [n, outputs] over `columns` of the newest row of `windows`."""
    table = _Table()
    for number, root in enumerate(trees):
        table.add(number, root)
    newest = graph.node("Gather", windows, graph.constant(np.array(-1)), axis=1)
    rows = graph.node("Gather", newest, graph.constant(columns), axis=1)
    return graph.node(
        "TreeEnsembleRegressor",
        rows,
        domain="ai.onnx.ml",
        n_targets=outputs,
        **{f"nodes_{name}": held for name, held in table.nodes.items()},
        **{f"target_{name}": held for name, held in table.leaves.items()},
    )


def boosted(dump: Mapping[str, Any], outputs: int) -> Iterator[Node]:
    """The trees of LightGBM's `dump_model`; the trees of a round are of one output each."""
    for number, tree in enumerate(dump["tree_info"]):
        yield _grown(tree["tree_structure"], number % outputs)


def _grown(node: Mapping[str, Any], output: int) -> Node:
    if "split_feature" not in node:
        return Leaf({output: float(node["leaf_value"])})
    if node["decision_type"] != "<=":
        raise ConfigError(f"a tree decides by '{node['decision_type']}', which is not exported")
    low, high = (_grown(node[side], output) for side in ("left_child", "right_child"))
    return Split(int(node["split_feature"]), float(node["threshold"]), low, high)


def _below(threshold: float) -> float:
    """The greatest number in single precision that is not above: it splits those numbers alike."""
    single = np.float32(threshold)
    if float(single) > threshold:
        single = np.nextafter(single, np.float32(-np.inf))
    return float(single)
