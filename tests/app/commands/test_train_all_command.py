"""`train all` from its command line: every coin in one run, and one clear line where not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from crypto_bot.app.cli import main
from crypto_bot.models.artifact import folder_of, verify
from crypto_bot.training.run_store import RunStore, TrainerLock
from tests.app.made_candles import market, write

SMALL = (
    *("--tf", "1h", "--folds", "1", "--epochs", "1", "--size", "tiny", "--window_bars", "16"),
    *("--features", "per_coin_v1", "--max_workers", "2"),
)
COINS = ("BTCUSDT", "ETHUSDT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Candles of two coins that can be trained, and one that is too young."""
    candles = tmp_path / "candles"
    candles.mkdir()
    for seed, symbol in enumerate(COINS):
        write(candles / f"{symbol}.parquet", market(seed))
    write(candles / "SOLUSDT.parquet", market(7)[-2400:])
    (tmp_path / "symbols.json").write_text(json.dumps([*COINS, "SOLUSDT", "XRPUSDT"]))
    return tmp_path


def run(folder: Path, *words: str) -> int:
    given = ("--candles", str(folder / "candles"), "--models_dir", str(folder / "models"))
    named = ("--symbols_file", str(folder / "symbols.json"))
    stored = ("--database_url", f"sqlite:///{folder / 'store.db'}")
    return main(["train", "all", *named, *SMALL, *given, *stored, *words])


def summary(folder: Path) -> dict[str, object]:
    newest = max((folder / "models").glob("training_summary_*.json"))
    told: dict[str, object] = json.loads(newest.read_text())
    return told


def statuses(folder: Path) -> dict[str, str]:
    coins = summary(folder)["coins"]
    assert isinstance(coins, list)
    return {coin["symbol"]: coin["status"] for coin in coins}


@pytest.mark.slow
def test_every_coin_is_trained_kept_or_named_and_the_pool_is_published(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder) == 0
    told = capsys.readouterr().out
    assert "2 train, 2 skip" in told
    assert "SOLUSDT: skipped: it has 2400 candles and about 5" in told
    assert "XRPUSDT: skipped: it has no candles" in told
    expected = {"pool": "trained", "BTCUSDT": "trained", "ETHUSDT": "trained"}
    assert statuses(folder) == expected | {"SOLUSDT": "skipped", "XRPUSDT": "skipped"}
    for symbol in (None, *COINS):
        meta = verify(folder_of(folder / "models", symbol, "1h").resolve())
        assert meta.pooled_with == (*COINS, "SOLUSDT")  # too young for itself, not to learn from
    page = max((folder / "models").glob("*.html")).read_text()
    assert "BTCUSDT" in page
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert not (folder / "models" / ".training" / "all-1h").exists()
    # What is young and as asked for is kept; the command says so and trains nothing.
    assert run(folder) == 0
    assert "2 keep, 2 skip" in capsys.readouterr().out
    assert run(folder, "--dry_run", "1", "--force", "1") == 0
    told = capsys.readouterr().out
    assert "asked for with --force 1" in told
    assert "With 2 workers it takes about" in told
    assert run(folder, "--dry_run", "1", "--seed", "5", "--size", "small") == 0
    assert "made with other size than asked for" in capsys.readouterr().out


@pytest.mark.slow
def test_a_coin_whose_candles_cannot_be_true_fails_alone(folder: Path) -> None:
    table = market(1)
    table[:, 5] = -1.0
    write(folder / "candles" / "ETHUSDT.parquet", table)
    assert run(folder, "--pool", "0") == 1
    assert statuses(folder)["ETHUSDT"] == "failed"
    assert statuses(folder)["BTCUSDT"] == "trained"
    assert verify(folder_of(folder / "models", "BTCUSDT", "1h").resolve()).symbol == "BTCUSDT"


def test_train_one_gives_the_same_bits_as_the_workers(folder: Path) -> None:
    (folder / "symbols.json").write_text('["BTCUSDT"]')
    assert run(folder, "--pool", "0") == 0
    stored = ("--database_url", f"sqlite:///{folder / 'store.db'}")
    one = ["train", "one", "--symbol", "BTCUSDT", *SMALL[:-2], *stored]
    candles = ("--candles", str(folder / "candles"), "--models_dir", str(folder / "alone"))
    assert main([*one, *candles]) == 0
    folders = [folder_of(folder / name, "BTCUSDT", "1h") for name in ("models", "alone")]
    together, alone = ((each / "cnn_lstm_v1.pth").read_bytes() for each in folders)
    assert together == alone


def refused(capsys: pytest.CaptureFixture[str], code: int, expected: str, got: int) -> None:
    assert got == code
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1, told
    assert expected in told[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is not JSON"),
        ("[]", "not empty"),
        ("{", "is not JSON"),
        ('["BTCUSDT", "BTCUSDT"]', "listed more than once: BTCUSDT"),
        ('["btc"]', "'btc' is not a symbol"),
    ],
)
def test_a_bad_symbols_file_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str, expected: str
) -> None:
    (folder / "symbols.json").write_text(content)
    refused(capsys, 2, expected, run(folder))
    assert not (folder / "models").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--symbols_file", "/nowhere.json"), "symbols file /nowhere.json: No such file"),
        (("--epochs", "0"), "epochs is 0"),
        (("--stale", "soon"), "'soon' is no duration such as 30d or 12h"),
        (("--stale", "0d"), "'0d' is no duration"),
        (("--until", "soon"), "'soon' is not a time such as 2025-01-01"),
        (("--max_workers", "0"), "--max_workers is 0"),
        (("--executor", "magic"), "invalid choice: 'magic'"),
        (("--pool", "2"), "'2' is no symbol such as BTCUSDT"),
        (("--models_dir", "/proc/none"), "models folder /proc/none cannot be written"),
    ],
)
def test_bad_usage_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], expected: str
) -> None:
    refused(capsys, 2, expected, run(folder, *words))


def test_two_trainers_do_not_share_a_models_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
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
        refused(capsys, 2, f"another trainer (process {other.pid}) works on", run(folder))
    TrainerLock(folder / "models").release()


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    folder: Path, capsys: pytest.CaptureFixture[str]
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
        refused(capsys, 1, "could not be written (No space left on device)", run(folder))
        assert not list(models.rglob("meta.json"))
        subprocess.run(["mount", "-o", "remount,size=200m", str(models)], check=True)
        assert run(folder, "--resume", "1") == 0
        assert verify(folder_of(models, "BTCUSDT", "1h").resolve()).symbol == "BTCUSDT"
    finally:
        subprocess.run(["umount", "--lazy", str(models)], check=True)


def test_a_run_is_not_resumed_with_other_flags(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(folder / "models" / ".training" / "all-1h")
    store.begin({"plan": {"judged": list(COINS)}, "trained_ms": 1})
    refused(capsys, 2, "the unfinished run in", run(folder, "--resume", "1"))
    (folder / "symbols.json").write_text('["BTCUSDT"]')
    refused(capsys, 2, "the unfinished run also trains ETHUSDT", run(folder, "--resume", "1"))
