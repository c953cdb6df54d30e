"""`crypto-bot notify test`, and the sources of URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from crypto_bot.app.cli import main
from crypto_bot.app.settings import load
from crypto_bot.domain.errors import ConfigError
from tests.adapters.notify.receivers import listening

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
SECRET = "hush-hush-4711"
URLS = "CRYPTO_BOT_NOTIFY__URLS"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_reply_of_each_receiver_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening() as good, listening() as bad:
        bad.status = 403
        monkeypatch.setenv(URLS, f"{good.url(SECRET)}\n{bad.url(SECRET)}")
        assert main(["notify", "test"]) == 1
        printed = capsys.readouterr()
        assert printed.err == ""
        first, second = printed.out.splitlines()
        assert first == "1 JSON  delivered"
        assert second.startswith("2 JSON  NOT delivered: Failed to send JSON POST notification")
        assert "error=403" in second
        assert SECRET not in printed.out
        assert good.messages[0]["title"] == "crypto_bot: test"
        monkeypatch.setenv(URLS, good.url())
        assert main(["notify", "test"]) == 0


@pytest.mark.parametrize(
    ("urls", "expected"),
    [(None, f"set {URLS}"), (f"nonsense://{SECRET}", "number 1 is no URL"), (" ", "is empty")],
)
def test_bad_urls_are_an_error_of_one_line(
    urls: str | None,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if urls is not None:
        monkeypatch.setenv(URLS, urls)
    assert main(["notify", "test"]) == 2
    printed = capsys.readouterr()
    assert expected in printed.err
    assert len(printed.err.splitlines()) == 1
    assert SECRET not in printed.out + printed.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRYPTO_BOT_NOTIFY", f'"tgram://{SECRET}"'),
        ("CRYPTO_BOT_NOTIFY", f'["tgram://{SECRET}"]'),
        ("CRYPTO_BOT_NOTIFY", f'{{"urls": ["tgram://{SECRET}"]}}'),
        ("CRYPTO_BOT_NOTIFY", f'{{"url": "tgram://{SECRET}"}}'),
        ("CRYPTO_BOT_NOTIFY", f"tgram://{SECRET}"),
        ("CRYPTO_BOT_NOTIFY__URL", f"tgram://{SECRET}"),
        ("CRYPTO_BOT_API", f'["{SECRET}"]'),
    ],
)
def test_a_misplaced_secret_is_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        load({})
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_urls_are_not_read_from_files_or_shown(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "crypto_bot.toml").write_text(f'[notify]\nurls = "json://{SECRET}"\n')
    with pytest.raises(
        ConfigError, match=f"only read from the environment: set {URLS}"
    ) as expected:
        load({})
    assert SECRET not in str(expected.value)
    (empty_folder / "crypto_bot.toml").write_text('[notify]\nquiet_hours = "22:00-07:00"\n')
    monkeypatch.setenv(URLS, f"json://{SECRET}")
    settings = load({})
    assert settings.notify.quiet_hours == "22:00-07:00"
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("QUIET_HOURS", "late", "quiet hours 'late'"),
        ("ZONE", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("LEVEL", "loud", "notify.level = 'loud'"),
    ],
)
def test_other_invalid_settings_are_errors(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CRYPTO_BOT_NOTIFY__{name}", value)
    with pytest.raises(ConfigError, match=expected):
        load({})
