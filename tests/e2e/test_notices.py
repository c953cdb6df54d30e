"""A daemon that notifies people, over real HTTP."""

from __future__ import annotations

import signal
from urllib.request import urlopen

import pytest

from tests.adapters.notify.receivers import Inbox, hanging, later, listening
from tests.conftest import Start
from tests.e2e.processes import call

pytestmark = pytest.mark.slow
SECRET = "hush-hush-4711"
FAST = {"CRYPTO_BOT_SIM__SPEED": "600", "CRYPTO_BOT_ENGINE__RECORD_BARS": "40"}


def received(inbox: Inbox) -> str:
    return "\n".join(f"{each['title']} | {each['message']}" for each in inbox.messages)


def test_start_signals_and_end_are_notified_and_no_secret_is_logged(rules: Start) -> None:
    with listening() as inbox:
        engine = rules(
            *("BTCUSDT", "ETHUSDT", "SOLUSDT"),
            **FAST,
            CRYPTO_BOT_NOTIFY__URLS=inbox.url(SECRET),
            CRYPTO_BOT_ENGINE__ANALYZER_THRESHOLD="0.05",  # a talkative one
        )
        url = engine.event("engine.started")["url"]
        later(lambda: f"the engine has started: 3 coins, 15m, {url}" in received(inbox))
        later(lambda: "(PROFESSIONAL_ANALYZER)" in received(inbox))
        later(lambda: "paper " in received(inbox) and ": opened " in received(inbox))
        call(f"{url}/api/paper/stop", "POST", {"confirm": "STOP", "reason": "a test"})
        later(lambda: "paper trading was stopped by api: a test" in received(inbox))
        with urlopen(f"{url}/metrics", timeout=150) as answer:
            metrics = answer.read().decode()
        families = [line for line in metrics.splitlines() if line.startswith("# TYPE ")]
        assert len(families) == len(set(families)), "Prometheus takes no family twice"
        assert "crypto_bot_paper_kill_switch 1.0" in metrics
        assert 'crypto_bot_notify_channel_up{channel="1 JSON"} 1.0' in metrics
        assert 'crypto_bot_paper_equity{account="' in metrics
        call(f"{url}/api/paper/resume", "POST", {"confirm": "RESUME"})
        inbox.status = 500  # fails until the engine ends
        call(f"{url}/api/paper/stop", "POST", {"confirm": "STOP"})  # alarms do not wait a minute
        engine.event("notify.failing")
        inbox.status = 200
        engine.signal(signal.SIGTERM)
        assert engine.ended() == 0
        assert "the engine has been stopped" in received(inbox)
    assert SECRET not in "\n".join(engine.lines)


def test_an_exchange_that_is_down_is_notified_and_waited_for(daemon: Start) -> None:
    with listening() as inbox:
        engine = daemon(
            *("--exchange_url", "http://127.0.0.1:9", "--use_ml", "0"),
            CRYPTO_BOT_NOTIFY__URLS=inbox.url(),
            CRYPTO_BOT_NOTIFY__LEVEL="warning",
        )
        url = engine.event("engine.started")["url"]
        engine.event("exchange.down")
        later(lambda: "the exchange is down since" in received(inbox))
        assert "has started" not in received(inbox), "that is no warning"
        status, health = call(f"{url}/healthz")
        assert (status, health["status"]) == (503, "starting")
        engine.signal(signal.SIGINT)
        assert engine.ended() == 0


def test_hanging_receivers_hinder_neither_the_cycles_nor_the_end(rules: Start) -> None:
    with hanging() as port:
        engine = rules(
            *("BTCUSDT", "ETHUSDT"),
            **FAST,
            CRYPTO_BOT_NOTIFY__URLS=" ".join([f"json://127.0.0.1:{port}/{SECRET}?rto=600"] * 3),
        )
        engine.event("cycle.finished")
        engine.signal(signal.SIGTERM)
        assert engine.ended() == 0
    assert SECRET not in "\n".join(engine.lines)
