"""`train one` and `train all` from their command lines: published models, or one clear line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.models.artifact import folder_of, verify
from crypto_bot.models.meta import Meta
from crypto_bot.training.run_store import RunStore, TrainerLock
from tests.app.conftest import Run
from tests.app.made_candles import DAYS, market, write
from tests.training.made_market import HOUR

SMALL = (
    *("--tf", "1h", "--folds", "1", "--epochs", "1", "--size", "tiny", "--window_bars", "16"),
    *("--features", "per_coin_v1"),
)
COINS = ("BTCUSDT", "ETHUSDT")
WORKERS = ("--max_workers", "2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Candles of two coins that can be trained, and of one that is too young."""
    candles = tmp_path / "candles"
    candles.mkdir()
    for seed, symbol in enumerate(COINS):
        write(candles / f"{symbol}.parquet", market(seed))
    write(candles / "SOLUSDT.parquet", market(7)[-2400:])
    (tmp_path / "symbols.json").write_text(json.dumps([*COINS, "SOLUSDT", "XRPUSDT"]))
    return tmp_path


@pytest.fixture
def train(run: Run, folder: Path) -> Run:
    """Runs `crypto-bot train WORDS…`; a flag that is given twice counts as it is given last."""
    named = {
        "one": ("--symbol", "BTCUSDT"),
        "all": ("--symbols_file", str(folder / "symbols.json")),
    }
    given = ("--candles", str(folder / "candles"), "--models_dir", str(folder / "models"))
    stored = ("--database_url", f"sqlite:///{folder / 'store.db'}")
    return lambda kind, *words: run("train", kind, *named[kind], *SMALL, *given, *stored, *words)


def statuses(models: Path) -> dict[str, str]:
    newest = max(models.glob("training_summary_*.json"))
    return {coin["symbol"]: coin["status"] for coin in json.loads(newest.read_text())["coins"]}


def published(models: Path, symbol: str | None) -> Meta:
    return verify(folder_of(models, symbol, "1h").resolve())


def test_one_coin_and_one_file_are_enough(folder: Path, train: Run) -> None:
    """Of the leading coin, at which the features look, there is nothing: its columns are masked."""
    file = str(folder / "candles" / "ETHUSDT.parquet")
    words = ("--symbol", "ETHUSDT", "--family", "logistic", "--features", "per_coin_v2")
    code, printed = train("one", "--candles", file, *words)
    assert code == 0
    assert "no BTCUSDT candles" in printed
    meta = published(folder / "models", "ETHUSDT")
    assert meta.feature_set == "per_coin_v2"
    place = meta.columns.index("lead_ret_1")
    assert meta.scaler.mean[place : place + 4] == (0.0,) * 4
    assert meta.scaler.mean[place - 1] != 0.0


@pytest.mark.slow
def test_a_file_the_database_and_workers_train_the_same_bits(
    folder: Path, run: Run, train: Run
) -> None:
    """Also where a coin beside it, whose candles cannot be true, fails."""
    file = ("--candles", str(folder / "candles" / "BTCUSDT.parquet"), "--seed", "4")
    assert train("one", *file)[0] == 0
    meta = published(folder / "models", "BTCUSDT")
    assert (meta.seed, meta.timeframe, meta.window_bars) == (4, "1h", 16)
    assert statuses(folder / "models") == {"BTCUSDT": "trained"}
    url = f"sqlite:///{folder / 'store.db'}"
    database = Database.open(url)
    ((row,),) = SqlTrainingRuns(database, HOUR).newest_runs(9)
    assert (row.symbol, row.status, row.seed) == ("BTCUSDT", "trained", 4)
    assert (row.executor, row.candles) == ("in process", 24 * DAYS)
    assert row.model_version == meta.version
    stored = [Candle(int(each[0]), *each[1:].tolist()) for each in market()]
    SqlCandleArchive(database, HOUR).add({"BTCUSDT": stored})
    database.close()
    parts = ("--symbol", "BTCUSDT", "--database_url", url, "--seed", "4")
    assert run("train", "one", *SMALL, *parts, "--models_dir", str(folder / "b"))[0] == 0
    table = market(1)
    table[:, 5] = -1.0
    write(folder / "candles" / "ETHUSDT.parquet", table)
    (folder / "symbols.json").write_text(json.dumps(COINS))
    words = ("--pool", "0", "--seed", "4", "--models_dir", str(folder / "c"), *WORKERS)
    assert train("all", *words)[0] == 1
    assert statuses(folder / "c") == {"BTCUSDT": "trained", "ETHUSDT": "failed"}
    weights = {
        (folder_of(folder / name, "BTCUSDT", "1h") / "cnn_lstm.cnn_lstm_v1.pth").read_bytes()
        for name in ("models", "b", "c")
    }
    assert len(weights) == 1


