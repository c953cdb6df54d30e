"""What the API says of the models of the coins."""

from __future__ import annotations

from typing import Protocol

import httpx


class Catalog(Protocol):
    note: str | None


async def test_every_coin_has_its_line(api: httpx.AsyncClient) -> None:
    said = (await api.get("/api/models")).json()
    assert said["success"] is True
    assert said["count"] == 3
    assert said["note"] is None
    assert {name: each["served"] for name, each in said["models"].items()} == {
        "BTCUSDT": True,
        "ETHUSDT": False,
        "SOLUSDT": False,
    }
    assert said["models"]["ETHUSDT"] == {
        "symbol": "ETHUSDT",
        "served": False,
        "traded": False,
        "reason": "no model",
        "model": None,
    }


async def test_a_model_is_told_with_its_gates_and_measurements(api: httpx.AsyncClient) -> None:
    said = (await api.get("/api/models/btcusdt")).json()
    assert said == (await api.get("/api/models")).json()["models"]["BTCUSDT"]
    model = said["model"]
    assert model["verdict"] == "ACTIVE"
    assert model["gates"] == [
        {
            "name": "direction_auc",
            "passed": True,
            "value": 0.51,
            "limit": 0.505,
            "words": "direction AUC .51",
        }
    ]
    assert model["trained_with"] == ["BTCUSDT", "ETHUSDT"]
    assert model["metrics"]["skill_prior"] == {"value": 0.02, "low": 0.018, "high": 0.023}
    assert model["metrics"]["direction_auc_together"]["high"] is None
    assert model["metrics"]["ece_floor"] == 0.0097


async def test_an_unknown_symbol_is_404(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/models/DOGEUSDT")
    assert answer.status_code == 404
    assert "unknown symbol 'DOGEUSDT'" in answer.json()["detail"]


async def test_switched_off_is_told(api: httpx.AsyncClient, catalog: Catalog) -> None:
    catalog.note = "models are switched off"
    said = (await api.get("/api/models")).json()
    assert said == {"success": True, "count": 0, "note": catalog.note, "models": {}}
    one = (await api.get("/api/models/BTCUSDT")).json()
    assert (one["served"], one["reason"], one["model"]) == (False, catalog.note, None)
