"""The models of the coins in the API."""

from __future__ import annotations

import httpx

from tests.adapters.web.page.made_figures import MadeCatalog


async def test_every_coin_has_an_entry(api: httpx.AsyncClient) -> None:
    """The fields of a model stand in the golden files."""
    body = (await api.get("/api/models")).json()
    assert (body["success"], body["count"], body["note"]) == (True, 3, None)
    served = {name: each["served"] for name, each in body["models"].items()}
    assert served == {"BTCUSDT": True, "ETHUSDT": False, "SOLUSDT": False}
    assert body["models"]["ETHUSDT"] == {
        "symbol": "ETHUSDT",
        "served": False,
        "traded": False,
        "pooled": False,
        "stale": None,
        "challenger": None,
        "model": None,
        "reason": "no model of ETHUSDT 15m has been published",
    }
    assert (await api.get("/api/models/btcusdt")).json() == body["models"]["BTCUSDT"]
    metrics = body["models"]["BTCUSDT"]["model"]["metrics"]
    assert metrics["direction_auc_together"]["high"] is None, "not known"


async def test_switched_off_models_have_a_note(
    api: httpx.AsyncClient, catalog: MadeCatalog
) -> None:
    catalog.note = "models are switched off"
    body = (await api.get("/api/models")).json()
    assert body == {"success": True, "count": 0, "note": catalog.note, "models": {}}
    one = (await api.get("/api/models/BTCUSDT")).json()
    assert (one["served"], one["reason"], one["model"]) == (False, catalog.note, None)
