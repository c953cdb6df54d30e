"""Artifacts: exactly these files, whole at every moment, refused for every kind of damage."""

import contextlib
import hashlib
import json
import os
import pickle
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.domain.errors import ModelIncompatible, ModelMissing, TrainingError
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, load, publish, published, verify
from crypto_bot.models.families.cnn_lstm.family import CnnLstm
from tests.models.made_models import Payload, tiny_model

SYMBOL = "BTCUSDT"


def folder(models: Path) -> Path:
    return folder_of(models, SYMBOL, "15m")


def current(models: Path) -> Path:
    found = versions.current(folder(models))
    assert found is not None
    return found


def rewritten(models: Path, change: Callable[[dict[str, object]], None]) -> None:
    path = current(models) / "meta.json"
    meta = json.loads(path.read_text())
    change(meta)
    path.write_text(json.dumps(meta))


def test_the_folder_has_the_files_that_other_programs_rely_on(tmp_path: Path) -> None:
    model = tiny_model(SYMBOL)
    publish(model, tmp_path)
    at = tmp_path / "per_coin" / SYMBOL / "15m"
    assert {each.name for each in at.iterdir()} == {
        "cnn_lstm_best.pth",
        "cnn_lstm_v1.pth",
        "scaler.pkl",
        "metrics.json",
        "trailing.json",
        "reliability.png",
        "meta.json",
    }
    meta = json.loads((at / "meta.json").read_text())
    for name, digest in meta["sha256"].items():
        assert hashlib.sha256((at / name).read_bytes()).hexdigest() == digest
    assert set(meta["sha256"]) == {each.name for each in at.iterdir()} - {"meta.json"}
    assert meta["columns"] == list(model.spec.columns)
    assert meta["label"] == {
        "name": "A",
        "rule": "hold_atr",
        "horizon": "4b",
        "thresholds": [0.75],
        "classes": ["SHORT", "NO_TRADE", "LONG"],
        "direction": [0, 1, 2],
    }
    assert meta["version"].startswith("cnn_lstm_v1+")
    scaler = pickle.loads((at / "scaler.pkl").read_bytes())
    assert scaler.transform(np.full((1, 15), 2.5))[0].tolist() == [2.5] * 15
    assert json.loads((at / "metrics.json").read_text())["accuracy"]["value"] == 0.5


def test_what_is_loaded_answers_as_what_was_published(tmp_path: Path) -> None:
    model = tiny_model(SYMBOL, seed=3)
    publish(model, tmp_path)
    loaded = load(current(tmp_path), SYMBOL, "15m")
    own = CnnLstm(model.spec).load(model.files)
    rows = np.random.default_rng(0).standard_normal((50, 15)).astype(np.float32)
    ends = np.arange(7, 50)
    assert np.array_equal(loaded.model.predict_proba(rows, ends), own.predict_proba(rows, ends))
    assert loaded.version == model.version
    assert loaded.spec == model.spec
    assert loaded.decision == model.decision
    assert loaded.calibration == model.calibration
    assert loaded.span == model.span
    assert loaded.meta.judgement == model.judgement
    assert loaded.meta.scaler == model.scaler
    assert np.array_equal(loaded.trailing.open_ms, model.trailing.open_ms)
    assert np.array_equal(loaded.trailing.score, model.trailing.score)


class Died(BaseException):
    """What a test ends a publication with."""


STEPS = ("mkdir", "rename", "replace", "symlink", "unlink", "fsync", "rmdir")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("plain", [False, True], ids=["versions", "plain_folder"])
def test_a_crash_at_any_step_leaves_the_old_or_the_new_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, plain: bool
) -> None:
    old, new = tiny_model(SYMBOL, seed=1), tiny_model(SYMBOL, seed=2)
    before = tmp_path / "before"
    for _ in range(1 if plain else versions.KEPT):
        publish(old, before)
    if plain:
        where = current(before)
        folder(before).unlink()
        where.rename(folder(before))
    met: set[str] = set()
    steps = 0
    while True:
        models = tmp_path / str(steps)
        shutil.copytree(before, models, symlinks=True)
        with monkeypatch.context() as patch:
            countdown = fail_at(patch, steps, when)
            with contextlib.suppress(Died):
                publish(new, models)
        survivor = verify(current(models))
        assert survivor.version in {old.version, new.version}
        load(current(models), SYMBOL, "15m")
        met.add(survivor.version)
        publish(new, models)
        assert verify(current(models)).version == new.version
        if countdown[0] < steps:
            break
        steps += 1
    assert met == {old.version, new.version}
    assert steps > 10