@pytest.mark.parametrize("exchange", ["sim", "binance"])
def test_a_model_says_that_its_candles_were_simulated(
    folder: Path, run: Run, train: Run, exchange: str
) -> None:
    """By the exchange of the engine in whose database they are."""
    url = f"sqlite:///{folder / 'store.db'}"
    database = Database.open(url, EngineKey.of(exchange, "spot"))
    stored = [Candle(int(each[0]), *each[1:].tolist()) for each in market()]
    SqlCandleArchive(database, HOUR).add({"BTCUSDT": stored})
    database.close()
    words = ("--symbol", "BTCUSDT", "--database_url", url, "--family", "logistic_v1")
    models = ("--exchange", exchange, "--models_dir", str(folder / "models"))
    assert run("train", "one", *SMALL, *words, *models)[0] == 0
    assert published(folder / "models", "BTCUSDT").simulated == (exchange == "sim")


@pytest.mark.slow
def test_coins_trained_together_share_a_pool_and_get_a_model_each(folder: Path, train: Run) -> None:
    assert train("one", "--pool", "SOLUSDT", "--symbol", "BTCUSDT,ETHUSDT")[0] == 0
    assert list(statuses(folder / "models")) == ["pool", *COINS]
    current = folder_of(folder / "models", "ETHUSDT", "1h")
    metrics = json.loads((current / "metrics.json").read_text())
    assert metrics["plan"]["learned_from"] == [*COINS, "SOLUSDT"]
    tuned, first = (
        metrics["plan"][name]["members"][0]["settings"] for name in ("tuning", "settings")
    )
    assert tuned["learning_rate"] < first["learning_rate"]
    assert metrics["coins_together"]["model"]["coins"] == 2


@pytest.mark.slow
def test_every_coin_is_trained_kept_or_named_and_the_pool_is_published(
    folder: Path, train: Run
) -> None:
    code, printed = train("all", *WORKERS)
    assert code == 0
    assert "2 train, 2 skip" in printed
    assert "SOLUSDT: skipped: it has 2400 candles and about 5" in printed
    assert "XRPUSDT: skipped: it has no candles" in printed
    trained = dict.fromkeys(("pool", *COINS), "trained")
    assert statuses(folder / "models") == trained | {"SOLUSDT": "skipped", "XRPUSDT": "skipped"}
    for symbol in (None, *COINS):
        # SOLUSDT is too young for a model of its own, not to learn from.
        assert published(folder / "models", symbol).pooled_with == (*COINS, "SOLUSDT")
    page = max((folder / "models").glob("*.html")).read_text()
    assert "BTCUSDT" in page
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert not (folder / "models" / ".training" / "all-1h").exists()
    # What is young and as asked for is kept; the command says so and trains nothing.
    for words, line in (
        ((), "2 keep, 2 skip"),
        (("--dry_run", "1", "--force", "1", *WORKERS), "asked for with --force 1"),
        (("--dry_run", "1", "--force", "1", *WORKERS), "With 2 workers it takes about"),
        (("--dry_run", "1", "--seed", "5", "--size", "small"), "made with other size than asked"),
    ):
        code, printed = train("all", *words)
        assert (code, line in printed) == (0, True), printed


