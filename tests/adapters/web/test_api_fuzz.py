"""Responses to valid and almost valid requests follow the OpenAPI description."""

from __future__ import annotations

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
from crypto_bot.adapters.web import EventStream
from crypto_bot.domain.signal import Pred
from tests.adapters.web.conftest import make_outcome, make_signal
from tests.adapters.web.served import served

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
def url(
    make_app: Callable[..., FastAPI], stream: EventStream, engine: Any, log: None
) -> Iterator[str]:
    """Of the real application on a real server and database."""
    engine.ran()
    with served(make_app(), stream) as address:
        yield address


@pytest.fixture
def log(store: SqlPredictionStore, archive: SqlCandleArchive) -> None:
    """Signals of three coins, some of them settled, and the candles of one."""
    calls = [make_signal(coin, bar) for bar in range(40) for coin in ("BTCUSDT", "ETHUSDT")]
    calls.append(make_signal("SOLUSDT", 0, Pred.NO_TRADE))
    store.commit(calls, [make_outcome(call) for call in calls[:60]])


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_response_is_as_described_and_none_is_a_500(url: str, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(path=ENDLESS)
    requests = Counter[str]()
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        with suppress(Unsatisfiable):  # a request without parameters has no invalid variants
            fuzz(found.ok(), mode, requests)
    paths = dict(described.raw_schema["paths"])
    del paths[ENDLESS]
    assert set(requests) == set(paths) if mode is GenerationMode.POSITIVE else len(requests) >= 4


def fuzz(operation: Any, mode: GenerationMode, requests: Counter[str]) -> None:
    """Sends up to `EXAMPLES` requests to `operation`, counted by path in `requests`."""

    @seed(20251201)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        requests[operation.path] += 1
        case.call_and_validate(checks=CHECKS)

    ask()
