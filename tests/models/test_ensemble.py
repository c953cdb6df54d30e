"""The ensemble: its weights, what its members learn from, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.errors import (
    ConfigError,
    ModelIncompatible,
    NotEnoughData,
)
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.features.sets import FeatureSet
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.beside import to_the_end
from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.ensemble.family import (
    EnsembleFamily,
    EnsembleSettings,
    EnsembleStacking,
    Member,
)
from crypto_bot.models.families.ensemble.model import FittedEnsemble
from crypto_bot.models.families.ensemble.weights import learned_weights
from crypto_bot.models.families.family import Examples, FitOptions, Origin, StackedFit
from crypto_bot.models.families.lightgbm import LightGbmFamily, LightGbmSettings
from crypto_bot.models.families.logistic import LogisticFamily, LogisticSettings
from crypto_bot.models.scaling import scale_of
from crypto_bot.models.spec import Scaler
from crypto_bot.statistics.rows import direction_score, move_logit
from tests.models.made_specs import made_spec, names

A = LABELS.get("A")
FEATURES = FeatureSet(
    name="made",
    version=1,
    columns=names(range(3)),
    warm_up_limit=1,
    history_bars=1,
    new_memory=print,
    advance=print,
)
TREES = Member(
    "lightgbm", 3.0, settings=LightGbmSettings(move_rounds=10, up_rounds=5, min_rows_in_leaf=5)
)
NET = NetSettings(epochs=1, up_epochs=1, batch_size=64, device="cpu")
LINEAR = Member("logistic", 1.0, settings=LogisticSettings())


def family(*members: Member, weights: str = "fixed") -> EnsembleFamily:
    settings = EnsembleSettings(members, weights)  # type: ignore[arg-type]
    reads = EnsembleFamily.reads(FEATURES, A, settings)
    made = made_spec("ensemble_v1", range(3), range(3), size="tiny", window_bars=8)
    return EnsembleFamily(replace(made, reads=reads), settings, 1)


def market() -> tuple[Examples, Examples]:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((900, 3)).astype(np.float32)
    labels = (rng.random(900) * 2 + (features[:, 0] > 0)).astype(np.int64)
    ends = np.arange(20, 900)
    whole = Examples(features, ends, labels[ends], np.full(ends.size, 0.25))
    return whole.where(ends < 700), whole.where(ends >= 700)


def test_it_answers_the_mean_of_members_that_learned_as_they_would_alone() -> None:
    fit, validation = market()
    ensemble = family(TREES, replace(LINEAR, direction_weight=9.0))
    fitted = ensemble.fit(fit, validation)
    assert [(part.name, *part.share[:2]) for part in fitted.parts] == [
        *[("lightgbm", 0.75, 0.25), ("logistic", 0.25, 0.75)]
    ]
    specs = {part.name: part.spec for part in fitted.parts}
    trees = LightGbmFamily(specs["lightgbm"], TREES.settings, 1).fit(fit, validation)
    linear = LogisticFamily(specs["logistic"], LINEAR.settings).fit(fit.apart(4), validation)
    rows = validation.features, validation.ends
    own = {"lightgbm": trees.predict_proba(*rows), "logistic": linear.predict_proba(*rows)}
    for name, member in fitted.members.items():
        assert np.array_equal(member.predict_proba(*rows), own[name])
    found = fitted.predict_proba(*rows)
    move = {name: move_logit(p, DOWN_NEUTRAL_UP) for name, p in own.items()}
    expected = 0.75 * move["lightgbm"] + 0.25 * move["logistic"]
    assert move_logit(found, DOWN_NEUTRAL_UP) == pytest.approx(expected, abs=1e-6)
    up = {name: direction_score(p, DOWN_NEUTRAL_UP) for name, p in own.items()}
    spread = 0.25 * up["lightgbm"].std() + 0.75 * up["logistic"].std()
    expected = 0.25 * up["lightgbm"] / up["lightgbm"].std()
    expected += 0.75 * up["logistic"] / up["logistic"].std()
    assert direction_score(found, DOWN_NEUTRAL_UP) == pytest.approx(spread * expected, abs=1e-6)


def test_rows_a_horizon_apart_are_taken_in_full_within_each_coin() -> None:
    ends = np.array([3, 4, 5, 6, 9, 2, 3, 7])
    features = np.zeros((10, 1), np.float32)
    found = Examples(features, ends, np.arange(8), np.full(8, 0.5)).apart(3)
    assert found.ends.tolist() == [3, 6, 9, 2, 7]
    assert found.labels.tolist() == [0, 3, 4, 5, 7]
    assert found.weights.tolist() == [1.0] * 5


def test_learned_weights_have_the_lowest_loss_and_are_drawn_towards_equal_ones() -> None:
    rng = np.random.default_rng(0)
    p, mass = rng.uniform(0.1, 0.6, (2, 500)), rng.uniform(0.2, 1.0, 500)
    p[0] += 0.05

    def loss(first: float) -> float:
        return float(-(mass * np.log(first * p[0] + (1.0 - first) * p[1])).sum())

    grid = np.linspace(0.0, 1.0, 2001)
    best = grid[np.argmin([loss(each) for each in grid])]
    assert 0.5 < best < 1.0
    assert learned_weights(p, mass, 0.0)[0] == pytest.approx(best, abs=1e-3)
    drawn = [learned_weights(p, mass, rows)[0] for rows in (0.0, 200.0, 1e9)]
    assert drawn[0] > drawn[1] > drawn[2] == pytest.approx(0.5, abs=1e-6)


def test_learned_weights_are_stored() -> None:
    ensemble = family(replace(TREES, weight=1.0), LINEAR, weights="learned")
    fitted = ensemble.fit(*market())
    shares = [part.share for part in fitted.parts]
    assert [share.weight for share in shares] != [0.5, 0.5]
    assert [part.share for part in ensemble.load(fitted.files()).parts] == shares


def test_a_member_that_is_not_fitted_further_stays_as_it_is_and_is_held_once() -> None:
    second = Member("cnn_lstm", settings=NET, name="second", tuned=False)
    ensemble = family(Member("cnn_lstm", settings=NET), second, TREES)
    begun = ensemble.fit(*market()).files()
    fit, validation = market()
    tuned = ensemble.fit(fit.where(fit.ends < 400), validation, Origin(begun)).files()
    assert {name for name in begun if tuned[name] != begun[name]} == {"cnn_lstm.cnn_lstm_v1.pth"}
    assert "cnn_lstm.cnn_lstm_best.pth" not in begun
    pool, coin = (ensemble.load(files).members for files in (begun, tuned))
    assert {name for name in pool if pool[name] is coin[name]} == {"second", "lightgbm"}


def test_several_are_fitted_together_as_each_is_alone() -> None:
    ensemble = family(Member("cnn_lstm", settings=NET), TREES, LINEAR)
    fit, validation = market()
    parts = [fit, fit.where(fit.ends < 500)]
    asked = [StackedFit(ensemble, part, validation) for part in parts]
    asked.append(StackedFit(ensemble, fit.where(fit.labels == 1), validation))
    *good, bad = to_the_end(EnsembleStacking().fit(asked))
    assert isinstance(bad, NotEnoughData)
    for part, found in zip(parts, good, strict=True):
        assert isinstance(found, FittedEnsemble)
        alone, files = ensemble.fit(part, validation), found.files()
        others = {name for name in files if not name.startswith(("cnn_lstm", "ensemble"))}
        assert others == {
            "lightgbm.trees_move.txt",
            "lightgbm.trees_up.txt",
            "logistic.logistic.json",
        }
        assert {name: files[name] for name in others} == {n: alone.files()[n] for n in others}
        rows = validation.features, validation.ends
        assert found.predict_proba(*rows) == pytest.approx(alone.predict_proba(*rows), abs=1e-5)


def test_a_scaler_is_that_of_every_member_that_scales() -> None:
    fit, validation = market()
    net = Member("cnn_lstm", 1.0, size="tiny", settings=NET)
    fitted = family(TREES, net).fit(fit, validation)
    mean, scale = (tuple(each.tolist()) for each in scale_of(fit.features, fit.ends, np.arange(3)))
    assert fitted.is_scaled_by(Scaler(mean, scale))
    assert not fitted.is_scaled_by(Scaler(mean, (2.0, *scale[1:])))


def test_a_user_who_names_no_members_gets_the_network_and_the_trees_at_one_half_each() -> None:
    settings = EnsembleFamily.settings_for(FitOptions(epochs=7, device="cpu"))
    assert settings.shares == {"cnn_lstm": (0.5, 0.5, 1.0), "lightgbm": (0.5, 0.5, 1.0)}
    assert settings.members[0].settings.up_epochs == 7


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ((TREES,), "two or more members"),
        ((TREES, replace(TREES, weight=2.0)), "each with a name of its own"),
        ((TREES, Member("ensemble")), "cannot be a member of an ensemble"),
        ((TREES, replace(LINEAR, weight=0.0)), "weight 0.0 of logistic: use one above 0"),
        ((TREES, replace(LINEAR, name="a.b")), "member 'a.b'"),
        ((TREES, Member("svm")), "unknown family 'svm'"),
        (
            (replace(TREES, direction_weight=0.0), replace(LINEAR, direction_weight=0.0)),
            "no member has a weight above 0 of which way",
        ),
    ],
)
def test_members_that_make_no_ensemble_are_refused(
    members: tuple[Member, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        EnsembleSettings(members)


def test_weights_and_members_other_than_those_of_the_spec_are_refused() -> None:
    ensemble = family(TREES, LINEAR)
    files = ensemble.fit(*market()).files()
    held = json.loads(files["ensemble.json"])
    for change in (
        {"weight": 0.9},
        {"weight": -0.25},
        {"name": "forest"},
        {"family": "oracle_v1"},
    ):
        other = [held["members"][0], held["members"][1] | change]
        content = json.dumps({"members": other}).encode()
        with pytest.raises(ModelIncompatible, match=r"ensemble\.json is missing, damaged"):
            ensemble.load({**files, "ensemble.json": content})
