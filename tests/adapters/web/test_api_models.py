"""The models of the coins in the API."""

from __future__ import annotations

import httpx

from tests.adapters.web.page.made_figures import MadeCatalog


async def test_every_coin_has_an_entry(api: httpx.AsyncClient) -> None:
    body = (await api.get("/api/models")).json()
    assert body["success"] is True
    assert body["count"] == 3
    assert body["note"] is None
    assert {name: each["served"] for name, each in body["models"].items()} == {
        "BTCUSDT": True,
        "ETHUSDT": False,
        "SOLUSDT": False,
    }
    assert body["models"]["ETHUSDT"] == {
        "symbol": "ETHUSDT",
        "served": False,
        "traded": False,
        "reason": "no model of ETHUSDT 15m has been published",
        "model": None,
    }


async def test_a_model_has_its_gates_and_measurements(api: httpx.AsyncClient) -> None:
    body = (await api.get("/api/models/btcusdt")).json()
    assert body == (await api.get("/api/models")).json()["models"]["BTCUSDT"]
    model = body["model"]
    assert model["verdict"] == "ACTIVE"
    (gate,) = model["gates"]
    assert list(gate.values()) == ["direction_auc", True, 0.51, 0.505, "direction AUC .51"]
    assert model["metrics"]["skill_prior"] == {"value": 0.02, "low": 0.018, "high": 0.023}
    assert model["metrics"]["direction_auc_together"]["high"] is None


async def test_switched_off_models_have_a_note(
    api: httpx.AsyncClient, catalog: MadeCatalog
) -> None:
    catalog.note = "models are switched off"
    body = (await api.get("/api/models")).json()
    assert body == {"success": True, "count": 0, "note": catalog.note, "models": {}}
    one = (await api.get("/api/models/BTCUSDT")).json()
    assert (one["served"], one["reason"], one["model"]) == (False, catalog.note, None)
