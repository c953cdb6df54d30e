"""`crypto-bot data collect`, and training from what it wrote or from a CSV."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.app.settings import load
from crypto_bot.app.training.candles import TrainingCandles, training_candles
from crypto_bot.app.training.collect import Collection, collect
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.artifact import folder_of, verify
from crypto_bot.recipes.plans import question_of
from crypto_bot.recipes.shipped import recipe as recipe_of
from crypto_bot.training.panel import Coin, build_panel
from tests.app.conftest import Run
from tests.app.made_candles import NAMES, market, write
from tests.recipes.test_recipes import TOY

ONE_OUTPUT = (
    "\n[[outputs]]".join(TOY.split("\n[[outputs]]")[:2]) + TOY[TOY.index("\n[[families]]") :]
)
SYMBOLS = ("BTCUSDT", "ETHUSDT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Candles of two coins, a few of a third, and a recipe of one output."""
    candles = tmp_path / "candles"
    candles.mkdir()
    for seed, symbol in enumerate(SYMBOLS):
        write(candles / f"{symbol}.parquet", market(seed, days=130))
    write(candles / "SOLUSDT.parquet", market(7, days=2))
    (tmp_path / "toy.toml").write_text(ONE_OUTPUT)
    return tmp_path


@pytest.fixture
def wanted(folder: Path) -> Collection:
    recipe = recipe_of(str(folder / "toy.toml"))
    question = question_of(recipe, recipe.outputs[0], Timeframe.parse("1h"))
    return Collection(
        *(recipe, recipe.outputs[0], question, SYMBOLS, None, None),
        source="files",
        simulated=False,
        path=folder / "X.npz",
    )


def collected(run: Run, folder: Path, *words: str) -> tuple[int, str]:
    return run(
        *("data", "collect", "--recipe", str(folder / "toy.toml")),
        *("--candles", str(folder / "candles"), "--output", str(folder / "X.npz"), *words),
    )


def test_windows_labels_and_a_report(folder: Path, run: Run, wanted: Collection) -> None:
    code, printed = collected(run, folder, "--symbols", ",".join((*SYMBOLS, "SOLUSDT")))
    assert code == 1, printed
    assert "SOLUSDT is left out: it has 48 candles" in printed
    held = training_candles(folder / "candles", load({"tf": "1h"}))
    panel = build_panel([held.read(symbol) for symbol in SYMBOLS], None, wanted.question)
    ends = np.flatnonzero(panel.usable)
    with np.load(folder / "X.npz", allow_pickle=False) as found:
        assert found["X"].dtype == np.float32
        assert np.array_equal(found["X"], panel.features[ends[:, None] + np.arange(-15, 1)])
        assert np.array_equal(found["y"], panel.label[ends])
        assert np.array_equal(found["open_ms"], panel.open_ms[ends])
        assert np.array_equal(found["coin"], panel.coin[ends])
        assert tuple(found["symbols"]) == SYMBOLS
        assert tuple(found["columns"]) == wanted.question.features.columns
        assert tuple(found["classes"]) == wanted.question.label.classes
    report = json.loads((folder / "X.quality.json").read_text())
    assert report["shape"] == [ends.size, 16, len(wanted.question.features.columns)]
    assert report["samples"] == sum(report["class_counts"].values()) == ends.size
    assert sum(report["class_shares"].values()) == pytest.approx(1.0)
    assert (report["nan"], report["infinite"], report["balance"]) == (0, 0, "good")
    assert report["separate_samples"] == pytest.approx(ends.size / 4, rel=0.02)
    assert not list(folder.glob(".X.npz*"))


def test_a_killed_collection_goes_on_from_the_coins_that_are_done(
    folder: Path, wanted: Collection
) -> None:
    held = training_candles(folder / "candles", load({"tf": "1h"}))
    asked: list[str] = []

    def killed(symbol: str) -> Coin:
        asked.append(symbol)
        if symbol == SYMBOLS[1]:
            raise KeyboardInterrupt
        return held.read(symbol)

    with pytest.raises(KeyboardInterrupt):
        collect(wanted, TrainingCandles(SYMBOLS, killed), lambda *_: None)
    assert not wanted.path.exists()
    read: list[str] = []

    def whole(symbol: str) -> Coin:
        read.append(symbol)
        return held.read(symbol)

    found = collect(wanted, TrainingCandles(SYMBOLS, whole), lambda *_: None)
    assert (asked, read) == ([*SYMBOLS], [SYMBOLS[1]])
    assert set(found.coins) == set(SYMBOLS)


