"""The service: one stacked forward equals each coin by itself, in whatever company and order."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.models import versions
from crypto_bot.models.artifact import PublishedModel, folder_of, load, publish
from crypto_bot.models.families.family import Examples
from crypto_bot.models.families.logistic import LogisticFamily
from crypto_bot.serving.prediction_service import Prediction, PredictionService, Window
from crypto_bot.statistics.rows import score_of
from tests.models.made_models import STEP_MS, tiny_model

COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
BARS = 40


@pytest.fixture
def models(tmp_path: Path) -> dict[str, PublishedModel]:
    found = {}
    for seed, symbol in enumerate(COINS):
        window_bars = 8 if symbol != "XRPUSDT" else 12
        publish(tiny_model(symbol, seed=seed, window_bars=window_bars), tmp_path)
        found[symbol] = served(tmp_path, symbol)
    return found


def served(models_dir: Path, symbol: str) -> PublishedModel:
    folder = versions.current(folder_of(models_dir, symbol, "15m"))
    assert folder is not None
    return load(folder, symbol, "15m")


def rows(symbol: str) -> np.ndarray:
    seed = COINS.index(symbol)
    return np.random.default_rng(seed).standard_normal((BARS, 15)).astype(np.float32)


def window(model: PublishedModel, bar: int, *, ahead: bool = False) -> Window:
    bars = model.spec.window_bars - 1 if ahead else model.spec.window_bars
    assert model.symbol is not None
    return Window(bar * STEP_MS, rows(model.symbol)[bar + 1 - bars : bar + 1])


def service(models: dict[str, PublishedModel]) -> PredictionService:
    made = PredictionService("cpu", STEP_MS)
    made.serve(models)
    return made


def alone(model: PublishedModel, bar: int) -> Prediction:
    assert model.symbol is not None
    p = model.model.predict_proba(rows(model.symbol), np.array([bar]))
    calibrated = model.calibration.probabilities(p, model.spec.label)[0]
    return Prediction(tuple(calibrated.tolist()), float(score_of(p, model.spec.label)[0]))


def test_a_batch_equals_each_coin_by_itself(models: dict[str, PublishedModel]) -> None:
    made = service(models)
    for bar in range(12, BARS):
        batch = made.predict_batch({s: window(model, bar) for s, model in models.items()})
        for symbol, model in models.items():
            own = alone(model, bar)
            assert batch[symbol].probabilities == pytest.approx(own.probabilities, abs=1e-5)
            assert batch[symbol].score == pytest.approx(own.score, abs=1e-5)
            assert sum(batch[symbol].probabilities) == pytest.approx(1.0, abs=1e-12)
        made.prepare({s: window(model, bar, ahead=True) for s, model in models.items()})


def test_neither_preparing_nor_company_changes_a_bit(models: dict[str, PublishedModel]) -> None:
    prepared, lazy = service(models), service(models)
    few = service({"ETHUSDT": models["ETHUSDT"]})
    rng = np.random.default_rng(0)
    for bar in range(12, BARS):
        windows = {s: window(model, bar) for s, model in models.items()}
        expected = prepared.predict_batch(windows)
        first = set(rng.choice(COINS, 2, replace=False).tolist())
        waves = [
            {s: each for s, each in windows.items() if s in first},
            {s: each for s, each in windows.items() if s not in first},
        ]
        found = lazy.predict_batch(waves[0]) | lazy.predict_batch(waves[1])
        assert found == expected
        assert few.predict_symbol("ETHUSDT", windows["ETHUSDT"]) == expected["ETHUSDT"]
        if bar % 3:
            ahead = {s: window(model, bar, ahead=True) for s, model in models.items()}
            prepared.prepare(ahead)


def test_another_model_of_a_coin_answers_at_once(
    models: dict[str, PublishedModel], tmp_path: Path
) -> None:
    made = service(models)
    at = {"BTCUSDT": window(models["BTCUSDT"], 20), "ETHUSDT": window(models["ETHUSDT"], 20)}
    before = made.predict_batch(at)
    made.prepare({s: window(model, 20, ahead=True) for s, model in models.items()})
    publish(tiny_model("BTCUSDT", seed=99), tmp_path)
    changed = {**models, "BTCUSDT": served(tmp_path, "BTCUSDT")}
    made.serve(changed)
    after = made.predict_batch(at)
    assert after["BTCUSDT"].probabilities == pytest.approx(
        alone(changed["BTCUSDT"], 20).probabilities, abs=1e-5
    )
    assert after["BTCUSDT"] != before["BTCUSDT"]
    assert after["ETHUSDT"] == before["ETHUSDT"]


def test_other_families_are_served_beside_the_networks(
    models: dict[str, PublishedModel], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((600, 15)).astype(np.float32)
    examples = Examples(features, np.arange(600), rng.integers(0, 3, 600), np.ones(600))
    made = tiny_model("SOLUSDT")
    spec = replace(made.spec, family="logistic_v1", size="default", window_bars=1)
    fitted = LogisticFamily(spec).fit(examples, examples)
    publish(replace(made, spec=spec, files=fitted.files()), tmp_path)
    mixed = {**models, "SOLUSDT": served(tmp_path, "SOLUSDT")}
    found = service(mixed).predict_batch({s: window(model, 20) for s, model in mixed.items()})
    for symbol, model in mixed.items():
        own = alone(model, 20).probabilities
        assert found[symbol].probabilities == pytest.approx(own, abs=1e-5)
