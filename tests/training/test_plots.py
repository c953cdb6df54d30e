"""Plots are images that show what they are given, and the same input gives the same bytes."""

from dataclasses import replace
from io import BytesIO

import numpy as np
from matplotlib.image import imread

from crypto_bot.domain.label import SHORT_NO_TRADE_LONG
from crypto_bot.statistics.rows import Floats
from crypto_bot.training.plots import confusion_matrix, learning_curves, reliability_diagram
from tests.training.made_predictions import market

CLASSES = SHORT_NO_TRADE_LONG
MADE = market(coins=1, days=30)
P, LABEL = MADE.p, MADE.rows.label


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


def test_reliability_and_confusion_show_what_was_observed() -> None:
    moved, found = np.where(np.arange(LABEL.size) < 300, 2, LABEL), MADE.evaluated()
    emptied = replace(found.classes, confusion=((0, 0, 0), (0, 720, 0), (0, 0, 0)))
    for one, other in (
        (reliability_diagram(P, LABEL, CLASSES), reliability_diagram(P, moved, CLASSES)),
        (
            confusion_matrix(found, CLASSES),
            confusion_matrix(replace(found, classes=emptied), CLASSES),
        ),
    ):
        assert not np.array_equal(pixels(one), pixels(other))
