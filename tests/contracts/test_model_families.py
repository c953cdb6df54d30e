"""What every family of models must do, whatever it is made of and whatever the label."""

from collections.abc import Generator
from dataclasses import replace
from functools import cache
from typing import TypeVar

import numpy as np
import pytest

from crypto_bot.domain.errors import ConfigError, ModelIncompatible, NotEnoughData
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import LabelSpec
from crypto_bot.features.sets import FeatureSet
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.ensemble.family import EnsembleSettings, Member
from crypto_bot.models.families.family import (
    Capabilities,
    Examples,
    Family,
    FittedModel,
    Origin,
    StackedFit,
)
from crypto_bot.models.families.forest import ForestSettings
from crypto_bot.models.families.lightgbm import LightGbmSettings
from crypto_bot.models.families.logistic import LogisticSettings
from crypto_bot.models.families.nets.lstm import LstmSettings
from crypto_bot.models.families.nets.transformer import TransformerSettings
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, direction_score, move_logit
from tests.models.made_specs import made_spec, names

BARS, FIRST, LAST = 6_000, 100, 5_000
A = LABELS.get("A")
COLUMNS = FeatureSet(
    name="made",
    version=1,
    columns=names(range(4)),
    warm_up_limit=1,
    history_bars=1,
    new_memory=print,
    advance=print,
)
MOVES = LabelSpec("moves", "made", Horizon(4), (1.0,), classes=("stays", "moves"))
SIZES = LabelSpec("sizes", "made", Horizon(4), (1.0,), classes=("none", "small", "large", "huge"))
SETTINGS: dict[str, object] = {
    "lightgbm_v1": LightGbmSettings(
        up_rounds=60, move_rounds=100, min_rows_in_leaf=50, learning_rate=0.1
    ),
    "logistic_v1": LogisticSettings(inverse_penalty=1.0),
    "cnn_lstm_v1": NetSettings(
        epochs=5, up_epochs=5, batch_size=64, learning_rate=5e-3, dropout=0.0, device="cpu"
    ),
    "lstm_v1": LstmSettings(
        epochs=8,
        batch_size=128,
        learning_rate=2e-2,
        rate="cosine",
        dropouts=(0.1, 0.0, 0.0, 0.0),
        device="cpu",
    ),
    "transformer_v1": TransformerSettings(
        epochs=8, batch_size=128, learning_rate=1e-2, dropout=0.02, device="cpu"
    ),
    "forest_v1": ForestSettings(trees=40, depth=8, min_rows_in_leaf=40),
}
SETTINGS["ensemble_v1"] = EnsembleSettings(
    (
        Member("lightgbm", settings=SETTINGS["lightgbm_v1"]),
        Member("cnn_lstm", settings=SETTINGS["cnn_lstm_v1"]),
    )
)
WITHOUT_DIRECTION = EnsembleSettings(
    (
        Member("lightgbm", settings=SETTINGS["lightgbm_v1"]),
        Member("logistic", settings=SETTINGS["logistic_v1"], weight=2.0),
    ),
    weights="learned",
)
"""The ensemble of labels that the CNN-LSTM cannot learn."""
WINDOW_BARS = {"lstm_v1": 2, "transformer_v1": 2}
"""Of those that take long to find out that the newest bar alone matters; of the others 16."""
T = TypeVar("T")


def test_every_family_is_tried_here() -> None:
    assert set(SETTINGS) == set(FAMILIES.names())


@pytest.fixture(params=list(SETTINGS))
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def made(name: str, seed: int = 1, label: LabelSpec = A) -> Family:
    kind, columns = FAMILIES.get(name), range(4)
    spec = made_spec(name, columns, columns, size="tiny", label=label)
    settings = SETTINGS[name]
    if name == "ensemble_v1" and label.three_way is None:
        settings = WITHOUT_DIRECTION
    reads, bars = kind.reads(COLUMNS, label, settings), WINDOW_BARS.get(name, 16)
    return kind(replace(spec, reads=reads, window_bars=bars), settings, seed)


