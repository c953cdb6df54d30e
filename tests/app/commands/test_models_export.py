"""`crypto-bot models export`: a file, how far it is from its model, and a program that reads it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.models.artifact import load, publish
from crypto_bot.models.export import parity
from tests.app.conftest import Run
from tests.app.made_candles import write
from tests.models.made_models import STEP_MS, tiny_model
from tests.training.made_market import candles

CONVERTER = os.environ.get("CRYPTO_BOT_TEST_CONVERTER")


@pytest.fixture
def export(run: Run, tmp_path: Path) -> Run:
    """Exports the model of BTCUSDT to `out`; its candles are in a file."""
    publish(tiny_model("BTCUSDT"), tmp_path / "models")
    made = candles(days=85, seed=3)
    opens = made.open_ms[0] + STEP_MS * np.arange(made.open_ms.size)
    write(tmp_path / "BTCUSDT.parquet", np.column_stack([opens, made.candles]))
    words = ("--models_dir", str(tmp_path / "models"), "--output", str(tmp_path / "out"))
    given = ("--candles", str(tmp_path / "BTCUSDT.parquet"))
    return lambda *more: run("models", "export", "BTCUSDT", *words, *given, *more)


def parity_of(folder: Path, form: str) -> list[dict[str, float]]:
    """What the example prints, in an interpreter that knows nothing of the package."""
    done = subprocess.run(
        [sys.executable, "-I", f"example_{form}.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [ast.literal_eval(line) for line in done.stdout.splitlines()]


def as_the_model(tmp_path: Path, form: str) -> None:
    """The example in `out` prints what the package answers."""
    out = tmp_path / "out"
    model = load((tmp_path / "models/per_coin/BTCUSDT/15m").resolve(), "BTCUSDT", "15m")
    windows = np.load(out / "windows.npy")
    expected = parity.probabilities(model, windows)
    found = parity_of(out, form)
    assert len(found) == len(windows) == 16
    assert list(found[0]) == list(model.spec.label.classes)
    assert np.allclose([list(row.values()) for row in found], expected, rtol=0.0, atol=1e-3)
    assert np.ptp(expected, axis=0).min() > 0.01


def test_onnx(tmp_path: Path, export: Run) -> None:
    code, printed = export("--to", "onnx")
    assert code == 0, printed
    assert "over 1,000 windows" in printed
    noted = json.loads((tmp_path / "out/parity.json").read_text())["onnx"]
    assert noted["windows"] == 1_000
    assert noted["greatest"] < 1e-5
    as_the_model(tmp_path, "onnx")


def test_what_differs_is_not_written(
    tmp_path: Path, export: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "LIMIT", 1e-12)
    code, printed = export("--to", "onnx")
    assert code == 1
    assert "over 1,000 windows a probability differs by" in printed
    assert not (tmp_path / "out").exists()


def test_a_converter_that_cannot_convert_is_one_line(export: Run, tmp_path: Path) -> None:
    """This environment has no litert-torch, whose dependencies contradict those of the package."""
    code, printed = export("--to", "tflite")
    assert code == 2
    assert "No module named 'litert_torch'; make an environment for it: python -m venv" in printed
    code, printed = export("--to", "tflite", "--converter", str(tmp_path / "none"))
    assert code == 2
    assert printed.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(CONVERTER is None, reason="CRYPTO_BOT_TEST_CONVERTER names no Python")
def test_tflite(tmp_path: Path, export: Run) -> None:
    code, printed = export("--to", "tflite", "--converter", str(CONVERTER))
    assert code == 0, printed
    noted = json.loads((tmp_path / "out/parity.json").read_text())["tflite"]
    assert noted["greatest"] < 1e-3
    as_the_model(tmp_path, "tflite")