def fail_at(patch: pytest.MonkeyPatch, step: int, when: str) -> list[int]:
    """Ends the process, as it were, at the call number `step` that changes the disk."""
    count = [-1]

    def watched(original: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            count[0] += 1
            reached = count[0] == step
            if reached and when == "before":
                raise Died
            try:
                return original(*args, **options)
            finally:
                if reached:
                    raise Died

        return call

    for name in STEPS:
        patch.setattr(os, name, watched(getattr(os, name)))
    return count


PUBLISHER = """
import sys
from pathlib import Path
from crypto_bot.models import versions
folder, number = Path(sys.argv[1]), 0
while True:
    number += 1
    content = str(number).encode() * 200_000
    versions.add(folder, {"a": content, "b": content, "meta.json": content}, last="meta.json")
    print(number, flush=True)
"""


@pytest.mark.slow
def test_killed_at_random_moments_every_version_is_whole(tmp_path: Path) -> None:
    rng = random.Random(5)
    at = tmp_path / "15m"
    for _ in range(6):
        running = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(at)], stdout=subprocess.PIPE
        )
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))  # not to wait for a thing: the moment is the test
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
        found = versions.current(at)
        assert found is not None
        assert len({(found / name).read_bytes() for name in ("a", "b", "meta.json")}) == 1


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    publish(tiny_model(SYMBOL, seed=1), tmp_path)
    before = verify(current(tmp_path))
    # No quota or small file system is at hand everywhere; a limit on file size fails alike.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(TrainingError, match=r"could not be published .* served still"):
            publish(tiny_model(SYMBOL, seed=2), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert verify(current(tmp_path)) == before
    publish(tiny_model(SYMBOL, seed=2), tmp_path)
    assert verify(current(tmp_path)).version == tiny_model(SYMBOL, seed=2).version
    assert not list(versions.store(folder(tmp_path)).glob("writing-*"))
    taken = tmp_path / "models"
    taken.write_text("not a folder")
    with pytest.raises(TrainingError, match="could not be published"):
        publish(tiny_model(SYMBOL), taken)


def test_versions_go_back_one_by_one_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    made = [tiny_model(SYMBOL, seed=seed) for seed in range(versions.KEPT + 2)]
    for model in made:
        publish(model, tmp_path)
    assert len(versions.versions(folder(tmp_path))) == versions.KEPT
    for model in made[-2:1:-1]:
        versions.rollback(folder(tmp_path))
        assert verify(current(tmp_path)).version == model.version
    with pytest.raises(ModelMissing, match="no earlier version"):
        versions.rollback(folder(tmp_path))
    publish(made[0], tmp_path)
    assert verify(current(tmp_path)).version == made[0].version


def test_a_version_whose_deletion_was_interrupted_is_none(tmp_path: Path) -> None:
    made = [tiny_model(SYMBOL, seed=seed) for seed in range(3)]
    for model in made:
        publish(model, tmp_path)
    first, second, _ = versions.versions(folder(tmp_path))
    (second / "meta.json").unlink()
    versions.rollback(folder(tmp_path))
    assert verify(current(tmp_path)).version == made[0].version
    assert not second.exists()
    (first / "meta.json").unlink()
    publish(made[1], tmp_path)
    assert first.exists(), "what is served is never deleted, whatever is wrong with it"
    assert [verify(each).version for each in versions.versions(folder(tmp_path))] == [
        made[2].version,
        made[1].version,
    ]


def test_a_budget_is_kept_but_for_what_is_served_and_what_is_before_it(tmp_path: Path) -> None:
    for seed in range(4):
        for symbol in (SYMBOL, "ETHUSDT"):
            publish(tiny_model(symbol, seed=seed), tmp_path)
    versions.rollback(folder(tmp_path))  # the third is served, the second would be next
    folders = [folder_of(tmp_path, symbol, "15m") for symbol in (SYMBOL, "ETHUSDT")]
    one = sum(each.stat().st_size for each in current(tmp_path).iterdir())

    def numbers() -> list[list[int]]:
        return [[int(each.name) for each in versions.versions(at)] for at in folders]

    assert versions.trim(folders, 9 * one) == []
    versions.trim(folders, int(7.5 * one))
    assert numbers() == [[2, 3, 4], [1, 2, 3, 4]]
    versions.trim(folders, 0)
    assert numbers() == [[2, 3], [3, 4]]
    assert verify(current(tmp_path)).version == tiny_model(SYMBOL, seed=2).version


def test_published_lists_coins(tmp_path: Path) -> None:
    publish(tiny_model("ETHUSDT"), tmp_path)
    publish(tiny_model(SYMBOL), tmp_path)
    assert published(tmp_path) == [("BTCUSDT", "15m"), ("ETHUSDT", "15m")]
    assert published(tmp_path / "nothing") == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda meta: meta.update(format=3), "format"),
        (lambda meta: meta.update(surprise=1), "surprise"),
        (lambda meta: meta.pop("temperature"), "temperature"),
        (lambda meta: meta.update(schema_hash="0" * 64), "made for features"),
        (lambda meta: meta.update(feature_set="per_coin_v9"), "unknown feature set"),
        (lambda meta: meta.update(family="oracle_v1"), "unknown family"),
        (lambda meta: meta.update(size="vast"), "unknown size"),
        (lambda meta: meta["label"].update(rule="by_hand"), "label"),
        (lambda meta: meta.update(symbol="ETHUSDT"), "holds the model of ETHUSDT"),
        (lambda meta: meta.update(version="cnn_lstm_v1+00000000"), "is not of these weights"),
        (lambda meta: meta["sha256"].update({"../x": "0"}), "no name of a file"),
        (lambda meta: meta["sha256"].pop("trailing.json"), "does not name trailing.json"),
        (lambda meta: meta["sha256"].pop("cnn_lstm_v1.pth"), "is missing"),
        (lambda meta: meta.update(window_bars=12), "reads 8 bars, not 12"),
    ],
)
def test_a_meta_that_says_otherwise_is_refused(
    tmp_path: Path, change: Callable[[dict[str, object]], None], reason: str
) -> None:
    publish(tiny_model(SYMBOL), tmp_path)
    rewritten(tmp_path, change)
    with pytest.raises(ModelIncompatible, match=reason):
        load(current(tmp_path), SYMBOL, "15m")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_meta_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    publish(tiny_model(SYMBOL), tmp_path)
    (current(tmp_path) / "meta.json").write_bytes(content)
    with pytest.raises(ModelIncompatible, match=r"meta\.json"):
        load(current(tmp_path), SYMBOL, "15m")


