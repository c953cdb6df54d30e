"""How much each column of the features matters to a model, on test rows that it never saw."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from io import StringIO
from typing import NamedTuple

import numpy as np

from crypto_bot.models.families.explained import all_answers, explained, with_members
from crypto_bot.models.families.family import Examples, Model
from crypto_bot.statistics.rows import Floats
from crypto_bot.statistics.scores import log_loss

PERMUTATION = "permutation"
"""Mean log loss (nats a row) with the column drawn from other rows, minus the mean log loss."""


class Importance(NamedTuple):
    """One number: of a column, for a model by its name among the measurements.

    `measure`: `permutation`, or one of a model's own such as `gain` and `shap`.
    """

    model: str
    column: str
    measure: str
    value: float


def importance_of(
    models: Mapping[str, Model], examples: Examples, names: tuple[str, ...], bars: int, seed: int
) -> tuple[Importance, ...]:
    """Of every column `names` for `models` and their members, on `examples` [n] of `bars` rows.

    A column is permuted in whole windows: that of another example takes its place.
    """
    windows = _windows(examples, bars)
    found: list[Importance] = []
    for name, model in models.items():
        permuted = _permuted(name, model, windows, bars, seed)
        for each, one in with_members(name, model).items():
            measured = {PERMUTATION: permuted[each]}
            measured |= explained(one, windows.features, windows.ends)
            found += _listed(each, names, measured)
    return tuple(found)


def spread(examples: Examples, count: int) -> Examples:
    """At most `count` of `examples`, evenly spread over them."""
    every = examples.ends.size
    if every <= count:
        return examples
    chosen = np.zeros(every, np.bool_)
    chosen[np.linspace(0, every - 1, count).astype(np.int64)] = True
    return examples.where(chosen)


def as_csv(found: Iterable[Importance]) -> bytes:
    """Columns model, column, measure and value; one line each."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Importance._fields)
    writer.writerows((*each[:-1], f"{each.value:.6g}") for each in found)
    return text.getvalue().encode()


def _windows(examples: Examples, bars: int) -> Examples:
    """The windows of `examples` one after the other, so that one can be changed by itself."""
    rows = examples.ends[:, None] + np.arange(1 - bars, 1)
    own = np.ascontiguousarray(examples.features[rows.ravel()])
    return replace(examples, features=own, ends=np.arange(1, examples.ends.size + 1) * bars - 1)


def _permuted(
    name: str, model: Model, windows: Examples, bars: int, seed: int
) -> dict[str, Floats]:
    """One value for each column, [columns], by name of the model and of each of its members."""
    rng = np.random.default_rng(seed)
    table, count = windows.features, windows.labels.size
    least = _losses(name, model, windows)
    found = {each: np.zeros(table.shape[1]) for each in least}
    for column in range(table.shape[1]):
        order = rng.permutation(count)
        kept = table[:, column].copy()
        table[:, column] = kept.reshape(count, bars)[order].ravel()
        for each, loss in _losses(name, model, windows).items():
            found[each][column] = loss - least[each]
        table[:, column] = kept
    return found


def _losses(name: str, model: Model, windows: Examples) -> dict[str, float]:
    answers = all_answers(name, model, windows.features, windows.ends)
    return {each: float(log_loss(p, windows.labels).mean()) for each, p in answers.items()}


def _listed(
    model: str, names: tuple[str, ...], measured: Mapping[str, Floats]
) -> Iterator[Importance]:
    for measure, values in measured.items():
        for column, value in zip(names, values.tolist(), strict=True):
            yield Importance(model, column, measure, value)