@pytest.mark.slow
def test_training_from_a_data_set_gives_the_same_bits(folder: Path, run: Run) -> None:
    """The recipe and its coins are those of the file."""
    assert collected(run, folder, "--symbols", ",".join(SYMBOLS))[0] == 0
    stored = ("--database_url", f"sqlite:///{folder / 'store.db'}")
    given = {
        "a": ("--data", str(folder / "X.npz")),
        "b": (
            *("--candles", str(folder / "candles"), "--symbol", ",".join(SYMBOLS)),
            *("--recipe", str(folder / "toy.toml"), "--pool", "ETHUSDT"),
        ),
    }
    for name, words in given.items():
        models = ("--models_dir", str(folder / name))
        code, printed = run("train", "one", *words, *stored, *models)
        assert code == 0, printed
    weights = {
        (folder_of(folder / name / "recipes/toy/4b", symbol, "1h") / "logistic.json").read_bytes()
        for name in given
        for symbol in SYMBOLS
    }
    assert len(weights) == 1  # the pool's


@pytest.mark.slow
def test_models_of_simulated_candles_say_so(folder: Path, run: Run) -> None:
    """Coins that the database has no candles of are fetched; the file knows from where."""
    stored = ("--database_url", f"sqlite:///{folder / 'store.db'}")
    code, printed = run(
        *("data", "collect", "--recipe", str(folder / "toy.toml"), "--exchange", "sim"),
        *("--symbols", "BTCUSDT", "--since", since(days=130), *stored),
        *("--output", str(folder / "X.npz")),
    )
    assert code == 0, printed
    assert "smallest class" in printed
    models = ("--models_dir", str(folder / "models"))
    code, printed = run("train", "one", "--data", str(folder / "X.npz"), *stored, *models)
    assert code == 0, printed
    current = folder_of(folder / "models/recipes/toy/4b", "BTCUSDT", "1h").resolve()
    assert verify(current).simulated


def since(*, days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d")


@pytest.mark.slow
def test_training_from_a_csv(folder: Path, run: Run) -> None:
    table = market(3, days=130)
    lines = [",".join(NAMES), *(",".join(map(repr, row)) for row in table.tolist())]
    (folder / "adausdt-hourly.csv").write_text("\n".join(lines))
    code, printed = run(
        *("train", "one", "--csv", str(folder / "adausdt-hourly.csv")),
        *("--recipe", str(folder / "toy.toml"), "--models_dir", str(folder / "models")),
        *("--database_url", f"sqlite:///{folder / 'store.db'}"),
    )
    assert code == 0, printed
    assert "3,120 1h candles of 3,120 rows" in printed
    assert folder_of(folder / "models/recipes/toy/4b", "ADAUSDT", "1h").exists()


@pytest.fixture
def refused(folder: Path, run: Run) -> Iterator[None]:
    (folder / "windows.npz").write_bytes(b"")
    np.savez(folder / "windows.npz", X=np.zeros((2, 3, 4)), y=np.zeros(2))
    yield
    assert not (folder / "models").exists()


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("train one --data {0}/windows.npz", 1, "windows and labels alone have no times"),
        ("train one --data {0}/gone.npz", 1, "gone.npz: not readable as a data set"),
        ("train one", 2, "--symbol is missing"),
        ("train one --data a.npz --csv b.csv", 2, "not allowed with argument"),
        ("data collect --output {0}/X.txt", 2, "name a file that ends in .npz"),
        ("data collect --output {0}/X.npz --horizon 9d", 2, "recipe per_coin has 4b"),
        ("data collect --output {0}/X.npz --candles {0}/candles --symbols X", 1, "no coin has"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    folder: Path, run: Run, words: str, code: int, expected: str
) -> None:
    got, printed = run(*words.format(folder).split())
    *_, last = printed.splitlines()
    assert (got, expected in last) == (code, True), printed
