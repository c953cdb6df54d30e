"""The catalogue: what is reported of each model, from its files and from the registry."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.artifact import folder_of, load, publish
from crypto_bot.models.catalog import PublishedCatalog, SwitchedOff, headline
from crypto_bot.models.registry import ModelRegistry, ServingPolicy
from crypto_bot.models.verdict import Verdict
from crypto_bot.statistics.metrics import Json
from tests.models.made_models import DATA_ENDS_MS, STEP_MS, judged, tiny_model

M15 = Timeframe.parse("15m")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
POLICY = ServingPolicy(max_age_ms=30 * DAY_MS, pool_max_age_ms=300 * DAY_MS)


def catalog(models: Path, newest_ms: int = DATA_ENDS_MS + STEP_MS) -> PublishedCatalog:
    return PublishedCatalog(ModelRegistry(models, M15, POLICY), SYMBOLS, lambda: newest_ms)


def measured() -> dict[str, Json]:
    """The part of a metrics.json that is reported, and a little more."""
    estimate: dict[str, Json] = {"value": 0.02, "low": 0.01, "high": None}
    model: Json = {
        "rows": 28_032,
        "days": 293,
        "probabilities": {
            "skill_prior": estimate,
            "skill_climatology": estimate,
            "ece": 0.0135,
            "ece_floor": 0.0097,
        },
        "direction": {"auc": estimate, "placebo_95": 0.509, "coins": 3},
    }
    return {"coin": {"model": model}, "coins_together": {"model": model}, "labels": {"LONG": 9}}


def test_each_coin_shows_what_is_served_and_why_not(tmp_path: Path) -> None:
    good = replace(tiny_model("BTCUSDT"), metrics=measured())
    publish(good, tmp_path)
    publish(judged(tiny_model("ETHUSDT"), Verdict.BLOCKED), tmp_path)
    with capture_logs() as logs:
        first, second, third = catalog(tmp_path).entries()
    assert logs == []
    assert (first.symbol, first.served, first.traded) == ("BTCUSDT", True, True)
    assert first.reason == f"{good.version} is ACTIVE: it answers"
    assert first.card is not None
    assert first.card.version == good.version
    assert (first.card.features, first.card.label) == ("per_coin_v1", "A")
    assert (first.card.last_open_ms, first.card.candles) == (DATA_ENDS_MS, 40_001)
    assert [gate.name for gate in first.card.gates] == ["direction_auc"]
    assert first.card.metrics is not None
    assert first.card.metrics.skill_prior == Interval(0.02, 0.01)
    assert first.card.metrics.coins_together == 3
    assert first.card.metrics.curves == (("fit, move head", (0.7, 0.6)),)
    assert (second.served, second.traded) == (False, False)
    assert "is BLOCKED: made for a test" in second.reason
    assert second.card is not None
    assert (second.card.verdict, second.card.metrics) == ("BLOCKED", None)
    assert (third.served, third.card) == (False, None)
    assert third.reason == "no model of SOLUSDT 15m has been published"


@pytest.mark.parametrize(
    ("symbol", "verdict", "later_ms", "served", "traded", "reason"),
    [
        ("BTCUSDT", Verdict.ACTIVE, 30 * DAY_MS, False, False, "30 days are the limit"),
        (None, Verdict.WARMUP, 300 * DAY_MS, False, False, "300 days are the limit"),
        (None, Verdict.ACTIVE, 0, True, True, "is ACTIVE: it answers"),
        (
            *("BTCUSDT", Verdict.WARMUP, 0, True, False),
            "is WARMUP: it answers; LONG and SHORT of a WARMUP model are not traded alone",
        ),
    ],
)
def test_a_coin_shows_the_model_that_answers_for_it_or_why_it_does_not(
    tmp_path: Path,
    symbol: str | None,
    verdict: Verdict,
    later_ms: int,
    *,
    served: bool,
    traded: bool,
    reason: str,
) -> None:
    model = judged(tiny_model(symbol), verdict)
    publish(model, tmp_path)
    entry = catalog(tmp_path, DATA_ENDS_MS + STEP_MS + later_ms).entry("BTCUSDT")
    assert (entry.served, entry.traded, entry.pooled) == (served, traded, symbol is None)
    assert entry.reason.endswith(reason)
    assert entry.card is not None
    assert entry.card.version == model.version
    assert entry.signed == load(folder_of(tmp_path, symbol, "15m").resolve(), symbol, "15m").name
    if later_ms:
        assert entry.card.verdict == "STALE"
        assert f"measured {verdict}" in entry.card.reasons[0]
        assert entry.stale == (DATA_ENDS_MS, later_ms / DAY_MS)


def test_files_are_read_anew_when_they_change_alone(tmp_path: Path) -> None:
    first, second = tiny_model("BTCUSDT", seed=1), tiny_model("BTCUSDT", seed=2)
    publish(first, tmp_path)
    asked = catalog(tmp_path)
    card = asked.entry("BTCUSDT").card
    assert card is not None
    assert card.version == first.version
    assert asked.entry("BTCUSDT").card is card
    publish(second, tmp_path)
    card = asked.entry("BTCUSDT").card
    assert card is not None
    assert card.version == second.version


def test_damage_is_named_and_nothing_of_it_is_shown(tmp_path: Path) -> None:
    publish(replace(tiny_model("BTCUSDT"), metrics=measured()), tmp_path)
    folder = folder_of(tmp_path, "BTCUSDT", "15m")
    asked = catalog(tmp_path)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["coin"]["model"]["days"] = 9_999
    (folder / "metrics.json").write_text(json.dumps(metrics))
    entry = asked.entry("BTCUSDT")
    assert "metrics.json is not what meta.json says" in entry.reason
    assert entry.card is not None
    assert entry.card.metrics is None
    (folder / "meta.json").write_text("{")
    entry = asked.entry("BTCUSDT")
    assert "meta.json: " in entry.reason
    assert entry.card is None


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"coin": null}'])
def test_other_measurements_have_no_headline(content: bytes) -> None:
    assert headline(content) is None


def test_switched_off_says_so() -> None:
    off = SwitchedOff()
    assert off.entries() == []
    assert "--use_ml 1" in off.note
    assert off.entry("BTCUSDT").reason == off.note
