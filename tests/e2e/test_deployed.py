"""The files of docs/deploy with the programs that they are for, where those are installed."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.adapters.exchange.test_tls import certified
from tests.conftest import Start
from tests.e2e.browsers import CHROMIUM, WITHIN_MS
from tests.e2e.processes import ROOT, call

pytestmark = pytest.mark.slow
DEPLOY = ROOT / "docs" / "deploy"
TOKEN = "hush-hush-token-hush-hush"


def installed(name: str) -> str:
    path = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin")
    if path is None:
        pytest.skip(f"there is no {name}: apt-get install {name}")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def running(words: list[str], url: str) -> Iterator[str]:
    """The program as long as it is needed, once `url` answers."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        try:
            while program.poll() is None:
                try:
                    if httpx.get(url, verify=False, timeout=60).status_code < 500:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.05)
            assert program.poll() is None, program.communicate()[0].decode()
            yield url
        finally:
            program.terminate()


def nginx(folder: Path, engine: str) -> tuple[list[str], str]:
    """Its command, and the address that it serves: the shipped file on other ports and paths."""
    port = free_port()
    certified(folder, days=1)
    site = (DEPLOY / "nginx.conf").read_text("utf-8").replace("http://127.0.0.1:8000", engine)
    site = site.replace("listen 443", f"listen 127.0.0.1:{port}")
    site = re.sub(r"/etc/ssl/\S+;", f"{folder}/both.pem;", site)
    own = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{own}{site}}}\n"
    )
    return [installed("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")], (
        f"https://localhost:{port}"
    )


def caddy(folder: Path, engine: str) -> tuple[list[str], str]:
    """As `nginx`. Without TLS, for which Caddy asks an authority for a certificate."""
    url = f"http://localhost:{free_port()}"
    site = (DEPLOY / "Caddyfile").read_text("utf-8")
    site = site.replace("127.0.0.1:8000", engine.removeprefix("http://"))
    site = re.sub(r"^bot\.example\.org", url, site, flags=re.MULTILINE)
    path = folder / "Caddyfile"
    path.write_text("{\n\tadmin off\n}\n" + site)
    return [installed("caddy"), "run", "--adapter", "caddyfile", "--config", str(path)], url


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")
@pytest.mark.parametrize("proxy", [nginx, caddy], ids=["nginx", "caddy"])
def test_a_proxy_shows_the_page_below_its_path(
    proxy: Any, rules: Start, browser: Browser, tmp_path: Path
) -> None:
    installed(proxy.__name__)
    process = rules("BTCUSDT", "ETHUSDT", CRYPTO_BOT_API__TOKEN=TOKEN)
    command, site = proxy(tmp_path, process.event("engine.started")["url"])
    with running(command, f"{site}/bot/login"):
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(WITHIN_MS)
        page = context.new_page()
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        page.on("websocket", lambda opened: asked.add(opened.url))
        page.goto(f"{site}/bot/")
        page.get_by_label("Token of this server").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator(".frame .age")).not_to_have_text("–")  # over the websocket
        page.get_by_role("link", name="Log", exact=True).click()
        page.wait_for_url(f"{site}/bot/log*")
        place = site.partition("://")[2]
        outside = {url for url in asked if f"{place}/bot/" not in url and "data:" not in url}
        assert outside == set()
        assert any(url.startswith(("ws://", "wss://")) for url in asked)
        (cookie,) = (each for each in context.cookies() if "theme" not in each["name"])
        assert cookie["secure"] is site.startswith("https")
        login = f"{site}/bot/login"
        with httpx.Client(verify=False, headers={"X-Forwarded-For": "192.0.2.1"}) as stranger:
            if proxy is nginx:  # Caddy 2.6 breaks off what is too long, with 502 or without
                assert stranger.post(login, content=b" " * 2_000_000).status_code == 413
            tries = [stranger.post(login, data={"token": "wrong"}) for _ in range(6)]
        assert [each.status_code for each in tries] == [401] * 5 + [429]


def test_prometheus_reads_the_metrics_and_the_rules(rules: Start, tmp_path: Path) -> None:
    prometheus, promtool = map(installed, ("prometheus", "promtool"))
    engine = rules("BTCUSDT", "ETHUSDT", CRYPTO_BOT_API__TOKEN=TOKEN)
    url = engine.event("engine.started")["url"]
    engine.event("cycle.finished")
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    metrics = httpx.get(f"{url}/metrics", headers=bearer).content
    lint = subprocess.run(
        [promtool, "check", "metrics"], input=metrics, capture_output=True, check=False
    )
    assert (lint.returncode, lint.stderr.decode()) == (0, "")

    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    (block,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", text, re.DOTALL)
    (tmp_path / "token").write_text(TOKEN)
    block = block.replace("/etc/prometheus/crypto_bot_token", str(tmp_path / "token"))
    settings = yaml.safe_load(block.replace("127.0.0.1:8000", url.removeprefix("http://")))
    settings["scrape_configs"][0]["scrape_interval"] = "1s"
    settings["rule_files"] = [str(DEPLOY / "prometheus-alerts.yml")]
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    done = subprocess.run(
        [promtool, "check", "config", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

    place = f"127.0.0.1:{free_port()}"
    files = ["--config.file", str(path), "--storage.tsdb.path", str(tmp_path / "data")]
    command = [prometheus, *files, "--web.listen-address", place, "--log.level=error"]
    with running(command, f"http://{place}/-/ready"):
        for query in ("up", "crypto_bot_running", "crypto_bot_exchange_up"):
            asked = f"http://{place}/api/v1/query?{urlencode({'query': query})}"
            while not (found := call(asked)[1]["data"]["result"]):
                assert engine.is_running
                time.sleep(0.1)
            assert found[0]["value"][1] == "1"
        groups = call(f"http://{place}/api/v1/rules")[1]["data"]["groups"]
    named = {rule["name"] for group in groups for rule in group["rules"]}
    assert named == set(re.findall("alert: (.+)", Path(settings["rule_files"][0]).read_text()))
