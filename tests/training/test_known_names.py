"""What stands beside a model for people: known names, importance of columns, what it is beside."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import StringIO

import numpy as np
import pytest

from crypto_bot.domain.interval import Interval
from crypto_bot.models.artifact import EVALUATION
from crypto_bot.models.families.ensemble.family import EnsembleSettings, Member
from crypto_bot.models.families.family import Examples, Features, Model
from crypto_bot.models.families.lightgbm import LightGbmSettings
from crypto_bot.models.families.nets.lstm import LstmSettings
from crypto_bot.models.families.nets.transformer import TransformerSettings
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.training.baselines import CLIMATOLOGY, MAJORITY
from crypto_bot.training.importance import importance_of
from crypto_bot.training.judge import IMPORTANCE_FILE
from crypto_bot.training.known_names import stopped_early
from crypto_bot.training.pages import TableRow, forest, render
from crypto_bot.training.panel import Coin
from crypto_bot.training.plan import Compared, Shares
from tests.training.made_market import FEATURES, candles
from tests.training.made_runs import plan, trained

SUMMARY = {
    *("symbol", "status", "data_points", "features", "sequences", "train_samples", "val_samples"),
    *("test_samples", "best_val_loss", "best_val_accuracy", "test_loss", "test_accuracy"),
    *("test_bearish_accuracy", "test_neutral_accuracy", "test_bullish_accuracy"),
    *("epochs_trained", "early_stopped", "model_parameters", "timestamp"),
}
TREES = LightGbmSettings(up_rounds=5, move_rounds=5, min_rows_in_leaf=50)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """Of a coin that was judged by shares of its span, beside a rule and LightGBM."""
    asked = replace(
        plan(),
        family=FamilyChoice("logistic_v1"),
        splits=Shares(),
        rules=(MAJORITY, CLIMATOLOGY),
        compared=(Compared("lightgbm", FamilyChoice("lightgbm_v1", settings=TREES)),),
        importance_rows=40,
    )
    return trained([Coin("COIN0", candles(90, 0))], asked, tmp_path_factory.mktemp("run"))["COIN0"]


@pytest.mark.slow
def test_the_names_that_people_know_hold_what_was_measured(files: Mapping[str, bytes]) -> None:
    held = json.loads(files[EVALUATION])
    metrics = json.loads(files["metrics.json"])["coin"]
    assert set(held) == SUMMARY | {"honest"}
    own = metrics["model"]
    assert held["test_samples"] == own["rows"]
    assert held["test_accuracy"] == own["classes"]["accuracy"]["value"]
    assert held["test_loss"] == own["probabilities"]["log_loss"]["value"]
    confusion = np.array(own["classes"]["confusion"])
    for name, row, hit in zip(
        ("bearish", "neutral", "bullish"), confusion, confusion.diagonal(), strict=True
    ):
        assert held[f"test_{name}_accuracy"] == hit / row.sum()
    assert held["data_points"] == 24 * 90
    assert 0 < held["val_samples"] < held["train_samples"] < held["sequences"]
    assert (held["epochs_trained"], held["early_stopped"]) == (0, False)
    honest = held["honest"]
    assert honest["majority_accuracy"] == own["classes"]["majority"]
    assert set(honest["beside"]) == {MAJORITY, CLIMATOLOGY, "lightgbm"}
    assert honest["beside"]["lightgbm"]["gain_of_the_model"] == metrics["gains"]["lightgbm"]
    assert honest["test_folds"] == 1
    assert honest["verdict"] in {"LOW", "REJECTED"}  # one fold supports no claim


@pytest.mark.parametrize(("epochs", "early"), [((20, 7), True), ((20, 9), False)])
def test_an_ensemble_stopped_early_where_a_member_did(epochs: tuple[int, int], early: bool) -> None:
    members = (
        Member("transformer", settings=TransformerSettings(epochs=20)),
        Member("lstm", settings=LstmSettings(epochs=9)),
        Member("forest"),
    )
    curves = {
        f"{name}, validation": (1.0,) * count
        for name, count in zip(("transformer", "lstm"), epochs, strict=True)
    }
    assert stopped_early(EnsembleSettings(members), curves) is early


@pytest.mark.slow
def test_every_column_has_its_importance_for_every_family(files: Mapping[str, bytes]) -> None:
    rows = list(csv.DictReader(StringIO(files[IMPORTANCE_FILE].decode())))
    found = {(row["model"], row["measure"]): 0 for row in rows}
    for row in rows:
        found[row["model"], row["measure"]] += 1
    count = len(FEATURES.columns)
    assert found == {
        ("model", "permutation"): count,
        ("lightgbm", "permutation"): count,
        ("lightgbm", "gain"): count,
        ("lightgbm", "shap"): count,
    }
    gains = [float(row["value"]) for row in rows if row["measure"] == "gain"]
    assert sum(gains) == pytest.approx(1.0, abs=1e-3)


def test_a_page_escapes_what_it_is_given() -> None:
    plot = forest("<b>", [("<i>", Interval(0.1, 0.0, 0.2), None)], scale=1.0, chance=0.0)
    page = render(
        "run.html",
        **dict.fromkeys(("day", "trained", "facts", "command"), "<u>"),
        plots=[plot],
        heads=("<s>",),
        rows=[TableRow(("<q>",))],
    )
    for tag in "biusq":
        assert f"&lt;{tag}&gt;" in page
        assert f"<{tag}>" not in page


@dataclass(frozen=True)
class OneColumn:
    """P of the second class is the mean of one column over the last `bars` rows."""

    column: int
    bars: int = 3

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        rows = ends[:, None] + np.arange(1 - self.bars, 1)
        p = features[rows, self.column].mean(axis=1).astype(np.float64)
        return np.column_stack([1.0 - p, p])


@dataclass(frozen=True)
class Both:
    """The mean of its members."""

    members: Mapping[str, Model]

    @property
    def shares(self) -> dict[str, tuple[float, float]]:
        return dict.fromkeys(self.members, (1.0 / len(self.members),) * 2)

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        return self.mean_of({n: m.predict_proba(features, ends) for n, m in self.members.items()})

    def mean_of(self, answers: Mapping[str, Floats]) -> Floats:
        mean: Floats = np.mean(list(answers.values()), axis=0)
        return mean


def test_only_what_a_model_looks_at_matters_to_it() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200)
    features = np.full((600, 3), 0.5, np.float32)
    features[:, 0] = np.repeat(np.where(labels == 1, 0.9, 0.1), 3)
    features[:, 1] = rng.uniform(0.2, 0.8, 600)
    examples = Examples(features, np.arange(2, 600, 3), labels, np.ones(200))
    models = {"model": Both({"first": OneColumn(0), "second": OneColumn(1)})}
    found = {
        (each.model, each.column): each.value
        for each in importance_of(models, examples, ("shown", "noise", "constant"), 3, 0)
    }
    assert found["first", "shown"] > found["model", "shown"] > 0.1
    assert found["first", "noise"] == found["second", "shown"] == 0.0
    assert found["model", "constant"] == 0.0
    again = importance_of(models, examples, ("shown", "noise", "constant"), 3, 0)
    assert {(each.model, each.column): each.value for each in again} == found