@pytest.mark.parametrize("name", ["cnn_lstm_v1.pth", "metrics.json", "trailing.json"])
def test_files_that_are_cut_or_gone_are_refused(tmp_path: Path, name: str) -> None:
    publish(tiny_model(SYMBOL), tmp_path)
    path = current(tmp_path) / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelIncompatible, match=rf"{name} is not what meta.json says"):
        load(current(tmp_path), SYMBOL, "15m")
    path.unlink()
    with pytest.raises(ModelIncompatible, match=rf"{name} cannot be read"):
        load(current(tmp_path), SYMBOL, "15m")
    (current(tmp_path) / "meta.json").unlink()
    with pytest.raises(ModelMissing, match=r"has no meta\.json"):
        load(current(tmp_path), SYMBOL, "15m")


@pytest.mark.parametrize("resealed", [False, True])
@pytest.mark.parametrize("name", ["cnn_lstm_v1.pth", "cnn_lstm_best.pth"])
def test_weights_that_would_run_code_never_run_it(
    tmp_path: Path, name: str, resealed: bool
) -> None:
    publish(tiny_model(SYMBOL), tmp_path)
    marker = tmp_path / "ran"
    path = current(tmp_path) / name
    path.write_bytes(pickle.dumps(Payload(marker)))
    if resealed:
        reseal(tmp_path, name)
    with pytest.raises(ModelIncompatible):
        load(current(tmp_path), SYMBOL, "15m")
    assert not marker.exists()
    pickle.loads(path.read_bytes())
    assert marker.exists(), "the payload would have run"


def test_a_scaler_that_would_run_code_is_never_opened(tmp_path: Path) -> None:
    publish(tiny_model(SYMBOL), tmp_path)
    marker = tmp_path / "ran"
    (current(tmp_path) / "scaler.pkl").write_bytes(pickle.dumps(Payload(marker)))
    reseal(tmp_path, "scaler.pkl")
    assert load(current(tmp_path), SYMBOL, "15m").version == tiny_model(SYMBOL).version
    assert not marker.exists()


def reseal(models: Path, name: str) -> None:
    digest = hashlib.sha256((current(models) / name).read_bytes()).hexdigest()
    rewritten(models, lambda meta: meta["sha256"].update({name: digest}))  # type: ignore[attr-defined]  # a JSON object
