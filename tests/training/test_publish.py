"""Manual approval: what it lifts, what it does not, and what is stored of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from crypto_bot.domain.errors import (
    ConfigError,
    ModelIncompatible,
    ModelRejected,
    SignalUnavailable,
)
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Levels, Pred, Probabilities, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, load, publish, read_meta
from crypto_bot.models.meta import Meta
from crypto_bot.models.model import TrainedModel
from crypto_bot.models.registry import ModelRegistry, ServingPolicy
from crypto_bot.models.verdict import Verdict
from crypto_bot.serving.logged_models import LoggedModels
from crypto_bot.training.leak_audit import Check
from crypto_bot.training.publish import accept
from tests.models.made_models import DATA_ENDS_MS, STEP_MS, blocked, judged, tiny_model

M15 = Timeframe.parse("15m")
COINS = ("BTCUSDT", "ETHUSDT")
PASSED = (Check("prefixes", True, "rows stay"), Check("coin flips", True, "AUC 0.501"))
WHY = "the pair was listed in a week of trends"


def accepted(models: Path, model: TrainedModel, checks: tuple[Check, ...] = PASSED) -> Meta:
    publish(model, models)
    folder = folder_of(models, "BTCUSDT", "15m")
    now = versions.current(folder)
    assert now is not None
    return accept(folder, now, f" {WHY} ", checks)


def test_an_accepted_model_is_served_by_its_other_gates_and_can_be_taken_back(
    tmp_path: Path,
) -> None:
    model = blocked(tiny_model("BTCUSDT"), coins=COINS)
    policy = ServingPolicy(max_age_ms=30 * DAY_MS, pool_max_age_ms=300 * DAY_MS)
    registry = ModelRegistry(tmp_path, M15, policy)
    publish(model, tmp_path)
    now = DATA_ENDS_MS + STEP_MS
    assert not registry.is_model_available("BTCUSDT", now)
    accepted(tmp_path, model)
    meta = registry.load_model("BTCUSDT", now).meta
    assert meta.verdict is Verdict.ACTIVE
    assert meta.reasons[-1] == "approved by hand after an audit"
    assert meta.accepted is not None
    assert meta.accepted.because == WHY
    assert meta.accepted.audit == ("prefixes: rows stay", "coin flips: AUC 0.501")
    versions.rollback(folder_of(tmp_path, "BTCUSDT", "15m"))
    assert not registry.is_model_available("BTCUSDT", now)
    # A logged call is recomputed by the version that could make it.
    signal = Signal(
        *("BTCUSDT", "15m", now, Pred.NO_TRADE, 0.5, Probabilities(0.2, 0.5, 0.3).distribution),
        *(Source.ML_PER_COIN_V1, Levels(100.0), 1.0, 4, ()),
        model_version=meta.version,
    )
    found = LoggedModels(tmp_path, M15, policy, lambda _: {"BTCUSDT": signal}).find("BTCUSDT", now)
    assert not isinstance(found, SignalUnavailable)
    assert found.meta.verdict is Verdict.ACTIVE
    # Only the verdict, its reasons and the approval differ.
    before, after = versions.versions(folder_of(tmp_path, "BTCUSDT", "15m"))[-2:]
    metas = [json.loads((each / "meta.json").read_text()) for each in (before, after)]
    assert {key for key in metas[1] if metas[0][key] != metas[1][key]} == {
        *("verdict", "reasons", "accepted")
    }
    names = sorted(each.name for each in before.iterdir() if each.name != "meta.json")
    assert names == sorted(each.name for each in after.iterdir() if each.name != "meta.json")
    assert all((before / name).read_bytes() == (after / name).read_bytes() for name in names)
    assert load(after, "BTCUSDT", "15m").version == read_meta(before).version
    # Training anew forgets the approval.
    made = read_meta(publish(replace(model, seed=1), tmp_path))
    assert (made.verdict, made.accepted) == (Verdict.BLOCKED, None)


@pytest.mark.parametrize(
    ("failed", "verdict", "reason"),
    [
        ("calibration", Verdict.LOW, "calibration in words"),
        ("direction_placebo", Verdict.WARMUP, "direction_placebo in words"),
        ("sd_direction", Verdict.REJECTED, "sd_direction in words"),
    ],
)
def test_an_approval_lifts_the_block_and_nothing_else(
    tmp_path: Path, failed: str, verdict: Verdict, reason: str
) -> None:
    meta = accepted(tmp_path, blocked(tiny_model("BTCUSDT"), failed, coins=COINS))
    assert meta.verdict is verdict
    assert meta.reasons[0] == reason
    alone = accepted(tmp_path / "alone", blocked(tiny_model("BTCUSDT"), failed))
    assert ("direction was measured on one coin alone" in " ".join(alone.reasons)) == (
        verdict is Verdict.WARMUP
    )


@pytest.mark.parametrize(
    ("model", "checks", "error", "expected"),
    [
        (judged(tiny_model("BTCUSDT"), Verdict.REJECTED), PASSED, ConfigError, "is REJECTED: only"),
        (tiny_model("BTCUSDT"), PASSED, ConfigError, "is ACTIVE: only"),
        (blocked(tiny_model("BTCUSDT")), (), ModelRejected, "nothing was audited"),
        (
            blocked(tiny_model("BTCUSDT")),
            (*PASSED, Check("shuffled labels", False, "AUC 0.61")),
            ModelRejected,
            "stays BLOCKED, its audit did not pass: shuffled labels: AUC 0.61",
        ),
        (
            blocked(tiny_model("BTCUSDT"), "prefix"),
            PASSED,
            ModelRejected,
            "stays BLOCKED: prefix in words",
        ),
        (
            blocked(tiny_model("BTCUSDT"), "moon"),
            PASSED,
            ModelIncompatible,
            "no verdict follows from these gates: unknown gate moon",
        ),
        (
            judged(tiny_model("BTCUSDT"), Verdict.BLOCKED),
            PASSED,
            ModelIncompatible,
            "no gate calibration",
        ),
    ],
)
def test_what_is_not_accepted_changes_nothing(
    tmp_path: Path,
    model: TrainedModel,
    checks: tuple[Check, ...],
    error: type[Exception],
    expected: str,
) -> None:
    with pytest.raises(error, match=expected):
        accepted(tmp_path, model, checks)
    folder = folder_of(tmp_path, "BTCUSDT", "15m")
    assert len(versions.versions(folder)) == 1
    assert read_meta(folder).accepted is None


def test_a_damaged_file_or_an_empty_reason_is_not_accepted(tmp_path: Path) -> None:
    made = publish(blocked(tiny_model("BTCUSDT")), tmp_path)
    folder = folder_of(tmp_path, "BTCUSDT", "15m")
    with pytest.raises(ConfigError, match="--because must say why"):
        accept(folder, made, "  ", PASSED)
    (made / "cnn_lstm_v1.pth").write_bytes(b"cut")
    with pytest.raises(ModelIncompatible, match="is not what"):
        accept(folder, made, WHY, PASSED)
    assert versions.versions(folder) == [made]
