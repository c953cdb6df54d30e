"""What every family of models must do, whatever it is made of and whatever the label."""

from collections.abc import Callable, Generator
from typing import TypeVar

import numpy as np
import pytest

from crypto_bot.domain.errors import ConfigError, ModelIncompatible, NotEnoughData
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import LabelSpec
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.checkpoint_store import UNSAVED, EpochReport
from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.family import Capabilities, Examples, Family, StackedFit
from crypto_bot.models.families.lightgbm import LightGbmSettings
from crypto_bot.models.families.logistic import LogisticSettings
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, direction_score, move_logit
from tests.models.made_specs import made_spec

BARS, FIRST, LAST = 6_000, 100, 5_000
A = LABELS.get("A")
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
}
Make = Callable[..., Family]
T = TypeVar("T")


def test_every_family_is_tried_here() -> None:
    assert set(SETTINGS) == set(FAMILIES.names())


@pytest.fixture(params=list(SETTINGS))
def make(request: pytest.FixtureRequest) -> Make:
    name: str = request.param

    def made(seed: int, label: LabelSpec = A) -> Family:
        columns = (0, 1, 2, 3)
        spec = made_spec(name, columns, columns, size=size_of(name), label=label)
        return FAMILIES.get(name)(spec, SETTINGS[name], seed)

    return made


def size_of(name: str) -> str:
    return "tiny" if name == "cnn_lstm_v1" else "default"


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


def test_learns_whether_it_moves_and_which_way(make: Make) -> None:
    fit, validation = market()
    p = make(1).fit(fit, validation).predict_proba(validation.features, validation.ends)
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
def test_other_labels_are_learned_or_declined(make: Make, label: LabelSpec) -> None:
    try:
        family = make(1, label)
    except ConfigError:
        return
    fit, validation = market(label)
    fitted = family.fit(fit, validation)
    p = fitted.predict_proba(validation.features, validation.ends)
    assert p.shape == (validation.ends.size, len(label.classes))
    assert np.allclose(p.sum(axis=1), 1.0, atol=1e-12)
    shares = np.bincount(validation.labels) / validation.labels.size
    assert abs(p.mean(axis=0) - shares).max() < 0.04
    chosen = p[np.arange(validation.labels.size), validation.labels]
    assert -np.log(chosen).mean() < 0.95 * -(shares * np.log(shares)).sum()
    again = make(2, label).load(fitted.files())
    assert np.array_equal(again.predict_proba(validation.features, validation.ends), p)


def test_the_same_seed_gives_the_same_model(make: Make) -> None:
    fit, validation = market()
    assert make(3).fit(fit, validation).files() == make(3).fit(fit, validation).files()


def test_what_is_stored_predicts_to_the_bit(make: Make) -> None:
    fit, validation = market()
    fitted = make(1).fit(fit, validation)
    loaded = make(2).load(fitted.files())
    assert np.array_equal(
        fitted.predict_proba(validation.features, validation.ends),
        loaded.predict_proba(validation.features, validation.ends),
    )


def test_a_row_is_predicted_alike_alone_and_in_company(make: Make) -> None:
    fit, validation = market()
    fitted = make(1).fit(fit, validation)
    together = fitted.predict_proba(validation.features, validation.ends[:20])
    for number, end in enumerate(validation.ends[:20]):
        alone = fitted.predict_proba(validation.features, np.array([end]))
        assert alone[0] == pytest.approx(together[number], abs=1e-5)


def test_nothing_after_a_row_is_read(make: Make) -> None:
    fit, validation = market()
    fitted = make(1).fit(fit, validation)
    ends = validation.ends[:20]
    blinded = validation.features.copy()
    blinded[ends[-1] + 1 :] = 1e6
    assert np.array_equal(
        fitted.predict_proba(validation.features, ends), fitted.predict_proba(blinded, ends)
    )


@pytest.mark.parametrize("part", ["fit", "validation"])
def test_a_missing_class_is_not_enough_data(make: Make, part: str) -> None:
    parts = dict(zip(("fit", "validation"), market(), strict=True))
    kept = parts[part].labels != SHORT
    parts[part] = parts[part].where(kept)
    with pytest.raises(NotEnoughData, match=f"the {part} rows have no SHORT among {kept.sum()}"):
        make(1).fit(parts["fit"], parts["validation"])


def test_damaged_files_are_refused(make: Make) -> None:
    files = make(1).fit(*market()).files()
    with pytest.raises(ModelIncompatible):
        make(1).load({})
    for name, content in files.items():
        for damaged in (b"", content[: len(content) // 2], content[:-9], b"\x80\x04N." + content):
            with pytest.raises(ModelIncompatible):
                make(1).load({**files, name: damaged})


def test_a_fit_starts_from_a_model_where_the_family_says_so(make: Make) -> None:
    family, (fit, validation) = make(1), market()
    if not family.capabilities.starts_from_model:
        return
    files = family.fit(fit, validation).files()
    assert family.fit(fit, validation, start=files).files() != files


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
def test_a_killed_fit_resumes_to_the_same_bits(make: Make, epochs: int) -> None:
    family = make(1)
    if not family.capabilities.resumes:
        return
    parts, store = market(), Kept(epochs)
    with pytest.raises(Killed):
        family.fit(*parts, checkpoints=store)
    assert family.fit(*parts, checkpoints=store).files() == family.fit(*parts).files()


def test_fits_that_are_stacked_give_the_models_of_each_alone(make: Make) -> None:
    family = make(1)
    stacking = family.capabilities.stacks
    if stacking is None:
        return
    fit, validation = market()
    halves = [fit.where(fit.ends < 2_500), fit.where(fit.ends >= 2_500)]
    steps = stacking.fit([StackedFit(family, half, validation, None, UNSAVED) for half in halves])
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
