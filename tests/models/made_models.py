"""Models made on the spot: random weights, real shapes; and what spoils them on the disk."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from crypto_bot.domain.gate import Gate
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.features.sets import feature_set, schema_hash
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.decision import ReturnMap
from crypto_bot.models.families.cnn_lstm.fit import FittedNet
from crypto_bot.models.families.cnn_lstm.net import Architecture, CnnLstmNet
from crypto_bot.models.families.nets.weights import packed
from crypto_bot.models.families.two_heads import reads_of
from crypto_bot.models.gates import Judgement
from crypto_bot.models.model import DecisionRule, Span, Trailing, TrainedModel
from crypto_bot.models.spec import ModelSpec, Scaler
from crypto_bot.models.verdict import Verdict

STEP_MS = 900_000
COINS = ("BTCUSDT", "ETHUSDT")
"""Whom a pool has learned from."""
DATA_ENDS_MS = 1_760_000_400_000 // STEP_MS * STEP_MS


def tiny_net(features: str, window_bars: int, seed: int) -> CnnLstmNet:
    """A network of the smallest size whose answers vary with its input."""
    chosen = feature_set(features)
    shape = Architecture(
        window_bars,
        tuple(chosen.indices(chosen.columns_for("network").move)),
        tuple(chosen.indices(chosen.columns_for("network").direction)),
        "tiny",
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        net = CnnLstmNet(shape)
        for weight in net.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    return net.eval()


def tiny_model(
    symbol: str | None,
    *,
    seed: int = 0,
    verdict: Verdict = Verdict.ACTIVE,
    features: str = "per_coin_v1",
    window_bars: int = 8,
    data_ends_ms: int = DATA_ENDS_MS,
    trailing: int = 1_500,
) -> TrainedModel:
    """A model whose data ends with the candle at `data_ends_ms`, and which trades its tails."""
    chosen = feature_set(features)
    count = len(chosen.columns)
    net = tiny_net(features, window_bars, seed)
    rng = np.random.default_rng(seed)
    opens = data_ends_ms + STEP_MS * np.arange(1 - trailing, 1)
    return TrainedModel(
        symbol=symbol,
        spec=ModelSpec(
            family="cnn_lstm_v1",
            size="tiny",
            timeframe="15m",
            features=features,
            schema_hash=schema_hash(chosen),
            columns=chosen.columns,
            reads=reads_of(chosen.columns_for("network")),
            window_bars=window_bars,
            label=LABELS.get("A"),
        ),
        files=FittedNet(net, DOWN_NEUTRAL_UP, packed(net)).files(),
        scaler=Scaler((0.0,) * count, (1.0,) * count),
        calibration=Calibration(1.25, 0.5),
        decision=DecisionRule(ReturnMap((0.5,), (-3.0, 3.0)), cost_bps=10.0, tail=0.1),
        trailing=Trailing(opens, rng.normal(0.0, 1.0, trailing)),
        span=Span(data_ends_ms - 40_000 * STEP_MS, data_ends_ms, 40_001),
        pooled_with=COINS if symbol is None else (symbol,),
        recipe="per_coin",
        seed=seed,
        code_version="0.0.test",
        trained_ms=data_ends_ms + 60_000,
        judgement=Judgement(
            verdict,
            ("made for a test",),
            (Gate("direction_auc", True, 0.53, 0.505, "direction AUC .53"),),
        ),
        metrics={"accuracy": {"value": 0.5, "low": None}},
        curves={"fit, move head": (0.7, 0.6)},
        reports={"reliability.png": b"\x89PNG\r\n\x1a\n"},
    )


def judged(model: TrainedModel, verdict: Verdict) -> TrainedModel:
    """The same model with another verdict."""
    return replace(model, judgement=model.judgement._replace(verdict=verdict))


def blocked(model: TrainedModel, *failed: str, coins: tuple[str, ...] = ()) -> TrainedModel:
    """The same model with every gate that a verdict needs: too good, and of them `failed`."""
    names = (
        *("log_loss", "sd_no_trade", "sd_direction", "not_constant"),
        *("direction_auc_ceiling", "skill_ceiling", "accuracy_ceiling"),
        *("skill_prior", "skill_climatology", "calibration", "folds", "days"),
        *("direction_auc", "direction_placebo"),
    )
    wrong = {"direction_auc_ceiling", *failed}
    gates = [Gate(name, name not in wrong, 0.6, 0.56, f"{name} in words") for name in names]
    gates += [Gate(name, False, 1.0, 0.0, f"{name} in words") for name in wrong - set(names)]
    reasons = ("direction_auc_ceiling in words",)
    return replace(
        model,
        judgement=Judgement(Verdict.BLOCKED, reasons, tuple(gates)),
        pooled_with=coins or model.pooled_with,
    )


class Payload:
    """A pickle that would write a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._marker}",)


def spoil(at: Path, how: str, marker: Path) -> None:
    """Spoils the published model at `at`; code of it that is run makes the file `marker`."""
    weights = at / "cnn_lstm_v1.pth"
    if how == "deleted":
        at.unlink()
        at.symlink_to("nowhere")
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:-50])
    elif how == "pickle":
        weights.write_bytes(pickle.dumps(Payload(marker)))
    else:
        head, key, tail = (at / "meta.json").read_text().partition('"schema_hash": "')
        (at / "meta.json").write_text(head + key + "0" * 8 + tail[8:])
