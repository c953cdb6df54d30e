"""Served probabilities that are recalibrated: live, after restarts and in a replay the same."""

from pathlib import Path

import pytest

from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.settings import load
from crypto_bot.app.wiring import build_catch_up
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.models.artifact import publish
from crypto_bot.statistics import recalibration
from tests.engine.true_market import (
    M15,
    START,
    Feed,
    contents,
    honest,
    opened,
    true_candles,
    undisturbed,
)
from tests.models.made_models import tiny_model

COIN = "BTCUSDT"
BARS = 230


async def test_what_is_served_follows_from_what_was_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalibration, "LEAST_DAYS", 1)
    monkeypatch.setattr(recalibration, "PROMOTING", 0.5)
    models = {"recalibrate": True}
    engine = {"record_bars": 5, "record_lag_bars": 17}
    settings = load(
        {"device": "cpu", "models_dir": tmp_path / "models", "engine": engine, "models": models}
    )
    # It knows nothing, and is sure of it.
    model = tiny_model(COIN, features="per_coin_v2", data_ends_ms=START - 30 * M15.ms)
    publish(model, settings.models_dir)
    truth = true_candles((COIN,), 6_400, BARS)
    feed = Feed(truth, ReplayClock(), honest)
    with opened() as database:
        for until in (0, 100, 101, 180, BARS):
            until_ms = START + until * M15.ms
            feed.clock.set(M15.close_of(until_ms) + 1_000)
            catch_up = build_catch_up(
                *(settings, (COIN,), feed.clock, database), feed=feed, timer=lambda: 0.0
            )
            catch_up.recover(until_ms)
            assert not (await catch_up.to(until_ms)).owed
        live = contents(database)
        calls = SqlPredictionStore(database, M15).model_calls(COIN, model.version, 0)
    assert live == undisturbed(settings, truth, START + BARS * M15.ms)
    signals = [each for each in reversed(live[0]) if each.model_version is not None]
    assert [p for _, p in calls] == [each.given or each.probabilities for each in signals]
    changed = [each for each in signals if each.given is not None]
    assert 0 < len(changed) < len(signals)
    for each in changed:
        assert each.given != each.probabilities
        assert each.reasons[-1].startswith("recalibrated: temperature x ")
