"""`crypto-bot recipes` and `train … --recipe`: every output of a recipe is a run of its own."""

import json
from pathlib import Path

import pytest

from crypto_bot.models.artifact import folder_of, verify
from tests.app.conftest import Run
from tests.app.made_candles import market, write
from tests.recipes.test_recipes import TOY
from tests.training.test_known_names import SUMMARY


@pytest.fixture
def train(run: Run, tmp_path: Path) -> Run:
    """Runs `crypto-bot train one --recipe toy.toml WORDS…` for two coins."""
    (tmp_path / "candles").mkdir()
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        write(tmp_path / "candles" / f"{symbol}.parquet", market(seed))
    (tmp_path / "toy.toml").write_text(TOY)
    given = ("--recipe", str(tmp_path / "toy.toml"), "--models_dir", str(tmp_path / "models"))
    stored = ("--database_url", f"sqlite:///{tmp_path / 'store.db'}")
    candles = ("--candles", str(tmp_path / "candles"))
    return lambda *words: run(
        *("train", "one", "--symbol", "BTCUSDT,ETHUSDT"), *given, *stored, *candles, *words
    )


@pytest.mark.slow
def test_all_outputs_are_trained_in_turn(train: Run, tmp_path: Path) -> None:
    code, printed = train()
    assert code == 0, printed
    for horizon, label, folds in (("4b", "A", 1), ("3b", "fixed", 1)):
        models = tmp_path / "models" / "recipes" / "toy" / horizon
        for symbol in (None, "BTCUSDT", "ETHUSDT"):
            current = folder_of(models, symbol, "1h").resolve()
            meta = verify(current)
            assert (meta.recipe, meta.label.name, meta.family) == ("toy", label, "logistic_v1")
            own = json.loads((current / "metrics.json").read_text())["coin"]
            assert set(own["baselines"]) == {"majority", "persistence", "climatology"}
            assert len(own["model"]["folds"]) == folds
            assert meta.verdict.value != "ACTIVE"
    (path,) = (tmp_path / "models" / "recipes" / "toy").glob("training_summary_*.json")
    held = json.loads(path.read_text())
    coins = {(coin["horizon"], coin["symbol"]): coin for coin in held["coins"]}
    assert set(coins) == {
        (horizon, symbol) for horizon in ("4b", "3b") for symbol in ("pool", "BTCUSDT", "ETHUSDT")
    }
    for coin in coins.values():
        assert SUMMARY | {"honest", "horizon"} == set(coin) - {"checkpoint_path"} - {
            "training_time_seconds"
        }
        assert Path(coin["checkpoint_path"]).is_file()
        assert coin["training_time_seconds"] > 0.0
    page = path.with_suffix(".html").read_text()
    for words in ("majority", "persistence", "climatology", "logistic_v1 (answers)", "BTCUSDT"):
        assert page.count(words) >= 2
    assert "http" not in page.replace("http://www.w3.org", "")


def test_recipes_are_listed_and_shown(run: Run, tmp_path: Path) -> None:
    code, printed = run("recipes", "list")
    assert (code, "per_coin" in printed) == (0, True)
    (tmp_path / "toy.toml").write_text(TOY)
    assert run("recipes", "show", str(tmp_path / "toy.toml")) == (0, TOY)
    code, printed = run("recipes", "show", "nothing")
    assert (code, "unknown recipe 'nothing'" in printed) == (2, True)
