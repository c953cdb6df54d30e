"""What an engine says of its settings and in its log: with sources, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from crypto_bot.app.recent_log import RecentLog
from crypto_bot.app.setting_lines import secrets_of, setting_lines
from crypto_bot.app.settings import Settings, load
from tests.app.test_secrets import DATABASE, PASSWORD, RECEIVER, TOKEN


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    Path("crypto_bot.toml").write_text(
        'tf = "1h"\n[engine]\nhorizon_bars = 8\nrecord_bars = 100\n[[paper.accounts]]\nname = "x"\n'
    )
    monkeypatch.setenv("CRYPTO_BOT_API__TOKEN", TOKEN)
    monkeypatch.setenv("CRYPTO_BOT_DATABASE_URL", DATABASE)
    monkeypatch.setenv("CRYPTO_BOT_ENGINE__RECORD_BARS", "200")
    monkeypatch.setenv("CRYPTO_BOT_NOTIFY__URLS", f"json://{RECEIVER} json://other")
    monkeypatch.setenv("ML_DEVICE", "cpu")
    monkeypatch.setenv("GLASSNODE_API_KEY", "hush-hush-key")
    loaded = load({"api": {"port": 8001}, "use_ml": False})
    return loaded.model_copy(update={"recipe": "daily"})


def test_each_setting_has_its_value_source_and_meaning(settings: Settings) -> None:
    lines = {line.name: line for line in setting_lines(settings)}
    found = {name: (line.value, line.source) for name, line in lines.items()}
    assert found["use_ml"] == ("false", "flag")
    assert found["api.port"] == ("8001", "flag")
    assert found["api.host"] == ("127.0.0.1", "default")
    assert found["device"] == ("cpu", "environment")
    assert found["engine.record_bars"] == ("200", "environment")
    assert found["engine.horizon_bars"] == ("8", "settings file")
    assert found["tf"] == ("1h", "settings file")
    assert found["recipe"] == ("daily", "command")
    assert found["api.token"] == ("set, not shown", "environment")
    assert found["paper.accounts"][1] == "settings file"
    assert all(line.meaning for line in lines.values())
    assert "hush" not in str(lines)


def test_no_secret_is_in_a_line_of_the_log(settings: Settings) -> None:
    kept = RecentLog()
    kept.hide(secrets_of(settings))
    said = f"{TOKEN} {PASSWORD} {DATABASE} json://{RECEIVER} hush-hush-key"
    event = {"timestamp": "2025-12-01T00:15:02.113Z", "level": "warning", "event": "exchange.down"}
    assert kept.keep(None, "", {**event, "reason": said})["reason"] == said, "for the others"
    (line,) = kept.lines()
    assert (line.level, line.kind) == ("warning", "exchange")
    assert line.text.startswith("exchange down: reason …")
    assert "hush" not in line.text
