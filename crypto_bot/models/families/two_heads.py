"""Two questions in place of three classes: will it move, and which way. Private to families.

P(rise) = P(move) P(up | move): a head each, because other columns predict a move than its side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.features.sets import FeatureSet, Heads
from crypto_bot.models.families.family import Examples
from crypto_bot.models.spec import Reads
from crypto_bot.statistics.rows import Bools, Floats

MOVE, UP = "move", "up"
"""Names of the heads, as the parts of `ModelSpec.reads`."""
CLASSES = "classes"
"""The one part of a model whose label is not `three_way`."""


class HeadLogits(NamedTuple):
    """Raw logits [n] of the two questions: will it move, and up if it moves."""

    move: Floats
    up: Floats


def reads_of(heads: Heads) -> Reads:
    """The columns of both heads."""
    return {MOVE: heads.move, UP: heads.direction}


def one_part_reads(features: FeatureSet, reader: str) -> Reads:
    """What a model reads that answers all classes at once: the columns of both heads together."""
    heads = features.columns_for(reader)
    return {CLASSES: tuple(dict.fromkeys((*heads.move, *heads.direction)))}


def newest_row_reads(features: FeatureSet, label: LabelSpec, settings: object) -> Reads:
    """What models of the newest row alone read: both heads, or one part for other classes."""
    del settings
    heads = features.columns_for("trees")
    return {CLASSES: heads.move} if label.three_way is None else reads_of(heads)


def moved(examples: Examples, direction: Direction) -> Bools:
    """Examples [n] whose class is a fall or a rise."""
    truth: Bools = ~np.isin(examples.labels, direction.neutral)
    return truth


def rose(examples: Examples, direction: Direction) -> Bools:
    """Examples [n] whose class is a rise."""
    truth: Bools = np.isin(examples.labels, direction.up)
    return truth


def probabilities(logits: HeadLogits, direction: Direction) -> Floats:
    """P of each class, [n, 3], of a label that is `three_way`."""
    (down,), (neutral,), (rise,) = direction
    move, up = sigmoid(logits.move), sigmoid(logits.up)
    p = np.empty((logits.move.size, 3))
    p[:, down] = move * (1.0 - up)
    p[:, neutral] = 1.0 - move
    p[:, rise] = move * up
    return p


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), without overflow."""
    p: Floats = 0.5 * (1.0 + np.tanh(0.5 * z))
    return p
