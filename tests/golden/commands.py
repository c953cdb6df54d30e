"""Published commands, each in a process of its own with one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CALL = "import sys; from {module} import {name}; sys.exit({name}(sys.argv[1:]))"


def train_all(folder: Path, *words: str) -> None:
    """`python -m crypto_bot.ml.per_coin.train_all`."""
    _run(folder, "-m", "crypto_bot.ml.per_coin.train_all", *words)


def crypto_bot(folder: Path, *words: str) -> str:
    """The console entry `crypto-bot`, as pyproject.toml names it; returns what it prints."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    module, name = scripts["crypto-bot"].split(":")
    return _run(folder, "-c", _CALL.format(module=module, name=name), *words)


def _run(folder: Path, *words: str) -> str:
    settings = {
        "COLUMNS": "160",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": str(ROOT),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTO_BOT_")}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
