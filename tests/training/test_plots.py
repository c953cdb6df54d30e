"""Plots are images that show what they are given, and the same input gives the same bytes."""

from dataclasses import replace
from io import BytesIO

import numpy as np
from matplotlib.image import imread

from crypto_bot.domain.label import SHORT_NO_TRADE_LONG
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.statistics.rows import Floats, Rows
from crypto_bot.training.evaluate import Evaluation, Predictions, References, evaluate
from crypto_bot.training.plots import confusion_matrix, learning_curves, reliability_diagram
from tests.models.made_specs import held

HOUR = Timeframe.parse("1h")
CLASSES = SHORT_NO_TRADE_LONG
P = np.random.default_rng(0).dirichlet([3.0, 6.0, 3.0], 720)
LABEL = np.resize([0, 1, 1, 2], 720).astype(np.int64)


def evaluation() -> Evaluation:
    zeros, ones = np.zeros(720, dtype=np.int64), np.ones(720)
    rows = Rows(np.arange(720) * 3_600_000, zeros, zeros, LABEL, ones, ones, ones, held(1), HOUR)
    predictions = Predictions(P, np.log(P[:, 2] / P[:, 0]))
    return evaluate(rows, predictions, References(P, P), trials=1, draws=20)


def pixels(png: bytes) -> Floats:
    image = imread(BytesIO(png))
    assert image.shape[:2] == (450, 600)
    return np.asarray(image, dtype=np.float64)


def test_learning_curves_show_their_losses() -> None:
    falling = learning_curves({"fit": [1.04, 1.03], "validation": [1.05, 1.04]})
    rising = learning_curves({"fit": [1.03, 1.04], "validation": [1.05, 1.04]})
    assert not np.array_equal(pixels(falling), pixels(rising))
    assert learning_curves({"fit": [1.04, 1.03], "validation": [1.05, 1.04]}) == falling
    assert np.ptp(pixels(learning_curves({}))) > 0.0


def test_reliability_shows_what_came() -> None:
    moved = np.where(np.arange(720) < 300, 2, LABEL)
    assert not np.array_equal(
        pixels(reliability_diagram(P, LABEL, CLASSES)),
        pixels(reliability_diagram(P, moved, CLASSES)),
    )


def test_confusion_shows_its_counts() -> None:
    found = evaluation()
    emptied = replace(found.classes, confusion=((0, 0, 0), (0, 720, 0), (0, 0, 0)))
    assert not np.array_equal(
        pixels(confusion_matrix(found, CLASSES)),
        pixels(confusion_matrix(replace(found, classes=emptied), CLASSES)),
    )