@pytest.fixture
def refused(folder: Path, train: Run) -> Callable[..., None]:
    """Checks for one line, and nothing written but the lock."""

    def checked(code: int, expected: str, *words: str) -> None:
        got, printed = train(*words)
        *_, last = printed.splitlines()
        assert (got, last[:12], "Traceback" in printed) == (code, "crypto-bot: ", False), printed
        assert expected in last
        left = [path for path in (folder / "models").rglob("*") if path.is_file()]
        assert [path for path in left if path.name != "lock"] == []

    return checked


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("all --epochs 0", "epochs is 0: use 1 or more"),
        ("one --epochs many", "argument --epochs: invalid int value: 'many'"),
        ("all --batch_size 0", "batch_size is 0"),
        ("one --lr -1", "learning rate -1.0"),
        ("all --folds 0", "folds and days are at least 1"),
        ("one --pool 2", "--pool: '2' is not a symbol such as BTCUSDT"),
        ("all --pool 2", "--pool: '2' is not a symbol such as BTCUSDT"),
        ("all --features per_coin_v9", "unknown feature set 'per_coin_v9'"),
        ("one --label C", "invalid choice: 'C'"),
        ("all --window_bars 7", "a window of 7 bars"),
        ("one --family svm", "unknown family 'svm': use one of cnn_lstm, lightgbm"),
        ("all --tf 7m", "unknown timeframe '7m'"),
        ("one --candles /nowhere", "no candles at /nowhere"),
        ("all --stale soon", "'soon' is no duration such as 30d or 12h"),
        ("all --stale 0d", "'0d' is no duration"),
        ("one --until soon", "'soon' is not a time such as 2025-01-01"),
        ("all --max_workers 0", "--max_workers is 0"),
        ("all --executor magic", "invalid choice: 'magic'"),
        ("one --models_dir /proc/none", "models folder /proc/none cannot be written"),
        ("all --models_dir /proc/none", "models folder /proc/none cannot be written"),
        ("all --symbols_file /gone.json", "symbols file /gone.json: No such file"),
        ("one --symbol DOGEUSDT", "no candles of DOGEUSDT at"),
        ("one --symbol ../x", "--symbol: '../x' is not a symbol such as BTCUSDT"),
        ("one --symbol BTCUSDT,BTCUSDT", "listed more than once: BTCUSDT"),
        ("one --pool DOGEUSDT", "no candles of DOGEUSDT at"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(
    refused: Callable[..., None], call: str, expected: str
) -> None:
    refused(2, expected, *call.split())


def test_a_coin_without_stored_candles_is_named(tmp_path: Path, run: Run) -> None:
    parts = ("--symbol", "BTCUSDT", "--database_url", "sqlite://", "--models_dir", str(tmp_path))
    code, printed = run("train", "one", *SMALL, *parts)
    assert code == 2
    assert "no 1h candles of BTCUSDT are stored" in printed


@pytest.mark.parametrize(
    ("columns", "value", "expected"),
    [
        (slice(5, 6), np.nan, f"{24 * DAYS} x not_finite"),
        (slice(1, 5), 7.0, "BTCUSDT: 0 labels hold"),
    ],
)
def test_candles_that_cannot_be_true_or_never_move_are_refused(
    folder: Path, refused: Callable[..., None], columns: slice, value: float, expected: str
) -> None:
    table = market()
    table[:, columns] = value
    write(folder / "candles" / "BTCUSDT.parquet", table)
    refused(1, expected, "one")


def test_too_few_candles_are_counted_beside_what_is_needed(refused: Callable[..., None]) -> None:
    refused(1, "SOLUSDT: it has 2400 candles and about 5", "one", "--symbol", "SOLUSDT")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("BTCUSDT.parquet", b"", "BTCUSDT.parquet: not readable as"),
        ("BTCUSDT.parquet", b"PAR1 not quite", "BTCUSDT.parquet: not readable as"),
        ("BTCUSDT.csv", b"time,close\n1,2\n", "no column open, high"),
    ],
)
def test_a_file_without_candles_says_what_is_wrong(
    folder: Path, refused: Callable[..., None], name: str, content: bytes, expected: str
) -> None:
    (folder / "candles" / "BTCUSDT.parquet").unlink()
    (folder / "candles" / name).write_bytes(content)
    refused(1, expected, "one")


def test_two_trainers_do_not_share_a_models_folder(
    folder: Path, refused: Callable[..., None]
) -> None:
    code = (
        "import sys, pathlib\n"
        "from crypto_bot.training.run_store import TrainerLock\n"
        "lock = TrainerLock(pathlib.Path(sys.argv[1]))\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    (folder / "models").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "models")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        refused(2, f"another trainer (process {other.pid}) works on", "all")
    TrainerLock(folder / "models").release()


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_is_resumed_when_there_is_room(
    folder: Path, train: Run
) -> None:
    models = folder / "models"
    models.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(models)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk needs the right to mount one")
    try:
        code, printed = train("all")
        assert code == 1
        (line,) = (each for each in printed.splitlines() if each.startswith("crypto-bot: "))
        assert "could not be written (No space left on device)" in line
        assert not list(models.rglob("meta.json"))
        subprocess.run(["mount", "-o", "remount,size=200m", str(models)], check=True)
        assert train("all", "--resume", "1")[0] == 0
        assert published(models, "BTCUSDT").symbol == "BTCUSDT"
    finally:
        subprocess.run(["umount", "--lazy", str(models)], check=True)


def test_a_run_is_not_resumed_with_other_flags(folder: Path, train: Run) -> None:
    store = RunStore(folder / "models" / ".training" / "all-1h")
    store.begin({"plan": {"judged": list(COINS)}, "trained_ms": 1})
    code, printed = train("all", "--resume", "1")
    assert (code, "the unfinished run in" in printed) == (2, True)
    (folder / "symbols.json").write_text('["BTCUSDT"]')
    code, printed = train("all", "--resume", "1")
    assert (code, "the unfinished run also trains ETHUSDT" in printed) == (2, True)
