"""Health, metrics, the reference page and the OpenAPI description."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.web import Metrics
from tests.adapters.web.conftest import Engine


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


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({}, 200, "running"),
        ({"exchange_down_since_ms": 1764547200000}, 503, "degraded"),
        ({"stopped_ms": 1}, 503, "stopped"),
    ],
)
async def test_only_running_is_200(
    api: httpx.AsyncClient, engine: Engine, change: dict[str, Any], code: int, status: str
) -> None:
    engine.ran()
    engine.health = replace(engine.health, **change)
    answer = await api.get("/healthz")
    body = answer.json()
    assert (answer.status_code, body["status"], len(body["reasons"])) == (code, status, code == 503)
    assert body["last_cycle"] == "2025-12-01T00:15:00.000Z"
    assert body["last_candle"] == "2025-12-01T00:00:00.000Z"
    assert body["lag_s"] == 0.0


async def test_metrics_are_prometheus_text_of_one_engine(
    api: httpx.AsyncClient, engine: Engine, metrics: Metrics
) -> None:
    Metrics(engine.report).candles_failed()  # of another engine in this process
    engine.health = replace(engine.health, exchange_down_since_ms=5, owed_candles=32)
    before = (await api.get("/metrics")).text.splitlines()
    metrics.cycle_finished(0.03)
    metrics.candles_failed(2)
    metrics.candles_revised(3)
    engine.health = replace(engine.health, exchange_down_since_ms=None, owed_candles=0)
    engine.ran()
    answer = await api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    after = answer.text.splitlines()
    for name, first, then in (
        ("candles_failed_total", "0.0", "2.0"),
        ("candles_revised_total", "0.0", "3.0"),
        ('cycle_seconds_bucket{le="0.025"}', "0.0", "0.0"),
        ('cycle_seconds_bucket{le="0.05"}', "0.0", "1.0"),
        ("exchange_up", "0.0", "1.0"),
        ("running", "0.0", "1.0"),
        ("owed_candles", "32.0", "0.0"),
        ("last_candle_open_timestamp_seconds", "NaN", "1.7645472e+09"),
    ):
        assert f"crypto_bot_{name} {first}" in before
        assert f"crypto_bot_{name} {then}" in after


async def test_the_reference_contacts_no_other_host(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    linked = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert len(linked) == 2
    for text in (page.text, *[(await api.get(f"/{path}")).text for path in linked]):
        assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text)
        assert "innerHTML" not in text
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
