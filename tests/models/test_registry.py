"""The registry: what answers, what is refused with which reason, and what is reported of it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crypto_bot.domain.errors import (
    ModelIncompatible,
    ModelMissing,
    ModelRejected,
    ModelStale,
    SignalUnavailable,
)
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import FEATURE_SETS, feature_set
from crypto_bot.market_data.observations import SeriesColumn
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, load, publish
from crypto_bot.models.catalog import read_card
from crypto_bot.models.registry import ModelRegistry, ServingPolicy
from crypto_bot.models.verdict import Verdict
from tests.models.made_models import DATA_ENDS_MS, STEP_MS, judged, tiny_model

M15 = Timeframe.parse("15m")
NOW = DATA_ENDS_MS + STEP_MS
POLICY = ServingPolicy(max_age_ms=30 * DAY_MS, pool_max_age_ms=300 * DAY_MS)


def registry(models: Path, policy: ServingPolicy = POLICY) -> ModelRegistry:
    return ModelRegistry(models, M15, policy)


def weights(models: Path, symbol: str = "BTCUSDT") -> Path:
    return folder_of(models, symbol, "15m") / "cnn_lstm_v1.pth"


def test_a_coin_without_a_model_is_missing(tmp_path: Path) -> None:
    asked = registry(tmp_path)
    assert not asked.is_model_available("BTCUSDT", NOW)
    with pytest.raises(ModelMissing, match="no model of BTCUSDT 15m"):
        asked.load_model("BTCUSDT", NOW)


def test_a_published_model_is_there_at_the_next_question(tmp_path: Path) -> None:
    asked = registry(tmp_path)
    assert not asked.is_model_available("BTCUSDT", NOW)
    first, second = tiny_model("BTCUSDT", seed=1), tiny_model("BTCUSDT", seed=2)
    for model in (first, second):
        publish(model, tmp_path)
        assert asked.load_model("BTCUSDT", NOW).version == model.version
        assert asked.load_model("BTCUSDT", NOW) is asked.load_model("BTCUSDT", NOW)
    versions.rollback(folder_of(tmp_path, "BTCUSDT", "15m"))
    assert asked.load_model("BTCUSDT", NOW).version == first.version


def test_a_model_is_asked_about_later_candles_alone_and_not_for_ever(tmp_path: Path) -> None:
    publish(tiny_model("BTCUSDT"), tmp_path)
    asked = registry(tmp_path)
    with pytest.raises(SignalUnavailable, match="has learned from candles up to"):
        asked.load_model("BTCUSDT", DATA_ENDS_MS)
    assert asked.is_model_available("BTCUSDT", DATA_ENDS_MS + POLICY.max_age_ms)
    with pytest.raises(ModelStale, match=r"30 days before .* and 30 days are the limit") as stale:
        asked.load_model("BTCUSDT", DATA_ENDS_MS + POLICY.max_age_ms + STEP_MS)
    assert stale.value.until_ms == DATA_ENDS_MS


@pytest.mark.parametrize(
    ("served", "answers"),
    [
        (Verdict.ACTIVE, {Verdict.ACTIVE}),
        (Verdict.WARMUP, {Verdict.ACTIVE, Verdict.WARMUP}),
        (Verdict.LOW, {Verdict.ACTIVE, Verdict.WARMUP, Verdict.LOW}),
        (Verdict.REJECTED, set(Verdict) - {Verdict.BLOCKED}),
    ],
)
@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_verdict_decides(
    tmp_path: Path, verdict: Verdict, served: Verdict, answers: set[Verdict]
) -> None:
    publish(judged(tiny_model("BTCUSDT"), verdict), tmp_path)
    asked = registry(tmp_path, replace(POLICY, served=served))
    if verdict in answers:
        assert asked.load_model("BTCUSDT", NOW).meta.verdict is verdict
    else:
        with pytest.raises(ModelRejected, match=f"is {verdict}: made for a test"):
            asked.load_model("BTCUSDT", NOW)
    model = load(folder_of(tmp_path, "BTCUSDT", "15m").resolve(), "BTCUSDT", "15m")
    assert (asked.policy.withheld(model) is None) is (verdict is Verdict.ACTIVE)


def test_damage_is_noticed_and_heals(tmp_path: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        publish(tiny_model(symbol), tmp_path)
    asked = registry(tmp_path)
    whole = asked.load_model("BTCUSDT", NOW)
    other = asked.load_model("ETHUSDT", NOW)
    content = weights(tmp_path).read_bytes()
    weights(tmp_path).write_bytes(content[:100])
    for bar in range(5):
        with pytest.raises(ModelIncompatible, match=r"is not what meta\.json says"):
            asked.load_model("BTCUSDT", NOW + bar * STEP_MS)
        assert asked.load_model("ETHUSDT", NOW + bar * STEP_MS) is other
    weights(tmp_path).unlink()
    for bar in range(5):
        with pytest.raises(ModelIncompatible, match="cannot be read"):
            asked.load_model("BTCUSDT", NOW + bar * STEP_MS)
    weights(tmp_path).write_bytes(content)
    healed = asked.load_model("BTCUSDT", NOW)
    os.utime(weights(tmp_path), (1, 1))
    again = asked.load_model("BTCUSDT", NOW)
    assert again is not healed, "a touched file is read again"
    assert again.version == healed.version == whole.version


def test_a_deleted_model_is_refused(tmp_path: Path) -> None:
    publish(tiny_model("BTCUSDT"), tmp_path)
    asked = registry(tmp_path)
    assert asked.is_model_available("BTCUSDT", NOW)
    folder = folder_of(tmp_path, "BTCUSDT", "15m")
    (folder / "meta.json").unlink()
    assert not asked.is_model_available("BTCUSDT", NOW)
    folder.unlink()
    folder.symlink_to("nowhere")
    assert not asked.is_model_available("BTCUSDT", NOW)


def test_the_leader_is_that_of_the_features_in_use(tmp_path: Path) -> None:
    asked = registry(tmp_path)
    publish(tiny_model("ETHUSDT", features="per_coin_v1"), tmp_path)
    assert asked.leader(["ETHUSDT", "SOLUSDT"]) is None
    publish(tiny_model("SOLUSDT", features="per_coin_v2"), tmp_path)
    assert asked.leader(["ETHUSDT", "SOLUSDT"]) == "BTCUSDT"


def test_the_pool_answers_for_a_coin_that_has_no_model_and_says_so(tmp_path: Path) -> None:
    publish(tiny_model(None, seed=1, features="per_coin_v2", trailing=0), tmp_path)
    own = tiny_model("BTCUSDT", seed=2)
    publish(own, tmp_path)
    asked = registry(tmp_path)
    assert asked.load_model("BTCUSDT", NOW).name == own.version
    pool = asked.load_model("NEWUSDT", NOW)
    assert pool.symbol is None
    assert pool.name == f"pool:{pool.version}"
    assert asked.leader(["BTCUSDT"]) == "BTCUSDT"  # the pool's features look at it
    weights(tmp_path).write_bytes(b"")
    with pytest.raises(ModelIncompatible):  # what is refused is not passed over
        asked.load_model("BTCUSDT", NOW)
    publish(judged(tiny_model(None, seed=1), Verdict.REJECTED), tmp_path)
    with pytest.raises(ModelRejected, match=r"pool:cnn_lstm_v1\+\w+ is REJECTED"):
        asked.load_model("NEWUSDT", NOW)


def test_the_pool_has_an_age_limit_of_its_own(tmp_path: Path) -> None:
    publish(tiny_model(None), tmp_path)
    asked = registry(tmp_path)
    later_ms = DATA_ENDS_MS + POLICY.max_age_ms + STEP_MS
    assert POLICY.withheld(asked.load_model("NEWUSDT", later_ms)) is None
    with pytest.raises(ModelStale, match="300 days are the limit"):
        asked.load_model("NEWUSDT", DATA_ENDS_MS + POLICY.pool_max_age_ms + STEP_MS)


def test_without_a_model_nothing_of_torch_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from crypto_bot.app.settings import load\n"
        "from crypto_bot.app.wiring import model_registry\n"
        f"asked = model_registry(load({{'models_dir': {str(tmp_path)!r}}}))\n"
        "asked.find('BTCUSDT', 0); asked.leader(['BTCUSDT'])\n"
        "print({'torch', 'sklearn', 'lightgbm', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.strip() == b"set()"


def test_a_model_of_simulated_candles_answers_on_that_market_alone(tmp_path: Path) -> None:
    publish(replace(tiny_model("BTCUSDT"), simulated=True), tmp_path)
    folder = folder_of(tmp_path, "BTCUSDT", "15m")
    assert '"simulated": true' in (folder / "meta.json").read_text()
    with pytest.raises(ModelRejected, match="was trained on simulated candles: it answers with"):
        registry(tmp_path).load_model("BTCUSDT", NOW)
    assert registry(tmp_path, replace(POLICY, simulated=True)).is_model_available("BTCUSDT", NOW)


def test_the_series_that_models_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tiny_model("BTCUSDT"), tmp_path)
    asked = registry(tmp_path)
    assert asked.series(("BTCUSDT", "ETHUSDT")) == frozenset()
    reading = replace(feature_set("per_coin_v1"), series=(SeriesColumn("sopr", DAY_MS),))
    monkeypatch.setitem(FEATURE_SETS._entries, "per_coin_v1", reading)
    assert asked.series(("BTCUSDT",)) == frozenset({"sopr"})


def _sparse(folder: Path) -> None:
    path = folder / "cnn_lstm_v1.pth"
    state = torch.load(path, weights_only=True)
    name = next(name for name, value in state.items() if value.dim() == 2)
    torch.save({**state, name: state[name].to_sparse()}, path)


def _meta(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "meta.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _piped(folder: Path) -> None:
    (folder / "trailing.json").unlink()
    os.mkfifo(folder / "trailing.json")


def _looped(folder: Path) -> None:
    link = folder_of(folder.parents[3], "BTCUSDT", "15m")
    link.unlink()
    link.symlink_to("15m")


def _numbered(folder: Path) -> None:
    """A store whose folders are no versions, and a link into it that has no end."""
    folder.rename(folder.with_name("9" * 200))
    folder.with_name("\N{SUPERSCRIPT TWO}").mkdir()


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (lambda folder: (folder / "meta.json").unlink(), "has no meta.json"),
        (lambda folder: (folder / "meta.json").write_text("9" * 9_000), "meta.json"),
        (_meta(trained_ms=10**30), "trained_ms"),
        (_meta(window_bars=10**9), "window_bars"),
        (_meta(timeframe="7m"), "7m"),
        (_meta(scaler_mean=[1.0] * 15), "scaler of meta.json is not that of the weights"),
        (_meta(scaler_scale=[1.0] * 3), "one mean and one scale for each column"),
        (_sparse, "another architecture"),
        (_piped, "it is no file"),
        (_looped, "leads to no model"),
        (_numbered, "leads to no model"),
    ],
)
def test_whatever_is_wrong_in_one_folder_refuses_that_model_alone(
    tmp_path: Path, spoiled: Callable[[Path], None], reason: str
) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT", None):
        publish(tiny_model(symbol), tmp_path)
    folder = folder_of(tmp_path, "BTCUSDT", "15m").resolve()
    spoiled(folder)
    path = folder / "meta.json"
    if path.is_file() and spoiled is _sparse:
        held = json.loads(path.read_text())
        digest = hashlib.sha256((folder / "cnn_lstm_v1.pth").read_bytes()).hexdigest()
        held["sha256"]["cnn_lstm_v1.pth"] = digest
        path.write_text(json.dumps(held))
    asked = registry(tmp_path)
    for bar in range(3):
        with pytest.raises(ModelIncompatible, match=reason):
            asked.load_model("BTCUSDT", NOW + bar * STEP_MS)
        assert asked.load_model("ETHUSDT", NOW + bar * STEP_MS).symbol == "ETHUSDT"
    assert asked.series(["BTCUSDT", "ETHUSDT"]) == frozenset()
    assert read_card(folder_of(tmp_path, "ETHUSDT", "15m")) is not None
    read_card(folder_of(tmp_path, "BTCUSDT", "15m"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        publish(tiny_model(symbol), tmp_path)
    asked = registry(tmp_path)
    closed = folder_of(tmp_path, "BTCUSDT", "15m").parent
    closed.chmod(0)
    try:
        with pytest.raises(ModelIncompatible, match="Permission denied"):
            asked.load_model("BTCUSDT", NOW)
        assert asked.is_model_available("ETHUSDT", NOW)
    finally:
        closed.chmod(0o755)


@pytest.mark.parametrize("copied", ["followed", "written", "one only"])
def test_a_folder_of_models_that_was_copied_is_served_and_goes_back(
    tmp_path: Path, copied: str
) -> None:
    """By what follows links, by a system without links, and without the older versions."""
    old, new = tiny_model("BTCUSDT", seed=1), tiny_model("BTCUSDT", seed=2)
    for model in (old, new):
        publish(model, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b", symlinks=copied == "written")
    folder = folder_of(tmp_path / "b", "BTCUSDT", "15m")
    if copied == "written":
        said = str(folder.readlink())
        folder.unlink()
        folder.write_text(said)
    elif copied == "one only":
        shutil.rmtree(versions.store(folder))
    asked = registry(tmp_path / "b")
    served = asked.load_model("BTCUSDT", NOW)
    assert served.version == new.version
    assert asked.load_model("BTCUSDT", NOW) is served
    if copied == "one only":
        with pytest.raises(ModelMissing, match="no earlier version"):
            versions.rollback(folder)
        publish(old, tmp_path / "b")
    else:
        versions.rollback(folder)
    assert asked.load_model("BTCUSDT", NOW).version == old.version
    assert len(versions.versions(folder)) == 2
    assert not list(versions.store(folder).glob("writing-*"))


@pytest.mark.parametrize("link", ["link", "file", "file of a system with other line ends"])
def test_a_copy_without_the_version_that_was_served_goes_back_by_one_command(
    tmp_path: Path, link: str
) -> None:
    """It was ended too early, and which version answers is not guessed."""
    old, new = tiny_model("BTCUSDT", seed=1), tiny_model("BTCUSDT", seed=2)
    for model in (old, new):
        publish(model, tmp_path)
    folder = folder_of(tmp_path, "BTCUSDT", "15m")
    shutil.rmtree(folder.resolve())
    if link != "link":
        said = str(folder.readlink())
        folder.unlink()
        folder.write_bytes(said.encode() + b"\r\n" * (link != "file"))
    asked = registry(tmp_path)
    with pytest.raises(ModelIncompatible, match="go back with crypto-bot models rollback"):
        asked.load_model("BTCUSDT", NOW)
    versions.rollback(folder)
    assert asked.load_model("BTCUSDT", NOW).version == old.version
