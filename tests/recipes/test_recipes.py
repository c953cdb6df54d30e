"""Recipes: what is asked of a run, what is refused and in which words, what flags replace."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crypto_bot.app.commands.flags import Parser
from crypto_bot.app.training.flags import asked_recipe, training_parser
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.family import FitOptions
from crypto_bot.models.families.registered import FAMILIES, FamilyChoice
from crypto_bot.recipes import shipped
from crypto_bot.recipes.plans import folder_for, plan_of, question_of
from crypto_bot.recipes.recipe import Recipe, recipe_from
from crypto_bot.training.panel import Question
from crypto_bot.training.plan import Shares, SplitPlan, TrainingPlan

QUARTER = Timeframe.parse("15m")
TOY = """
name = "toy"
title = "Two labels"
timeframe = "1h"
features = "per_coin_v1"
window_bars = 16
serves = "logistic"
rules = ["majority", "persistence", "climatology"]
learn = "pool"
source = "TOY"

[[outputs]]
horizon = "4b"
label = "A"
split = { kind = "shares", fit = 0.6, validation = 0.2, test = 0.2 }

[[outputs]]
horizon = "3b"
label = "fixed"
split = { kind = "walk_forward", folds = 1 }

[[families]]
name = "logistic"
settings = { inverse_penalty = 0.5 }
"""


def planned(recipe: Recipe, timeframe: Timeframe = QUARTER, output: int = 0) -> TrainingPlan:
    asked = recipe.outputs[output]
    question = question_of(recipe, asked, timeframe)
    return plan_of(*(recipe, asked, question, ("BTCUSDT",)), device="cpu", seed=3, cost_bps=10.0)


def by_flags(*words: str, learn: str = "pool_then_each") -> Recipe:
    parser: Parser = training_parser("train", "")
    return asked_recipe(parser.parse_args(words), learn)


def test_the_default_recipe_is_the_system_that_is_described() -> None:
    recipe = by_flags()
    options = FitOptions(50, 512, 1e-3, "cpu")
    assert recipe.outputs[0].horizon == "4b"
    assert question_of(recipe, recipe.outputs[0], QUARTER) == Question(
        QUARTER, feature_set("per_coin_v2"), LABELS.get("A"), 16
    )
    plan = planned(recipe)
    assert plan == TrainingPlan(
        ("BTCUSDT",),
        FamilyChoice("ensemble_v1", "default", plan.family.settings),
        pooled=True,
        tuning=plan.tuning,
        splits=SplitPlan(),
        seed=3,
        compared=(),  # the members are measured in any case
    )
    for settings, fine_tuning in ((plan.family.settings, False), (plan.tuning, True)):
        assert {member.known_as: member.settings for member in settings.members} == {
            name: FAMILIES.get(kind).settings_for(options, fine_tuning=fine_tuning)
            for name, kind in (
                *((name, "cnn_lstm_v1") for name in ("cnn_lstm", "cnn_lstm_2")),
                ("logistic", "logistic_v1"),
                ("lightgbm_two_head", "lightgbm_v1"),
            )
        }
        shares = settings.shares
        assert shares["lightgbm_two_head"] == pytest.approx((0.5, 0.33, 1.0))
        assert shares["logistic"] == pytest.approx((0.0, 0.33, 1.0))
        assert shares["cnn_lstm_2"] == pytest.approx((0.25, 0.17, 1.0))
        fixed = [member.known_as for member in settings.members if not member.tuned]
        assert fixed == ["cnn_lstm_2"]
    assert planned(by_flags(learn="each")).pooled is False
    assert folder_for(Path("models"), recipe, recipe.outputs[0]) == Path("models")


def test_flags_replace_what_the_recipe_says() -> None:
    flags = ("--epochs", "3", "--lr", "0.5", "--folds", "2", "--pool", "0")
    plan = planned(by_flags("--family", "cnn_lstm", *flags))
    assert [name for name, _ in plan.compared] == ["logistic", "lightgbm_two_head"]
    assert isinstance(plan.family.settings, NetSettings)
    assert (plan.family.settings.epochs, plan.family.settings.learning_rate) == (3, 0.5)
    assert (plan.splits, plan.pooled, plan.tuning) == (SplitPlan(2), False, None)
    plan = planned(by_flags("--family", "lightgbm", "--size", "default"))
    assert (plan.family.name, plan.tuning) == ("lightgbm_v1", None)
    assert [name for name, _ in plan.compared] == ["logistic", "lightgbm_two_head"]
    recipe = by_flags("--label", "fixed", "--features", "per_coin_v1", "--window_bars", "20")
    (output,) = recipe.outputs
    assert (output.horizon, recipe.features, recipe.window_bars) == ("3b", "per_coin_v1", 20)


def test_a_file_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(TOY)
    recipe = shipped.recipe(str(path))
    plan = planned(recipe, Timeframe.parse("1h"))
    assert plan.splits == Shares(0.6, 0.2, 0.2)
    assert (plan.pooled, plan.tuning, plan.recipe) == (True, None, "toy")
    assert plan.family.settings.inverse_penalty == 0.5
    folder = folder_for(Path("models"), recipe, recipe.outputs[1])
    assert folder == Path("models/recipes/toy/3b")


def _with(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda held: held.update(changes)


def _output(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda held: held["outputs"][0].update(changes)


def _family(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda held: held["families"][0].update(changes)


def _weighted(*weights: float) -> list[dict[str, object]]:
    names = ("logistic", "lightgbm")
    return [{"name": name, "weight": w} for name, w in zip(names, weights, strict=False)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_with(colour="red"), "toy: unknown key colour"),
        (_family(colour="red"), "toy: unknown key families.0.colour"),
        (_with(features="funny"), "toy: unknown feature set 'funny': use one of per_coin_v1"),
        (_family(name="svm"), "toy: unknown family 'svm': use one of cnn_lstm"),
        (_with(serves="lightgbm"), "toy: serves lightgbm: it is none of the families logistic"),
        (_with(rules=["luck"]), "toy: unknown rule 'luck': use one of majority"),
        (_with(timeframe="7m"), "toy: unknown timeframe '7m'"),
        (_output(horizon="7d"), "toy: horizon 7d: label A looks 4b ahead"),
        (_output(horizon="soon"), "toy: 'soon' is no horizon"),
        (_output(label="C"), "toy: unknown label 'C'"),
        (_output(horizon="3b", label="fixed"), "toy: outputs: named more than once: 3b"),
        (
            _output(split={"kind": "shares", "fit": 0.9}),
            "toy: the shares of a split sum to 1.2, not to 1",
        ),
        (_output(split={"kind": "luck"}), "toy: outputs.0.split = {'kind': 'luck'}"),
        (_with(window_bars="many"), "toy: window_bars = 'many'"),
        (_with(beside=[{"name": "lightgbm"}] * 2), "toy: names of what is compared: named more"),
        (
            _with(serves="ensemble", families=_weighted(0.5, 0.4)),
            "toy: the weights of the families sum to 0.9, not to 1",
        ),
        (
            _with(
                serves="ensemble",
                families=_weighted(0.5, 0.5),
                beside=[{"name": "forest", "weight": 0.0, "direction_weight": 0.5}],
            ),
            "toy: the direction weights of the families sum to 1.5, not to 1",
        ),
        (
            _with(serves="ensemble", families=_weighted(1.0)),
            "toy: serves ensemble: two or more families need a weight",
        ),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(
    change: Callable[[dict[str, Any]], None], expected: str
) -> None:
    held = tomllib.loads(TOY)
    change(held)
    with pytest.raises(ConfigError) as refused:
        recipe_from(held, "toy")
    assert str(refused.value).startswith(expected)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"trees": 3}, "family logistic: unknown setting 'trees': use one of inverse_penalty"),
        ({"inverse_penalty": "big"}, "family logistic: inverse_penalty = 'big'"),
    ],
)
def test_settings_of_a_family_are_checked(settings: dict[str, object], expected: str) -> None:
    held = tomllib.loads(TOY)
    held["families"][0]["settings"] = settings
    with pytest.raises(ConfigError, match=expected):
        planned(recipe_from(held, "toy"), Timeframe.parse("1h"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("nowhere", None, "unknown recipe 'nowhere': use one of per_coin"),
        ("gone.toml", None, "No such file"),
        ("bad.toml", "name = ", "bad.toml is not TOML"),
        ("own.toml", TOY.replace('"toy"', '"per_coin"'), "is that of a shipped recipe"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: str | None, expected: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=expected):
        shipped.recipe(name if content is None else str(path))


def test_an_ensemble_is_made_of_the_families_with_weights() -> None:
    plan = planned(shipped.recipe("mtf_ensemble"))
    assert plan.family.name == "ensemble_v1"
    settings = plan.family.settings
    weights = {name: share.weight for name, share in settings.shares.items()}
    assert weights == {"transformer": 0.5, "lstm": 0.3, "forest": 0.2}
    assert settings.members[1].settings.batch_size == 128
    assert [name for name, _ in plan.compared] == ["logistic", "lightgbm"]
    alone = planned(by_flags("--recipe", "mtf_ensemble", "--family", "lstm"))
    assert alone.family.name == "lstm_v1"
    assert alone.family.settings.step_bars == 4
    assert {"transformer", "forest"} < {name for name, _ in alone.compared}


def test_inputs_that_the_features_do_not_read_are_refused() -> None:
    recipe = recipe_from({**tomllib.loads(TOY), "inputs": ["moon"]}, "toy")
    with pytest.raises(ConfigError, match="inputs moon: features per_coin_v1 do not read them"):
        planned(recipe, Timeframe.parse("1h"))


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_recipe_can_be_planned(name: str) -> None:
    recipe = shipped.recipe(name)
    timeframe = Timeframe.parse(recipe.timeframe or "15m")
    assert recipe.name == name
    for output in range(len(recipe.outputs)):
        assert planned(recipe, timeframe, output).recipe == name
