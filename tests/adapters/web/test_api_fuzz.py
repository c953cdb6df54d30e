"""Whatever fits the API's description, or almost does, is answered as the description says."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.web import EventStream, WebServer, bind
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import StoredSignal

EXAMPLES = 25
"""Of each call."""


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS = "/api/stream"
"""Its own tests are in test_event_stream.py."""


@pytest.fixture
def served(
    make_app: Callable[..., FastAPI], stream: EventStream, engine: Any, log: None
) -> Iterator[str]:
    """The real application on a real server and database, in a thread of its own."""
    engine.ran()
    server = WebServer(make_app(), bind("127.0.0.1", 0), stream)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    yield f"http://127.0.0.1:{server.port}"
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def log(
    store: SqlPredictionStore,
    archive: SqlCandleArchive,
    make_signal: Callable[..., StoredSignal],
    make_outcome: Callable[..., Outcome],
) -> None:
    """Signals of three coins, some of them settled, and the candles of one."""
    calls = [make_signal(coin, bar) for bar in range(40) for coin in ("BTCUSDT", "ETHUSDT")]
    calls.append(make_signal("SOLUSDT", 0, Pred.NO_TRADE))
    store.commit(calls, [make_outcome(call) for call in calls[:60]])


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_as_described_and_none_is_a_500(served: str, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_url(f"{served}/openapi.json").exclude(path=ENDLESS)
    asked = Counter[str]()
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        with suppress(Unsatisfiable):  # a call without parameters can't be asked unsoundly
            fuzz(found.ok(), mode, asked)
    paths = dict(described.raw_schema["paths"])
    del paths[ENDLESS]
    assert set(asked) == set(paths) if mode is GenerationMode.POSITIVE else len(asked) >= 4


def fuzz(operation: Any, mode: GenerationMode, asked: Counter[str]) -> None:
    """Asks `operation` up to `EXAMPLES` times; `asked` counts by its path."""

    @seed(20251201)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        asked[operation.path] += 1
        case.call_and_validate(checks=CHECKS)

    ask()