@cache
def fitted(name: str, label: LabelSpec = A) -> FittedModel:
    """Of seed 1 on `market`; tests that need no fit of their own share it."""
    return made(name, 1, label).fit(*market(label))


@cache
def market(label: LabelSpec = A, seed: int = 0) -> tuple[Examples, Examples]:
    """Column 0 says whether it moves, column 1 which way; both early, validation later."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((BARS, 4)).astype(np.float32)
    moved = rng.random(BARS) < 1.0 / (1.0 + np.exp(-1.5 * features[:, 0]))
    up = rng.random(BARS) < 1.0 / (1.0 + np.exp(-1.0 * features[:, 1]))
    labels = {
        A: np.where(moved, np.where(up, LONG, SHORT), NO_TRADE),
        MOVES: moved,
        SIZES: 2 * moved + up,
    }[label].astype(np.int64)
    ends = np.arange(FIRST, BARS)
    fit, validation = ends[ends < LAST], ends[ends >= LAST]
    return (
        Examples(features, fit, labels[fit], np.ones(fit.size)),
        Examples(features, validation, labels[validation], np.ones(validation.size)),
    )


def test_learns_whether_it_moves_and_which_way(name: str) -> None:
    _, validation = market()
    p = fitted(name).predict_proba(validation.features, validation.ends)
    x = validation.features[validation.ends]
    assert A.direction is not None
    assert np.corrcoef(move_logit(p, A.direction), x[:, 0])[0, 1] > 0.8
    assert np.corrcoef(direction_score(p, A.direction), x[:, 1])[0, 1] > 0.8
    assert p.shape == (validation.ends.size, 3)
    assert p.dtype == np.float64
    assert np.allclose(p.sum(axis=1), 1.0, atol=1e-12)
    assert (
        abs(p.mean(axis=0) - np.bincount(validation.labels) / validation.labels.size).max() < 0.04
    )


@pytest.mark.parametrize("label", [MOVES, SIZES], ids=["two classes", "four classes"])
def test_other_labels_are_learned_or_declined(name: str, label: LabelSpec) -> None:
    try:
        model = fitted(name, label)
    except ConfigError:
        return
    _, validation = market(label)
    p = model.predict_proba(validation.features, validation.ends)
    assert p.shape == (validation.ends.size, len(label.classes))
    assert np.allclose(p.sum(axis=1), 1.0, atol=1e-12)
    shares = np.bincount(validation.labels) / validation.labels.size
    assert abs(p.mean(axis=0) - shares).max() < 0.04
    chosen = p[np.arange(validation.labels.size), validation.labels]
    assert -np.log(chosen).mean() < 0.95 * -(shares * np.log(shares)).sum()
    again = made(name, 2, label).load(model.files())
    assert np.array_equal(again.predict_proba(validation.features, validation.ends), p)


def test_the_same_seed_gives_the_same_model(name: str) -> None:
    assert made(name).fit(*market()).files() == fitted(name).files()


def test_what_is_stored_predicts_to_the_bit(name: str) -> None:
    _, validation = market()
    loaded = made(name, 2).load(fitted(name).files())
    assert np.array_equal(
        fitted(name).predict_proba(validation.features, validation.ends),
        loaded.predict_proba(validation.features, validation.ends),
    )


def test_a_row_is_predicted_alike_alone_and_in_company(name: str) -> None:
    _, validation = market()
    together = fitted(name).predict_proba(validation.features, validation.ends[:20])
    for number, end in enumerate(validation.ends[:20]):
        alone = fitted(name).predict_proba(validation.features, np.array([end]))
        assert alone[0] == pytest.approx(together[number], abs=1e-5)


def test_nothing_after_a_row_is_read(name: str) -> None:
    _, validation = market()
    model = fitted(name)
    ends = validation.ends[:20]
    blinded = validation.features.copy()
    blinded[ends[-1] + 1 :] = 1e6
    assert np.array_equal(
        model.predict_proba(validation.features, ends), model.predict_proba(blinded, ends)
    )


@pytest.mark.parametrize("part", ["fit", "validation"])
def test_a_missing_class_is_not_enough_data(name: str, part: str) -> None:
    parts = dict(zip(("fit", "validation"), market(), strict=True))
    kept = parts[part].labels != SHORT
    parts[part] = parts[part].where(kept)
    with pytest.raises(NotEnoughData, match=f"the {part} rows have no SHORT among {kept.sum()}"):
        made(name).fit(parts["fit"], parts["validation"])


def test_damaged_files_are_refused(name: str) -> None:
    files = fitted(name).files()
    with pytest.raises(ModelIncompatible):
        made(name).load({})
    read = {
        file: held for file, held in files.items() if file not in made(name).capabilities.unread
    }
    for file, content in read.items():
        for damaged in (b"", content[: len(content) // 2], content[:-9], b"\x80\x04N." + content):
            with pytest.raises(ModelIncompatible):
                made(name).load({**files, file: damaged})


def test_a_fit_starts_from_a_model_where_the_family_says_so(name: str) -> None:
    family = made(name)
    if not family.capabilities.starts_from_model:
        return
    tuned = family.fit(*market(), Origin(fitted(name).files())).curves
    first = {curve: losses[0] for curve, losses in fitted(name).curves.items() if "fit" in curve}
    assert first
    assert all(tuned[curve][0] < loss for curve, loss in first.items())


def test_what_a_family_can_do_in_words() -> None:
    able = Capabilities(resumes=True, exports=("onnx", "c"), updates=True)
    assert able.words == "resumes a killed fit, exports to onnx, c, updates row by row"
    assert Capabilities().words == "fits and predicts"


class Killed(Exception):
    """In the middle of a fit."""


class Kept:
    """A checkpoint store whose owner is killed once, after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.content: bytes | None = None
        self.left = epochs

    def load(self) -> bytes | None:
        return self.content

    def save(self, content: bytes) -> None:
        self.content = content

    def report(self, report: EpochReport) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


