"""Settings: precedence, and errors of one line, without secrets, for unknown and invalid ones."""

from pathlib import Path

import pytest

from crypto_bot.app.settings import load
from crypto_bot.app.symbols import load_symbols
from crypto_bot.domain.errors import ConfigError

SECRET = "hush-hush-4711-hush-hush-4711"


@pytest.fixture(autouse=True)
def no_older_names(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USE_ML_PER_COIN", "ML_DEFAULT_TF", "ML_DEVICE", "SYMBOLS_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_precedence_is_flag_environment_file_default(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load({}).exchange.timeout_s == 10.0
    (empty_folder / "crypto_bot.toml").write_text('tf = "1h"\n[exchange]\ntimeout_s = 4\n')
    assert (load({}).exchange.timeout_s, load({}).tf) == (4.0, "1h")
    monkeypatch.setenv("CRYPTO_BOT_EXCHANGE__TIMEOUT_S", "3")
    assert (load({}).exchange.timeout_s, load({}).tf) == (3.0, "1h")
    assert load({"exchange": {"timeout_s": 2}}).exchange.timeout_s == 2.0


def test_older_names_rank_between_the_environment_and_the_file(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "crypto_bot.toml").write_text('tf = "1h"\nuse_ml = true\n')
    monkeypatch.setenv("ML_DEFAULT_TF", "4h")
    monkeypatch.setenv("USE_ML_PER_COIN", "0")
    monkeypatch.setenv("ML_DEVICE", "cpu")
    monkeypatch.setenv("SYMBOLS_FILE", "some.json")
    settings = load({})
    assert (settings.tf, settings.use_ml, settings.device) == ("4h", False, "cpu")
    assert settings.symbols_file == Path("some.json")
    monkeypatch.setenv("CRYPTO_BOT_TF", "5m")
    assert load({}).tf == "5m"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SPEED", "1", "unknown setting CRYPTO_BOT_SPEED"),
        ("EXCHANGE__SPEED", "1", "unknown setting exchange.speed"),
        ("EXCHANGE__TIMEOUT_S", "soon", "exchange.timeout_s = 'soon'"),
        ("EXCHANGE__TIMEOUT_S", "-1", "greater than 0"),
        ("EXCHANGE__GRACE_S", "900", "shorter than 15m"),
        ("ENGINE__HORIZON_BARS", "96", "record_lag_bars must exceed"),
        ("TF", "7m", "unknown timeframe '7m'"),
        ("NOTIFY__QUIET_HOURS", "late", "quiet hours 'late'"),
        ("NOTIFY__ZONE", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("NOTIFY__LEVEL", "loud", "notify.level = 'loud'"),
        ("API__HOST", "0.0.0.0", "CRYPTO_BOT_API__TOKEN"),
        ("API", f'["{SECRET}"]', "api"),
        ("API__TOKENS", SECRET, "unknown setting api.tokens"),
        ("TOKEN", SECRET, "unknown setting CRYPTO_BOT_TOKEN"),
        ("NOTIFY__URL", f"tgram://{SECRET}", "unknown setting notify.url"),
        ("NOTIFY", f"tgram://{SECRET}", "notify"),
        ("NOTIFY", f'"tgram://{SECRET}"', "notify"),
        ("NOTIFY", f'["tgram://{SECRET}"]', "notify"),
        ("NOTIFY", f'{{"url": "tgram://{SECRET}"}}', "unknown setting notify.url"),
        ("NOTIFY", f'{{"urls": ["tgram://{SECRET}"]}}', "notify.urls"),
    ],
)
def test_an_invalid_variable_is_an_error_of_one_line(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_BOT_DATABASE_URL", f"postgresql+psycopg://bot:{SECRET}@host/bot")
    monkeypatch.setenv(f"CRYPTO_BOT_{name}", value)
    with pytest.raises(ConfigError, match=expected) as refused:
        load({})
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("speed = 1\n", "unknown setting speed"),
        ("[exchange]\nspeed = 1\n", "unknown setting exchange.speed"),
        ("tf = [\n", "is not TOML"),
        (f'[api]\ntoken = "{SECRET}"\n', "from the environment: set CRYPTO_BOT_API__TOKEN"),
        (f'[notify]\nurls = "{SECRET}"\n', "from the environment: set CRYPTO_BOT_NOTIFY__URLS"),
        (None, "No such file"),
    ],
)
def test_an_invalid_file_is_an_error(
    content: str | None, expected: str, empty_folder: Path
) -> None:
    path = empty_folder / "mine.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=expected) as refused:
        load({}, path)
    assert SECRET not in str(refused.value)


def test_only_a_token_allows_hosts_but_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load({}).api.host == "127.0.0.1"
    monkeypatch.setenv("CRYPTO_BOT_API__TOKEN", SECRET)
    assert load({"api": {"host": "0.0.0.0"}}).api.host == "0.0.0.0"


@pytest.mark.parametrize("token", ["", "a", "a" * 23])
def test_a_token_that_could_be_guessed_is_refused(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_BOT_API__TOKEN", token)
    with pytest.raises(ConfigError, match="fewer than 24 characters"):
        load({})


@pytest.mark.parametrize("path", ["bot", "/bot/", "/a b", "//evil", '/"'])
def test_a_path_behind_a_proxy_is_checked(path: str) -> None:
    assert load({"api": {"root_path": "/a/bot"}}).api.root_path == "/a/bot"
    with pytest.raises(ConfigError, match=r"api\.root_path"):
        load({"api": {"root_path": path}})


def test_variables_for_tests_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTO_BOT_TEST_DATA", "somewhere")
    load({})


@pytest.mark.parametrize(
    "content", ['["BTCUSDT", "ETHUSDT"]', '{"symbols": ["BTCUSDT", "ETHUSDT"]}']
)
def test_both_forms_of_a_symbols_file(content: str, tmp_path: Path) -> None:
    path = tmp_path / "symbols.json"
    path.write_text(content)
    assert load_symbols(path) == ("BTCUSDT", "ETHUSDT")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "No such file"),
        ("", "is not JSON"),
        ("[", "is not JSON"),
        ("[]", "expected a list"),
        ('{"coins": ["BTCUSDT"]}', "expected a list"),
        ('"BTCUSDT"', "expected a list"),
        ('["BTC/USDT"]', "'BTC/USDT' is not a symbol"),
        ('["btcusdt"]', "is not a symbol"),
        ("[1]", "1 is not a symbol"),
        ('["BTCUSDT", "ETHUSDT", "BTCUSDT"]', "more than once: BTCUSDT"),
    ],
)
def test_an_invalid_symbols_file_is_an_error(
    content: str | None, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "symbols.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=expected):
        load_symbols(path)
