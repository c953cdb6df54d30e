"""A TFLite file in the LiteRT interpreter, and what is no network.

`files/model.tflite` is the export of `tiny_model("BTCUSDT")`, and `files/windows.npy` was written
beside it; `tests/app/commands/test_models_export.py` makes them anew where there is a converter.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.artifact import load, publish
from crypto_bot.models.export.parity import LIMIT, compared, probabilities
from crypto_bot.models.export.tflite_file import MOST_BYTES, to_tflite
from tests.contracts.test_model_families import A, fitted
from tests.models.export.test_onnx_file import published, spec_of, windows
from tests.models.made_models import tiny_model

FILES = Path(__file__).parent / "files"


def test_the_interpreter_answers_as_the_model(tmp_path: Path) -> None:
    publish(tiny_model("BTCUSDT"), tmp_path)
    model = load((tmp_path / "per_coin/BTCUSDT/15m").resolve(), "BTCUSDT", "15m")
    given = np.load(FILES / "windows.npy")
    interpreter = Interpreter(str(FILES / "model.tflite"))
    interpreter.allocate_tensors()
    (asked,), (answered,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert asked["shape"].tolist() == [1, *given.shape[1:]]
    found = []
    for window in given:
        interpreter.set_tensor(asked["index"], window[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(answered["index"])[0])
    parity = compared(probabilities(model, given), np.array(found, np.float64), "tflite")
    assert 0.0 < parity.greatest < LIMIT
    assert (FILES / "model.tflite").stat().st_size < MOST_BYTES


def test_trees_are_no_network() -> None:
    model = published(fitted("lightgbm_v1", A), spec_of("lightgbm_v1", A))
    with pytest.raises(ConfigError, match="lightgbm_v1 is no network: export it to onnx"):
        to_tflite(model, windows(model.spec), Path(sys.executable))
