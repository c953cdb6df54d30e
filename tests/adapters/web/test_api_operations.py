"""Health, metrics, the reference page and the OpenAPI description."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.web import Metrics
from crypto_bot.domain.signal import Pred
from tests.adapters.web.conftest import Engine, make_outcome, make_signal


async def test_starting_is_503_with_its_reason(api: httpx.AsyncClient) -> None:
    answer = await api.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "starting",
        "reasons": ["no signals yet; started at 2025-12-01T00:00:00.000Z"],
        "started": "2025-12-01T00:00:00.000Z",
        "last_cycle": None,
        "last_candle": None,
        "lag_s": None,
        "owed_candles": 0,
        "exchange_down_since": None,
    }


async def test_running_is_200(api: httpx.AsyncClient, engine: Engine) -> None:
    engine.ran()
    answer = await api.get("/healthz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "running"
    assert body["reasons"] == []
    assert body["last_cycle"] == "2025-12-01T00:15:00.000Z"
    assert body["last_candle"] == "2025-12-01T00:00:00.000Z"
    assert body["lag_s"] == 0.0


@pytest.mark.parametrize(
    ("change", "status"),
    [({"exchange_down_since_ms": 1764547200000}, "degraded"), ({"stopped_ms": 1}, "stopped")],
)
async def test_degraded_is_503(
    api: httpx.AsyncClient, engine: Engine, change: dict[str, int], status: str
) -> None:
    engine.ran()
    engine.health = replace(engine.health, **change)
    answer = await api.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["status"] == status
    assert len(answer.json()["reasons"]) == 1


async def test_metrics_count_what_was_committed(
    api: httpx.AsyncClient, engine: Engine, metrics: Metrics
) -> None:
    first = make_signal()
    late = make_signal(bar=1)._replace(late=True)
    hold = make_signal("ETHUSDT", pred=Pred.NO_TRADE)
    metrics.committed([first, late, hold], [make_outcome(first)])
    metrics.cycle_finished(0.03)
    metrics.candles_failed(2)
    engine.ran()
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.text.splitlines()
    for line in (
        'crypto_bot_signals_total{pred="LONG",source="RSI_MA"} 2.0',
        'crypto_bot_signals_total{pred="NO_TRADE",source="HOLD"} 1.0',
        "crypto_bot_signals_late_total 1.0",
        'crypto_bot_outcomes_total{status="TP1"} 1.0',
        'crypto_bot_cycle_seconds_bucket{le="0.025"} 0.0',
        'crypto_bot_cycle_seconds_bucket{le="0.05"} 1.0',
        "crypto_bot_candles_failed_total 2.0",
        "crypto_bot_exchange_up 1.0",
        "crypto_bot_running 1.0",
        "crypto_bot_owed_candles 0.0",
        "crypto_bot_last_candle_open_timestamp_seconds 1.7645472e+09",
    ):
        assert line in lines, line


async def test_metrics_before_the_first_candle_and_while_the_exchange_is_down(
    api: httpx.AsyncClient, engine: Engine
) -> None:
    engine.health = replace(engine.health, exchange_down_since_ms=5, owed_candles=32)
    lines = (await api.get("/metrics")).text.splitlines()
    assert "crypto_bot_exchange_up 0.0" in lines
    assert "crypto_bot_running 0.0" in lines
    assert "crypto_bot_owed_candles 32.0" in lines
    assert "crypto_bot_last_candle_open_timestamp_seconds NaN" in lines


def test_two_engines_in_one_process_do_not_share_their_metrics(engine: Engine) -> None:
    one, other = Metrics(engine.report), Metrics(engine.report)
    one.candles_failed()
    assert b"crypto_bot_candles_failed_total 0.0" in other.text()


async def test_the_reference_contacts_no_other_host(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    linked = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert len(linked) == 2
    texts = [page.text]
    for path in linked:
        asset = await api.get(f"/{path}")
        assert asset.status_code == 200
        assert "unsafe" not in page.headers["content-security-policy"]
        texts.append(asset.text)
    for each in texts:
        assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", each)
        assert "innerHTML" not in each


async def test_the_reference_serves_its_own_files_alone(api: httpx.AsyncClient) -> None:
    for name in ("access.py", "..%2Faccess.py", "reference.html"):
        assert (await api.get(f"/docs/{name}")).status_code == 404


async def test_openapi_describes_every_route(
    api: httpx.AsyncClient, make_app: Callable[..., FastAPI]
) -> None:
    spec = (await api.get("/openapi.json")).json()
    assert set(spec["paths"]) == {
        "/api/predictions",
        "/api/predictions/{symbol}",
        "/api/signals",
        "/api/performance",
        "/api/candles/{symbol}",
        "/predict",
        "/api/models",
        "/api/models/{symbol}",
        "/api/stream",
        "/healthz",
        "/metrics",
    }
    for path, methods in spec["paths"].items():
        for operation in methods.values():
            assert operation["description"], path
            for status in {"404", "422"} & set(operation["responses"]):
                refused = operation["responses"][status]["content"]["application/json"]["schema"]
                assert refused == {"$ref": "#/components/schemas/Problem"}
    assert "HTTPValidationError" not in spec["components"]["schemas"]
    names = {each["name"] for each in spec["paths"]["/api/signals"]["get"]["parameters"]}
    assert names == {"symbol", "source", "since", "limit", "cursor", "horizon"}
