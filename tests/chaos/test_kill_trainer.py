"""A trainer that is killed at any moment leaves only whole models, and a restart resumes."""

import json
import random
import threading
from pathlib import Path

import pytest

from crypto_bot.models.artifact import folder_of, verify
from crypto_bot.models.versions import current, versions
from tests.app.made_candles import market, write
from tests.conftest import Start

COINS = ("BTCUSDT", "ETHUSDT")
PHASES = ("epoch.finished", "model.published")
"""A run is killed after the first of each: while it fits, and while it judges and publishes."""
LONGEST_S = 0.5


def all_versions(models: Path) -> list[Path]:
    folders = [folder_of(models, symbol, "1h") for symbol in (None, *COINS)]
    return [each for folder in folders for each in versions(folder)]


@pytest.mark.slow
def test_a_killed_trainer_leaves_whole_models_and_resumes(start: Start, tmp_path: Path) -> None:
    for seed, symbol in enumerate(COINS):
        write(tmp_path / f"{symbol}.parquet", market(seed))
    (tmp_path / "symbols.json").write_text(json.dumps(COINS))
    common = (
        *("-m", "crypto_bot.ml.per_coin.train_all", "--tf", "1h", "--features", "per_coin_v1"),
        *("--symbols_file", str(tmp_path / "symbols.json"), "--candles", str(tmp_path)),
        *("--database_url", f"sqlite:///{tmp_path / 'runs.db'}", "--folds", "1"),
        *("--size", "tiny", "--window_bars", "16", "--epochs", "3"),
    )
    models, other = tmp_path / "models", tmp_path / "other"
    disturbed = (*common, "--models_dir", str(models), "--max_workers", "2")
    rng = random.Random(5)
    for kill, phase in enumerate(PHASES):
        process = start(*disturbed, "--resume", str(int(kill > 0)), OMP_NUM_THREADS="1")
        process.event(phase)
        threading.Event().wait(rng.uniform(0.0, LONGEST_S))
        process.kill()
        for version in all_versions(models):
            assert verify(version).version
    for words in (
        (*disturbed, "--resume", "1"),
        (*common, "--models_dir", str(other), "--max_workers", "1"),
    ):
        process = start(*words, OMP_NUM_THREADS="1")
        assert process.ended() == 0, process.lines[-20:]
    for name in (None, *COINS):
        one, undisturbed = (current(folder_of(each, name, "1h")) for each in (models, other))
        assert one is not None
        assert undisturbed is not None
        assert verify(one).version == verify(undisturbed).version
        assert (one / "metrics.json").read_bytes() == (undisturbed / "metrics.json").read_bytes()
    assert not (models / ".training" / "all-1h").exists()
