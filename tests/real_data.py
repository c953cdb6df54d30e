"""The real market data beside the repository, or where CRYPTO_BOT_TEST_DATA says."""

import os
from pathlib import Path

import pytest


def real_folder(name: str) -> Path:
    """Its folder `name`, `candles_15m` or `context`; skips the test where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CRYPTO_BOT_TEST_DATA", beside)) / name
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set CRYPTO_BOT_TEST_DATA")
    return folder
