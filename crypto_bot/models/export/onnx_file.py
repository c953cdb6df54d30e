"""A published model as an ONNX file."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime

from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.export.graph import PROBABILITIES, WINDOWS, Graph
from crypto_bot.models.export.modules import Calibrated
from crypto_bot.models.export.parts import PARTS
from crypto_bot.models.families.family import Features
from crypto_bot.statistics.rows import Floats


def to_onnx(model: PublishedModel) -> bytes:
    """`windows` [n, window_bars, columns] in, `probabilities` [n, classes] out, both float32.

    Raises ConfigError for a family that is not exported.
    """
    spec = model.spec
    graph = Graph()
    raw = PARTS.get(spec.family)(model.model, spec).add(graph, WINDOWS)
    calibrated = Calibrated(model.calibration, spec.label)
    classes = len(spec.label.classes)
    output = graph.module(calibrated, (classes,), raw)
    return graph.model(output, (spec.window_bars, len(spec.columns)), classes, about(model))


def about(model: PublishedModel) -> dict[str, str]:
    """What a user of the file must know: stored in it."""
    spec = model.spec
    return {
        "classes": json.dumps(spec.label.classes),
        "columns": json.dumps(spec.columns),
        "features": spec.features,
        "label": spec.label.words,
        "timeframe": spec.timeframe,
        "version": model.version,
        "window_bars": str(spec.window_bars),
    }


def answers(content: bytes, windows: Features) -> Floats:
    """What the file answers, [n, classes]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (found,) = session.run([PROBABILITIES], {WINDOWS: windows})
    return np.asarray(found, np.float64)
