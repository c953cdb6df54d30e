"""A published network as a TFLite file, by an interpreter of its own."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from crypto_bot.domain.errors import ConfigError, ModelIncompatible
from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.export.graph import plain_attention
from crypto_bot.models.export.modules import Calibrated
from crypto_bot.models.export.parts import PARTS
from crypto_bot.models.families.family import Features
from crypto_bot.statistics.rows import Floats

CONVERTER = Path(__file__).with_name("tflite_program.py")
MOST_BYTES = 3_000_000
_TIMEOUT_S = 3600.0
_LAST_WORDS = 300


def to_tflite(model: PublishedModel, windows: Features, converter: Path) -> tuple[bytes, Floats]:
    """The file, which takes one window at a time, and what it answers to `windows`, [n, classes].

    `converter` is the Python of an environment with litert-torch and the torch of this one. Raises
    ConfigError where it cannot be used or the family is no network, ModelIncompatible where the
    file is larger than `MOST_BYTES` or the conversion fails.
    """
    spec = model.spec
    module = PARTS.get(spec.family)(model.model, spec).module
    if module is None:
        raise ConfigError(f"{spec.family} is no network: export it to onnx")
    whole = nn.Sequential(module, Calibrated(model.calibration, spec.label)).eval()
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "windows.npy", windows)
        with plain_attention(), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch.export, about itself
            program = torch.export.export(whole, (torch.from_numpy(windows[:1]),))
            torch.export.save(program, folder / "model.pt2")
        _converted(folder, converter)
        content = (folder / "model.tflite").read_bytes()
        found = np.load(folder / "answers.npy", allow_pickle=False)
    if len(content) > MOST_BYTES:
        raise ModelIncompatible(
            f"tflite: the file has {len(content):,} bytes, more than {MOST_BYTES:,}: train a model "
            "of a smaller size"
        )
    return content, np.asarray(found, np.float64)


def _converted(folder: Path, converter: Path) -> None:
    # -P: the modules beside the program must not hide those of the same name.
    command = [str(converter), "-P", str(CONVERTER), str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 - the user names the interpreter
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"--converter {converter}: {error}") from error
    said = (done.stderr.strip() or "nothing").splitlines()[-1][-_LAST_WORDS:]
    if "ModuleNotFoundError" in said:
        raise ConfigError(
            f"--converter {converter}: {said}; make an environment for it: python -m venv mobile "
            f"&& mobile/bin/pip install torch=={torch.__version__.partition('+')[0]} litert-torch"
        )
    if done.returncode:
        raise ModelIncompatible(f"tflite: the conversion failed: {said}")
