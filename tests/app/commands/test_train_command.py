"""`train one` from its command line: a model published, or one clear line and nothing written."""

import json
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.app.cli import main
from crypto_bot.domain.candle import Candle
from crypto_bot.models.artifact import folder_of
from tests.app.made_candles import DAYS, HOUR, market, write

SMALL = ("--tf", "1h", "--folds", "1", "--epochs", "1", "--size", "tiny", "--window_bars", "16")


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    folder = tmp_path / "candles"
    folder.mkdir()
    write(folder / "BTCUSDT.parquet", market())
    return folder


def run(tmp_path: Path, *words: str) -> int:
    models = ("--models_dir", str(tmp_path / "models"))
    stored = ("--database_url", f"sqlite:///{tmp_path / 'store.db'}")
    return main(["train", "one", "--symbol", "BTCUSDT", *SMALL, *models, *stored, *words])


def test_a_model_is_trained_from_files_and_published(
    tmp_path: Path, candles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--candles", str(candles), "--seed", "4") == 0
    assert "model.published" in capsys.readouterr().out
    folder = folder_of(tmp_path / "models", "BTCUSDT", "1h")
    meta = json.loads((folder / "meta.json").read_text())
    assert (meta["seed"], meta["timeframe"], meta["window_bars"]) == (4, "1h", 16)
    assert (folder / "cnn_lstm_v1.pth").exists()
    assert "coins_together" in json.loads((folder / "metrics.json").read_text())


def test_one_coin_and_one_file_are_enough(
    tmp_path: Path, candles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the leading coin, at which the features look, there is nothing: its columns are masked."""
    file = (candles / "BTCUSDT.parquet").rename(candles / "ETHUSDT.parquet")
    words = ("--symbol", "ETHUSDT", "--family", "logistic_v1", "--features", "per_coin_v2")
    assert run(tmp_path, "--candles", str(file), *words) == 0
    assert "no BTCUSDT candles" in capsys.readouterr().out
    folder = folder_of(tmp_path / "models", "ETHUSDT", "1h")
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["feature_set"] == "per_coin_v2"
    place = meta["columns"].index("lead_ret_1")
    assert meta["scaler_mean"][place] == 0.0
    assert meta["scaler_mean"][place - 1] != 0.0


def test_the_run_leaves_a_row_in_the_database(tmp_path: Path, candles: Path) -> None:
    assert run(tmp_path, "--candles", str(candles), "--seed", "4") == 0
    database = Database.open(f"sqlite:///{tmp_path / 'store.db'}")
    ((row,),) = SqlTrainingRuns(database, HOUR).newest_runs(9)
    database.close()
    assert (row.symbol, row.status, row.seed) == ("BTCUSDT", "trained", 4)
    assert (row.executor, row.candles) == ("in process", 24 * DAYS)
    assert row.model_version is not None
    assert row.model_version.startswith("cnn_lstm_v1+")


def test_the_database_and_a_file_train_the_same_model(tmp_path: Path, candles: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    database = Database.open(url)
    stored = [Candle(int(row[0]), *row[1:].tolist()) for row in market()]
    SqlCandleArchive(database, HOUR).add({"BTCUSDT": stored})
    database.close()
    features = ("--features", "per_coin_v1")
    file = str(candles / "BTCUSDT.parquet")
    assert run(tmp_path, "--database_url", url, *features, "--models_dir", str(tmp_path / "a")) == 0
    assert run(tmp_path, "--candles", file, *features, "--models_dir", str(tmp_path / "b")) == 0
    one, other = (next((tmp_path / name).rglob("cnn_lstm_v1.pth")) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_coins_trained_together_share_a_pool_and_get_a_model_each(
    tmp_path: Path, candles: Path
) -> None:
    for seed, symbol in enumerate(("ETHUSDT", "SOLUSDT"), start=1):
        write(candles / f"{symbol}.parquet", market(seed))
    words = ("--features", "per_coin_v1", "--candles", str(candles), "--pool", "SOLUSDT")
    assert run(tmp_path, *words, "--symbol", "BTCUSDT,ETHUSDT") == 0
    (summary,) = (tmp_path / "models").glob("training_summary_*.json")
    coins = json.loads(summary.read_text())["coins"]
    assert [coin["symbol"] for coin in coins] == ["pool", "BTCUSDT", "ETHUSDT"]
    metrics = json.loads(next((tmp_path / "models").rglob("ETHUSDT/**/metrics.json")).read_text())
    assert metrics["plan"]["learned_from"] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert metrics["plan"]["tuning"]["learning_rate"] < metrics["plan"]["net"]["learning_rate"]
    assert metrics["coins_together"]["model"]["coins"] == 2


def refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, code: int, expected: str, *words: str
) -> None:
    assert run(tmp_path, *words) == code
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1, told
    assert expected in told[0]
    left = [path for path in (tmp_path / "models").rglob("*") if path.is_file()]
    assert [path for path in left if path.name != "lock"] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--epochs", "0"), "epochs is 0: use 1 or more"),
        (("--epochs", "many"), "argument --epochs: invalid int value: 'many'"),
        (("--batch_size", "0"), "batch_size is 0"),
        (("--lr", "-1"), "learning rate -1.0"),
        (("--folds", "0"), "folds and days are at least 1"),
        (("--symbol", "DOGEUSDT"), "no candles of DOGEUSDT at"),
        (("--symbol", "../x"), "'../x' is no symbol such as BTCUSDT"),
        (("--symbol", "BTCUSDT,BTCUSDT"), "a symbol is named twice"),
        (("--pool", "DOGEUSDT"), "no candles of DOGEUSDT at"),
        (("--features", "per_coin_v9"), "unknown feature set 'per_coin_v9'"),
        (("--label", "C"), "unknown label 'C'"),
        (("--window_bars", "7"), "a window of 7 bars"),
        (("--family", "svm"), "invalid choice: 'svm'"),
        (("--tf", "7m"), "unknown timeframe '7m'"),
        (("--candles", "/nowhere"), "no candles at /nowhere"),
        (("--models_dir", "/proc/none"), "models folder /proc/none cannot be written"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(
    tmp_path: Path,
    candles: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    expected: str,
) -> None:
    refused(capsys, tmp_path, 2, expected, "--candles", str(candles), *words)


def test_a_coin_without_stored_candles_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    refused(capsys, tmp_path, 2, "no 1h candles of BTCUSDT are stored", "--database_url", url)


def test_candles_that_cannot_be_true_are_counted(
    tmp_path: Path, candles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = market()
    table[:, 5] = np.nan
    write(candles / "BTCUSDT.parquet", table)
    refused(capsys, tmp_path, 1, f"{24 * DAYS} x not_finite", "--candles", str(candles))


@pytest.mark.parametrize("content", [b"", b"PAR1 not quite"])
def test_a_file_that_is_none_is_named(
    tmp_path: Path, candles: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (candles / "BTCUSDT.parquet").write_bytes(content)
    refused(capsys, tmp_path, 1, "BTCUSDT.parquet: not readable as", "--candles", str(candles))


def test_a_file_with_other_columns_says_which_are_missing(
    tmp_path: Path, candles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (candles / "BTCUSDT.parquet").unlink()
    (candles / "BTCUSDT.csv").write_text("time,close\n1,2\n")
    refused(capsys, tmp_path, 1, "no column timestamp, open", "--candles", str(candles))


def test_too_few_candles_are_counted_beside_what_is_needed(
    tmp_path: Path, candles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(candles / "BTCUSDT.parquet", market(days=100))
    expected = "BTCUSDT: it has 2400 candles and about 5"
    refused(capsys, tmp_path, 1, expected, "--candles", str(candles))


def test_constant_prices_are_nothing_to_learn_from(
    tmp_path: Path, candles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = market()
    table[:, 1:5] = 7.0
    write(candles / "BTCUSDT.parquet", table)
    refused(capsys, tmp_path, 1, "BTCUSDT: 0 labels hold", "--candles", str(candles))


def test_train_wants_to_know_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train"]) == 2
    assert "crypto-bot train one --symbol" in capsys.readouterr().err
