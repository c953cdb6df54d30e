"""The files of docs/operating.md that nobody runs here: what they name must be there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from crypto_bot.app.cli import _help
from crypto_bot.app.commands.flags import run_settings
from crypto_bot.app.settings import Settings
from crypto_bot.app.shipped import MODELS
from crypto_bot.app.symbols import load_symbols
from tests.e2e.processes import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
UNIT = (ROOT / "docs" / "deploy" / "crypto-bot.service").read_text("utf-8")


def set_all(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in re.findall(r"(CRYPTO_BOT_\w+)=(\S+)", given):
        monkeypatch.setenv(name, value.strip("\"'"))


def test_the_image_is_made_of_what_is_there() -> None:
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert all((ROOT / name).exists() for name in kept)
    for source in re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE):
        assert source == "." or source in kept
    assert {"crypto_bot", "pyproject.toml", "requirements.lock", "README.md", "LICENSE"} <= {*kept}
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users == ["10001:10001"]


def test_the_settings_of_the_image_are_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    set_all(DOCKERFILE, monkeypatch)
    (command,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    monkeypatch.setenv("CRYPTO_BOT_API__TOKEN", "hush" * 6)
    name, *flags = json.loads(command)
    settings = run_settings(flags)
    assert (name, settings.api.host) == ("run", "0.0.0.0")
    assert settings.database_url == "sqlite:////data/crypto_bot.db"
    assert len(load_symbols(settings.symbols_file)) == 32


def test_the_locks_name_every_dependency_with_its_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    needed += [
        each for extra in project["project"]["optional-dependencies"].values() for each in extra
    ]
    locks = [
        (ROOT / f"{name}.lock").read_text("utf-8") for name in ("requirements", "requirements-dev")
    ]
    pins = [each for lock in locks for each in re.split(r"\n(?! )", lock.strip())]
    assert [pin for pin in pins if not re.match(r"\S+==\S+ \\\n    --hash=sha256:", pin)] == []
    locked = {_plain(pin.split("==")[0]) for pin in pins}
    assert {_plain(re.split(r"[\[<>=]", each)[0]) for each in needed} - locked == {"torch"}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_of_the_image(status: int, *, healthy: bool) -> None:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    (command,) = re.findall(r"HEALTHCHECK.*?CMD (\[.*?\])\n", DOCKERFILE, re.DOTALL)
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        _, *words = json.loads(command.replace("8000", str(server.server_port)))
        done = subprocess.run([sys.executable, *words], capture_output=True, check=False)
    assert (done.returncode == 0) is healthy


def test_the_compose_file_keeps_to_itself() -> None:
    engine = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["engine"]
    assert engine["ports"] == ["127.0.0.1:8000:8000"]
    assert engine["volumes"] == ["data:/data"]
    assert engine["read_only"] is True
    assert engine["cap_drop"] == ["ALL"]
    assert "environment" not in engine, "secrets stand in .env"
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert engine["env_file"] in ignored


def test_the_settings_of_the_unit_are_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^ExecStart=\S+/crypto-bot run ?(.*)$", UNIT, re.MULTILINE)
    set_all("\n".join(re.findall(r"^Environment=(.*)$", UNIT, re.MULTILINE)), monkeypatch)
    settings = run_settings(command.split())
    assert settings.models_dir == MODELS, "the default folder: the shipped network is published"
    assert "WorkingDirectory=/var/lib/crypto-bot\n" in UNIT
    assert "WatchdogSec=" in UNIT
    assert "Type=notify" in UNIT


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("this machine has no systemd-analyze")
    stated = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT, flags=re.MULTILINE)
    unit = tmp_path / "crypto-bot.service"
    unit.write_text(re.sub(r"^(User|Group)=.*\n", "", stated, flags=re.MULTILINE))
    done = subprocess.run(
        [analyze, "verify", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_on_operating_names_what_is_there() -> None:
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / "docs" / path).exists(), path
    for name in re.findall(r"CRYPTO_BOT_(\w+)", text):
        assert name.split("__")[0].lower() in Settings.model_fields, name
    commands = set(re.findall(r"crypto-bot (\w+)", text))
    assert {"backup", "notify"} <= commands
    for command in commands:
        assert f"  {command} " in _help()
