"""The newest signals in the API."""

from __future__ import annotations

import json

import httpx
import pytest

from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.domain.signal import Pred, Probabilities
from tests.adapters.web.conftest import make_signal


async def test_a_signal_has_the_fields_of_the_contract(
    api: httpx.AsyncClient, store: SqlPredictionStore
) -> None:
    store.commit([make_signal()], [])
    answer = await api.get("/api/predictions/BTCUSDT")
    assert answer.status_code == 200
    assert answer.json() == {
        "symbol": "BTCUSDT",
        "tf": "15m",
        "pred": "LONG",
        "confidence": 0.37,
        "probabilities": {"SHORT": 0.22, "NO_TRADE": 0.41, "LONG": 0.37},
        "expected_bps": 14.2,
        "cost_bps": 10.0,
        "source": "RSI_MA",
        "model_version": None,
        "candle_open_ms": 1764547200000,
        "ts": "2025-12-01T00:15:02.113Z",
        "late": False,
        "engine": "binance-spot",
        "role": "champion",
        "horizon": "16b",
        "classes": {"SHORT": 0.22, "NO_TRADE": 0.41, "LONG": 0.37},
        "entry": 100.0,
        "stop_loss": 96.0,
        "take_profits": [104.0, 106.0, 108.0],
        "reasons": ["RSI 24.1 is below 30", "ML_PER_COIN_V1 declined: no model has been published"],
    }


async def test_the_newest_of_each_symbol_and_a_hold_without_levels(
    api: httpx.AsyncClient, store: SqlPredictionStore
) -> None:
    nothing = {"success": True, "count": 0, "predictions": {}}
    assert (await api.get("/api/predictions")).json() == nothing
    newest = [make_signal(bar=bar) for bar in range(3)]
    store.commit([*newest, make_signal("ETHUSDT", bar=1, pred=Pred.NO_TRADE)], [])
    body = (await api.get("/api/predictions")).json()
    assert (body["success"], body["count"]) == (True, 2)
    opens = {name: each["candle_open_ms"] for name, each in body["predictions"].items()}
    assert opens == {"BTCUSDT": 1764549000000, "ETHUSDT": 1764548100000}
    hold = body["predictions"]["ETHUSDT"]
    assert hold["pred"] == "NO_TRADE"
    assert hold["stop_loss"] is hold["take_profits"] is hold["expected_bps"] is None


@pytest.mark.parametrize("asset", ["BTC", "btc", "BTCUSDT"])
async def test_predict_returns_percent(
    api: httpx.AsyncClient, store: SqlPredictionStore, asset: str
) -> None:
    store.commit([make_signal()], [])
    answer = await api.post("/predict", json={"asset_symbol": asset, "timeframe": "15m"})
    assert answer.status_code == 200
    assert answer.json() == {
        "prediction": "bullish",
        "confidence": 37.0,
        "probabilities": {"bearish": 22.0, "neutral": 41.0, "bullish": 37.0},
        "as_of": "2025-12-01T00:15:00.000Z",
        "age_s": 0.0,
    }


async def test_predict_without_a_neutral_class_is_the_more_probable_side(
    api: httpx.AsyncClient, store: SqlPredictionStore
) -> None:
    """A label of two sides, and no trade that is worth its cost."""
    sides = Probabilities(0.45, 0.0, 0.55)
    made = make_signal(pred=Pred.NO_TRADE)
    called = made.signal._replace(confidence=0.0, distribution=sides.distribution)
    store.commit([made._replace(signal=called)], [])
    answer = await api.post("/predict", json={"asset_symbol": "BTC", "timeframe": "15m"})
    body = answer.json()
    assert (body["prediction"], body["confidence"]) == ("bullish", 55.0)


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"asset_symbol": "FOO"}, 404, "unknown asset 'FOO': this engine follows BTCUSDT, ETHUSDT"),
        ({"timeframe": "1h"}, 404, "this engine runs on 15m candles, not on 1h"),
        ({"timeframe": "7m"}, 422, "unknown timeframe '7m': use one of 1m, 5m, 15m, 1h, 4h, 1d"),
        ({"asset_symbol": ""}, 422, "asset_symbol: String should have at least 1 character"),
        ({}, 422, "1: JSON decode error"),
        ({"horizon": 3}, 422, "horizon: Extra inputs are not permitted"),
    ],
)
async def test_predict_errors_have_a_reason(
    api: httpx.AsyncClient, change: dict[str, object], status: int, detail: str
) -> None:
    call = json.dumps({"asset_symbol": "BTC", "timeframe": "15m", **change}) if change else "{BTC"
    answer = await api.post("/predict", content=call, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(detail)
