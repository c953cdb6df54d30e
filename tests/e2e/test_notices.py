"""A daemon that tells people of itself, over real HTTP."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.adapters.notify.receivers import Inbox, hanging, later, listening
from tests.conftest import Start
from tests.e2e.processes import Process

pytestmark = pytest.mark.slow
SECRET = "hush-hush-4711"
SHARED = 2.0
"""The limits are for an idle machine; the tests' is shared."""
FAST = {"CRYPTO_BOT_SIM__SPEED": "600", "CRYPTO_BOT_ENGINE__RECORD_BARS": "40"}


def told(inbox: Inbox) -> str:
    return "\n".join(f"{each['title']} | {each['message']}" for each in inbox.messages)


def test_start_signals_and_end_are_told_and_no_secret_is_logged(daemon: Start) -> None:
    with listening() as inbox:
        engine = daemon(
            *("--exchange", "sim", "--use_ml", "0"),
            **FAST,
            CRYPTO_BOT_NOTIFY__URLS=inbox.url(SECRET),
            CRYPTO_BOT_ENGINE__ANALYZER_THRESHOLD="0.05",  # a talkative one
        )
        url = engine.event("engine.started")["url"]
        later(lambda: f"the engine has started: 32 coins, 15m, {url}" in told(inbox), 30.0)
        later(lambda: "(PROFESSIONAL_ANALYZER)" in told(inbox), 60.0)
        inbox.status = 500  # fails for the rest of its life, but for its last words
        engine.event("notify.failing", within_s=120.0)
        inbox.status = 200
        stopping = time.monotonic()
        engine.signal(signal.SIGTERM)
        assert engine.ended() == 0
        assert time.monotonic() - stopping < 2.0 * SHARED
        assert "the engine has been stopped" in told(inbox)
    assert SECRET not in "\n".join(engine.lines)


def test_a_receiver_that_hangs_does_not_keep_the_end_waiting(daemon: Start) -> None:
    with hanging() as port:
        engine = daemon(
            *("--exchange", "sim", "--use_ml", "0"),
            **FAST,
            CRYPTO_BOT_NOTIFY__URLS=" ".join([f"json://127.0.0.1:{port}/{SECRET}"] * 3),
        )
        engine.event("cycle.finished")
        stopping = time.monotonic()
        engine.signal(signal.SIGTERM)
        assert engine.ended() == 0
        assert time.monotonic() - stopping < 2.0 * SHARED
    assert SECRET not in "\n".join(engine.lines)


def test_an_outage_is_told(daemon: Start) -> None:
    with listening() as inbox:
        engine = daemon(
            *("--exchange_url", "http://127.0.0.1:9", "--use_ml", "0"),
            CRYPTO_BOT_NOTIFY__URLS=inbox.url(),
            CRYPTO_BOT_NOTIFY__LEVEL="warning",
        )
        engine.event("exchange.down")
        later(lambda: "the exchange is down since" in told(inbox), 30.0)
        assert "has started" not in told(inbox), "that is no warning"


def test_a_hanging_receiver_costs_the_first_cycle_nothing(daemon: Start, tmp_path: Path) -> None:
    """Two engines side by side, so that a busy machine is busy for both.

    Apprise itself takes a fifth of a second to load.
    """
    (tmp_path / "coins.json").write_text('["BTCUSDT", "ETHUSDT"]')
    took: dict[bool, list[float]] = {True: [], False: []}
    with hanging() as port:
        told = {"CRYPTO_BOT_NOTIFY__URLS": f"json://127.0.0.1:{port}/x"}
        for pair in range(2):
            started, engines = time.monotonic(), {}
            for beside in (True, False) if pair else (False, True):
                engines[beside] = daemon(
                    *("--exchange", "sim", "--use_ml", "0"),
                    *("--symbols_file", str(tmp_path / "coins.json")),
                    *("--database_url", f"sqlite:///{tmp_path / f'{pair}{beside}.db'}"),
                    **FAST,
                    **(told if beside else {}),
                )
            with ThreadPoolExecutor(2) as pool:
                waits = pool.map(partial(waited, started=started), engines.values())
                for beside, wait_s in zip(engines, waits, strict=True):
                    took[beside].append(wait_s)
            for engine in engines.values():
                engine.kill()
    ratio = sum(took[True]) / sum(took[False])
    print(f"first cycle: {took}, ratio {ratio:.2f}")
    assert ratio < 1.35


def waited(engine: Process, started: float) -> float:
    """Seconds until its first cycle."""
    engine.event("cycle.finished")
    return time.monotonic() - started
