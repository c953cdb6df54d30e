"""Secrets appear in no log, response, error or representation of the settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.app.settings import load
from crypto_bot.domain.errors import ConfigError

TOKEN, PASSWORD, RECEIVER = "hush-hush-token-hush-hush", "hush-hush-password", "hush-hush-receiver"
DATABASE = f"postgresql+psycopg://bot:{PASSWORD}@127.0.0.1:9/signals"


def test_settings_do_not_show_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRYPTO_BOT_API__TOKEN", TOKEN)
    monkeypatch.setenv("CRYPTO_BOT_DATABASE_URL", DATABASE)
    monkeypatch.setenv("CRYPTO_BOT_NOTIFY__URLS", f"json://{RECEIVER}")
    settings = load({})
    assert settings.database_url == DATABASE
    for shown in (repr(settings), str(settings), f"{settings.api}", f"{settings.api.token!r}"):
        assert "hush" not in shown
    assert RECEIVER not in settings.model_dump_json()


@pytest.mark.parametrize(
    "url", [DATABASE, DATABASE.replace("psycopg", "asyncpg"), DATABASE + "\n", f"mysql{DATABASE}"]
)
def test_database_errors_do_not_show_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Database.open(url)
    error: BaseException | None = refused.value
    while error is not None:
        assert PASSWORD not in f"{error!s} {error!r}"
        error = error.__cause__


@pytest.mark.parametrize(
    "url", [DATABASE, f"postgresql+psycopg://bot@127.0.0.1:9/signals?password={PASSWORD}"]
)
def test_a_database_password_is_read_from_the_environment_alone(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file := tmp_path / "c.toml").write_text(f'database_url = "{url}"\n')
    for flags, config in (({"database_url": url}, None), ({}, file)):
        with pytest.raises(ConfigError, match="CRYPTO_BOT_DATABASE_URL or PGPASSWORD") as refused:
            load(flags, config)
        assert PASSWORD not in str(refused.value)
    monkeypatch.setenv("CRYPTO_BOT_DATABASE_URL", url)
    assert load({}).database_url == url
    with pytest.raises(ConfigError) as unopened:
        Database.open(url)
    assert PASSWORD not in str(unopened.value)


@pytest.mark.parametrize("style", ["console", "json"])
def test_an_error_in_a_request_is_logged_without_the_token(style: str) -> None:
    """With a real server, whose own log counts too."""
    program = f"""
import asyncio
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from fastapi import FastAPI
from crypto_bot.adapters.web import EventStream, WebServer, bind
from crypto_bot.adapters.web.access import AccessGuard
from crypto_bot.app.logging import configure

configure("debug", "{style}")
app = FastAPI()
app.add_middleware(AccessGuard, host="127.0.0.1", token={TOKEN!r})

@app.get("/")
async def bug() -> None:
    raise RuntimeError("a bug")

async def main() -> None:
    server = WebServer(app, bind("127.0.0.1", 0), EventStream())
    await server.start()
    url = f"http://127.0.0.1:{{server.port}}/"
    for headers in ({{"Authorization": "Bearer {TOKEN}"}}, {{}}):
        try:
            await asyncio.to_thread(urlopen, Request(url, headers=headers))
        except HTTPError as error:
            print("status", error.code, error.read(), error.headers)
            error.close()
    await server.stop()

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    output = done.stdout + done.stderr
    assert "a bug" in output
    assert "status 500" in output
    assert "status 401" in output
    assert TOKEN not in output
