"""Other machines: terminals of any encoding, files of any editor, names with `~`, no GPU."""

import codecs
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.app.cli import main
from crypto_bot.app.commands.flags import path_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.settings import load
from crypto_bot.app.symbols import load_symbols
from crypto_bot.domain.errors import ConfigError
from crypto_bot.recipes.shipped import recipe, source
from tests.app.conftest import Run

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize(
    "encoding", ["ascii", "latin-1", "cp437", "cp1252", "utf-8", "cp932", "koi8-r"]
)
def test_a_terminal_of_any_encoding_shows_every_result(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (TextIOWrapper(BytesIO(), encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["--help"]) == 0
    assert main(["recipes", "list"]) == 0
    assert main(["run", "--symbols_file", "größe–✓.json"]) == 2
    screen().print("done –")
    for stream in (out, err):
        stream.flush()
    shown = out.buffer.getvalue().decode(encoding)
    refused = err.buffer.getvalue().decode(encoding)
    assert "usage: crypto-bot COMMAND" in shown
    assert shown.splitlines()[-1] in {"done ?", "done –"}
    assert refused.endswith("json: No such file or directory\n")


_SETTINGS = 'tf = "1h"\n'
_SYMBOLS = '["BTCUSDT"]'


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    ],
)
def test_files_are_read_as_editors_save_them(written, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    own = source("per_coin").replace('name = "per_coin"', 'name = "mine"')
    for name, text in (("c.toml", _SETTINGS), ("s.json", _SYMBOLS), ("r.toml", own)):
        (tmp_path / name).write_bytes(written(text))
    assert load({}, tmp_path / "c.toml").tf == "1h"
    assert load_symbols(tmp_path / "s.json") == ("BTCUSDT",)
    assert recipe(str(tmp_path / "r.toml")).name == "mine"


def test_another_encoding_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes('# accentué\ntf = "1h"\n'.encode("latin-1"))
    for read in (lambda: load({}, path), lambda: load_symbols(path), lambda: recipe(str(path))):
        with pytest.raises(ConfigError, match="save it as UTF-8"):
            read()


def test_the_home_folder_may_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CRYPTO_BOT_SERIES_DIR", "~/series")
    settings = load({"models_dir": "~/models", "paper": {"stop_file": "~/STOP"}})
    assert settings.models_dir == tmp_path / "models"
    assert settings.series_dir == tmp_path / "series"
    assert settings.paper.stop_file == tmp_path / "STOP"
    assert path_of("~/x.csv") == tmp_path / "x.csv"
    Database.open("sqlite:///~/x.db").close()
    assert (tmp_path / "x.db").exists()
    with pytest.raises(ConfigError, match=r"~nobody-such/m\.toml.* no home folder"):
        recipe("~nobody-such/m.toml")
    with pytest.raises(ConfigError, match="no home folder"):
        Database.open("sqlite:///~nobody-such/x.db")


@pytest.mark.parametrize("value", ["inf", "nan", "1e300"])
@pytest.mark.parametrize(
    "name", ["EXCHANGE__TIMEOUT_S", "PAPER__POLL_S", "MODELS__MAX_AGE_DAYS", "SIM__SPEED"]
)
def test_a_number_without_end_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CRYPTO_BOT_{name}", value)
    with pytest.raises(ConfigError, match=r"finite|less than or equal|greater than 0"):
        load({})


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--use_ml", "0"),
        ("backtest", "--use_ml", "0"),
        ("train", "one", "--family", "logistic"),
    ],
)
def test_a_gpu_that_is_not_there_is_refused_by_every_command(
    words: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, printed = run(
        *words, "--symbol=BTCUSDT" if "one" in words else "--tf=15m", "--device=cuda"
    )
    assert (code, "no CUDA GPU" in printed) == (2, True), printed


def test_brackets_of_an_ipv6_address_are_taken_off() -> None:
    assert load({"api": {"host": "[::1]"}}).api.host == "::1"


def test_once_ends_where_the_exchange_is_down(tmp_path: Path) -> None:
    (tmp_path / "coins.json").write_text(_SYMBOLS)
    command = "from crypto_bot.app.cli import run_main; run_main()"
    flags = "--once --use_ml 0 --port 0 --symbols_file coins.json --exchange_url http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-c", command, *flags.split(), "--database_url", "sqlite:///x.db"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "Connect call failed" in done.stderr
    assert done.stderr.count("\n") == 1
