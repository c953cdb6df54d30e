"""Plots that stand beside figures, as PNG bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from crypto_bot.statistics.reliability import bin_gaps
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.statistics.scores import ECE_BINS
from crypto_bot.training.evaluate import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE_INCHES = (6.0, 4.5)
_DPI = 100


def learning_curves(losses: Mapping[str, Sequence[float]]) -> bytes:
    """Loss in nats by epoch (counted from 1), one line for each name such as `fit, move head`."""
    figure = figure_of()
    axes = figure.subplots()
    for name, values in losses.items():
        axes.plot(np.arange(1, len(values) + 1), values, marker=".", label=name)
    axes.set(xlabel="epoch", ylabel="log loss (nats)", title="Learning curves")
    if losses:
        axes.legend()
    return png(figure)


def reliability_diagram(p: Floats, label: Ints, classes: Sequence[str]) -> bytes:
    """Predicted against observed, for each class, [n, classes] and [n]; rows in 15 equal bins."""
    figure = figure_of()
    axes = figure.subplots()
    axes.plot([0.0, 1.0], [0.0, 1.0], color="grey", linewidth=0.8)
    for column, name in enumerate(classes):
        curve = bin_gaps(p[:, column], label == column, ECE_BINS)
        axes.plot(curve.predicted, curve.observed, marker="o", label=name)
    axes.set(
        xlabel="predicted", ylabel="observed", title=f"Reliability of {label.size:,} predictions"
    )
    axes.legend()
    return png(figure)


def confusion_matrix(evaluation: Evaluation, classes: Sequence[str]) -> bytes:
    """Counts by true label (rows) and most probable label (columns), shaded by share of the row."""
    counts = np.array(evaluation.classes.confusion, dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    figure = figure_of()
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="observed", title="Confusion matrix")
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]:,.0f}\n{share:.1%}"
        shade = "white" if share > 0.6 else "black"
        axes.text(column, row, text, ha="center", va="center", color=shade)
    return png(figure)


def figure_of(size_inches: tuple[float, float] = _SIZE_INCHES) -> Figure:
    """An empty one of this size."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - serving draws nothing

    return Figure(figsize=size_inches, layout="constrained")


def png(figure: Figure) -> bytes:
    """What was drawn, the same bytes for the same drawing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - as above

    FigureCanvasAgg(figure)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=_DPI, metadata={"Software": None})
    return content.getvalue()
