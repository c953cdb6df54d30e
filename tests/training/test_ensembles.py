"""An ensemble goes through a whole run and is served as one model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.models import versions
from crypto_bot.models.artifact import PublishedModel, folder_of, load
from crypto_bot.models.families.ensemble.family import EnsembleSettings, Member
from crypto_bot.models.families.lightgbm import LightGbmSettings
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.serving.prediction_service import PredictionService, Window
from crypto_bot.training.panel import Coin, build_panel
from crypto_bot.training.plan import TrainingPlan
from tests.training.made_market import HOUR, QUESTION, SPLITS, candles
from tests.training.made_runs import NET, TUNING, trained

TREES = Member("lightgbm", settings=LightGbmSettings(move_rounds=20, up_rounds=10, leaves=7))
COINS = ("COIN0", "COIN1")


def test_an_ensemble_is_trained_tuned_and_served_as_one_model(tmp_path: Path) -> None:
    whole, tuning = (
        EnsembleSettings((Member("cnn_lstm", settings=net), TREES)) for net in (NET, TUNING)
    )
    choice = FamilyChoice("ensemble_v1", "tiny", whole)
    coins = [Coin(symbol, candles(90, seed)) for seed, symbol in enumerate(COINS)]
    splits = replace(SPLITS, folds=1)
    trained(coins, TrainingPlan(COINS, choice, tuning=tuning, splits=splits, compared=()), tmp_path)

    models = {symbol: published(tmp_path / "models", symbol) for symbol in COINS}
    pool = published(tmp_path / "models", None)
    trees = {each.meta.sha256["lightgbm.trees_up.txt"] for each in (pool, *models.values())}
    nets = {each.meta.sha256["cnn_lstm.cnn_lstm_v1.pth"] for each in (pool, *models.values())}
    assert (len(trees), len(nets)) == (1, 3)  # the coins' networks are tuned, the trees stay
    assert pool.meta.members == {"cnn_lstm": (0.5, 0.5), "lightgbm": (0.5, 0.5)}

    service = PredictionService("cpu", HOUR.ms)
    service.serve(models)
    panels = {coin.symbol: build_panel([coin], None, QUESTION) for coin in coins}
    windows = {
        symbol: Window(int(panel.open_ms[-1]), panel.features[-16:])
        for symbol, panel in panels.items()
    }
    for symbol, found in service.predict_batch(windows).items():
        model = models[symbol]
        raw = model.model.predict_proba(panels[symbol].features[-16:], np.array([15]))
        expected = model.calibration.probabilities(raw, model.spec.label)[0]
        assert found.probabilities == pytest.approx(expected.tolist(), abs=1e-5)


def published(models_dir: Path, symbol: str | None) -> PublishedModel:
    folder = versions.current(folder_of(models_dir, symbol, "1h"))
    assert folder is not None
    return load(folder, symbol, "1h")
