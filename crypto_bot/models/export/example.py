"""The program that is written beside an exported file: it needs no part of this package."""

from __future__ import annotations

EXAMPLES = {
    "onnx": '''\
"""Answers windows of raw features with model.onnx: pip install onnxruntime numpy."""
import json

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
windows = np.load("windows.npy")  # [n, window_bars, columns] float32, the oldest bar first
(probabilities,) = session.run(["probabilities"], {"windows": windows})
for row in probabilities:
    print({name: round(float(p), 4) for name, p in zip(classes, row)})
''',
    "tflite": '''\
"""Answers windows of raw features with model.tflite: pip install ai-edge-litert numpy."""
import json

import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("model.tflite")
interpreter.allocate_tensors()
classes = json.load(open("parity.json"))["tflite"]["classes"]
for window in np.load("windows.npy"):  # [window_bars, columns] float32, the oldest bar first
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window[None])
    interpreter.invoke()
    (row,) = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    print({name: round(float(p), 4) for name, p in zip(classes, row)})
''',
}
"""By the name of the format."""
