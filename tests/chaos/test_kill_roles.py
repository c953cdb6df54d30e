"""Killed while roles change, an engine has exactly one champion for each coin at every moment."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, publish, verify
from crypto_bot.models.roles import challenged, promote
from tests.e2e.processes import ROOT
from tests.models.made_models import tiny_model

COINS = ("BTCUSDT", "ETHUSDT", None)
CHANGER = """
import sys
from pathlib import Path
from crypto_bot.models.roles import demote, promote
champions, challengers = map(Path, sys.argv[1:])
coins = ("BTCUSDT", "ETHUSDT", None)
while True:
    for coin in coins:
        promote(champions, challengers, coin, "15m")
        print("promoted", flush=True)
        demote(champions, challengers, coin, "15m")
"""
LONGEST_S = 0.3


def champion(models: Path, coin: str | None) -> str:
    """The version that is served; raises where there is none, or one that is not whole."""
    found = versions.current(folder_of(models, coin, "15m"))
    assert found is not None
    return verify(found).version


@pytest.mark.slow
def test_killed_while_roles_change_each_coin_has_one_champion(tmp_path: Path) -> None:
    folders = champions, challengers = tmp_path / "models", tmp_path / "models" / "challengers"
    made = {(coin, seed): tiny_model(coin, seed=seed) for coin in COINS for seed in (0, 1)}
    known = {model.version for model in made.values()}
    for (_, seed), model in made.items():
        publish(model, folders[seed])
    rng = random.Random(3)
    for _ in range(4):
        words = [sys.executable, "-c", CHANGER, *map(str, folders)]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            assert running.stdout.readline()
            killer = threading.Timer(rng.uniform(0.0, LONGEST_S), running.kill)
            killer.start()
            while running.poll() is None:
                assert {champion(champions, coin) for coin in COINS} <= known
            killer.join()
        for coin in COINS:
            served, rising = champion(champions, coin), champion(challengers, coin)
            promote(*folders, coin, "15m")  # what was interrupted is finished, or it is done anew
            assert champion(champions, coin) == rising
            if coin not in challenged(challengers, "15m"):  # killed while one stepped down
                assert served == rising
                other = (made[coin, seed] for seed in (0, 1) if made[coin, seed].version != served)
                publish(next(other), challengers)
