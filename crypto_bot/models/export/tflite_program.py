"""Converts a network to TFLite; run as a program by an interpreter that has litert-torch.

`python tflite_program.py FOLDER` reads `model.pt2` (a program of torch.export that takes one
window) and `windows.npy` there, and writes `model.tflite`, its weights in half precision, and
`answers.npy`, what the LiteRT interpreter answers. It imports nothing of crypto_bot, whose
dependencies litert-torch contradicts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import litert_torch
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import qtyping
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.quantizer import Quantizer
from ai_edge_quantizer.recipe_manager import RecipeManager


def main(folder: Path) -> None:
    """Converts what is in `folder`."""
    windows = np.load(folder / "windows.npy")
    program = torch.export.load(folder / "model.pt2")
    whole = folder / "single.tflite"
    litert_torch.convert(program.module(), (torch.from_numpy(windows[:1]),)).export(str(whole))
    quantizer = Quantizer(str(whole))
    quantizer.load_quantization_recipe(_half_precision())
    quantizer.quantize().export_model(str(folder / "model.tflite"))
    np.save(folder / "answers.npy", _answers(folder / "model.tflite", windows))


def _half_precision() -> qtyping.ModelQuantizationRecipe:
    recipe = RecipeManager()
    weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    recipe.add_quantization_config(
        ".*",
        qtyping.TFLOperationName.ALL_SUPPORTED,
        qtyping.OpQuantizationConfig(
            weight_tensor_config=weights,
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        AlgorithmName.FLOAT_CASTING,
    )
    return recipe.get_quantization_recipe()


def _answers(file: Path, windows: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    given, answered = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for window in windows:
        interpreter.set_tensor(given["index"], window[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(answered["index"])[0])
    return np.array(found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