@pytest.mark.parametrize("epochs", [1, 7])
def test_a_killed_fit_resumes_to_the_same_bits(name: str, epochs: int) -> None:
    family = made(name)
    if not family.capabilities.resumes:
        return
    parts, store = market(), Kept(epochs)
    with pytest.raises(Killed):
        family.fit(*parts, Origin(checkpoints=store))
    assert family.fit(*parts, Origin(checkpoints=store)).files() == fitted(name).files()


def test_fits_that_are_stacked_give_the_models_of_each_alone(name: str) -> None:
    family = made(name)
    stacking = family.capabilities.stacks
    if stacking is None:
        return
    fit, validation = market()
    halves = [fit.where(fit.ends < 2_500), fit.where(fit.ends >= 2_500)]
    steps = stacking.fit([StackedFit(family, half, validation) for half in halves])
    found = ended(steps)
    models = []
    for half, one in zip(halves, found, strict=True):
        assert not isinstance(one, Exception)
        alone = family.fit(half, validation)
        expected = alone.predict_proba(validation.features, validation.ends)
        got = one.predict_proba(validation.features, validation.ends)
        assert got == pytest.approx(expected, abs=1e-3)
        models.append(family.load(one.files()))
    rows = np.stack([validation.features[200:216], validation.features[300:316]])
    expected = np.stack(
        [
            model.predict_proba(own, np.array([15]))[0]
            for model, own in zip(models, rows, strict=True)
        ]
    )
    stack = stacking.serve(models, "cpu")
    stack.prepare(np.ascontiguousarray(rows[:, :-1]))
    got = stack.predict_proba(np.ascontiguousarray(rows[:, -1]))
    assert got == pytest.approx(expected, abs=1e-5)


def ended(steps: Generator[None, None, T]) -> T:
    """What a generator returns when it has come to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
