"""What training elsewhere needs: models and training load with the numerical packages alone."""

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import importlib, importlib.abc, pkgutil, sys

ABSENT = {
    "alembic", "apscheduler", "ccxt", "fastapi", "lightgbm", "matplotlib", "onnx", "onnxruntime",
    "prometheus_client", "pyarrow", "pydantic_settings", "rich", "sqlalchemy", "ta", "uvicorn",
}

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
for package in ("domain", "features", "labels", "statistics", "models", "training", "serving"):
    found = importlib.import_module(f"crypto_bot.{package}")
    for module in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
        if module.name.startswith("crypto_bot.models.export."):
            continue  # an extra, and a program for another environment
        importlib.import_module(module.name)
        print(module.name)
"""


def test_features_and_models_load_with_the_numerical_packages_alone() -> None:
    done = subprocess.run(  # the argument is a constant
        [sys.executable, "-W", "error", "-c", _SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "crypto_bot.training.judge" in done.stdout.split()


_SERVED = """
import sys
from pathlib import Path
from pathlib import Path
import numpy
from crypto_bot.models.artifact import load

pool = load(Path(sys.argv[1]), None, "15m")
assert {"lightgbm_two_head", "cnn_lstm"} <= set(pool.meta.members)
loaded = {"pandas", "sklearn", "pyarrow", "matplotlib"} & set(sys.modules)
assert not loaded, loaded
import pandas
assert pandas.DataFrame({"a": [1]}).a.sum() == 1
"""


def test_the_served_model_takes_no_memory_for_libraries_that_it_does_not_use() -> None:
    pool = Path(__file__).parents[2] / "models" / "pool" / "15m"
    done = subprocess.run(  # the arguments are constants
        [sys.executable, "-c", _SERVED, str(pool)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
