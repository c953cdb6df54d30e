"""A trainer that is killed at any moment leaves only whole models, and a restart resumes."""

import json
import os
import random
import threading
from pathlib import Path

import pytest

from crypto_bot.models.artifact import folder_of, verify
from crypto_bot.models.versions import current, versions
from tests.app.made_candles import market, write
from tests.e2e.processes import Process

KILLS = int(os.environ.get("CRYPTO_BOT_TEST_KILLS", "2"))
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
EVENTS = 30
"""The number of log lines of a run, about."""
LONGEST_S = 0.5


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    for seed, symbol in enumerate(COINS):
        write(folder / f"{symbol}.parquet", market(seed))
    (folder / "symbols.json").write_text(json.dumps(COINS))
    return folder


def started(candles: Path, models: Path, resume: int) -> Process:
    words = (
        *("-m", "crypto_bot.ml.per_coin.train_all", "--tf", "1h", "--resume", str(resume)),
        *("--symbols_file", str(candles / "symbols.json"), "--candles", str(candles)),
        *("--database_url", f"sqlite:///{models.parent / 'runs.db'}"),
        *("--models_dir", str(models), "--features", "per_coin_v1", "--folds", "1"),
        *("--size", "tiny", "--window_bars", "16", "--epochs", "3", "--max_workers", "2"),
    )
    return Process(list(words), {"OMP_NUM_THREADS": "1"}, models.parent)


def killed(process: Process, rng: random.Random) -> None:
    """Kills it after some of its lines and a moment; it may have ended by then."""
    for _ in range(rng.randrange(EVENTS)):
        if process.next_line() is None:
            break
    threading.Event().wait(rng.uniform(0.0, LONGEST_S))
    process.kill()


def all_versions(models: Path) -> list[Path]:
    folders = [folder_of(models, symbol, "1h") for symbol in (None, *COINS)]
    return [each for folder in folders for each in versions(folder)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_trainer_leaves_whole_models_and_resumes(candles: Path, tmp_path: Path) -> None:
    rng = random.Random(5)
    models = tmp_path / "models"
    for kill in range(KILLS):
        killed(started(candles, models, resume=int(kill > 0)), rng)
        for version in all_versions(models):
            assert verify(version).version
    last = started(candles, models, resume=1)
    assert last.ended(600.0) == 0, last.lines[-20:]
    undisturbed = started(candles, tmp_path / "other", resume=0)
    assert undisturbed.ended(600.0) == 0, undisturbed.lines[-20:]
    for symbol in (None, *COINS):
        one, other = (
            current(folder_of(folder, symbol, "1h")) for folder in (models, tmp_path / "other")
        )
        assert one is not None
        assert other is not None
        assert verify(one).version == verify(other).version
        assert (one / "metrics.json").read_bytes() == (other / "metrics.json").read_bytes()
    assert not (models / ".training" / "all-1h").exists()
