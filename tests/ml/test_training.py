"""Candles to a judged model, small: rows, folds, fine-tuning and what comes out."""

import json

import numpy as np
import pytest

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.kernel import Series
from crypto_bot.features.labels import label_spec
from crypto_bot.features.sets import feature_set
from crypto_bot.ml.baselines import LOGISTIC, MAJORITY, PERSISTENCE, REVERSAL, TREES
from crypto_bot.ml.catalog import headline
from crypto_bot.ml.families import CNN_LSTM, FamilyChoice, build, heads
from crypto_bot.ml.families import TREES as TREE_FAMILY
from crypto_bot.ml.fit import FILE, NetSettings
from crypto_bot.ml.model import TrainedModel
from crypto_bot.ml.panel import Coin, Panel, Question, build_panel
from crypto_bot.ml.rows import DAY_MS
from crypto_bot.ml.splits import SplitPlan, parts
from crypto_bot.ml.training import train
from crypto_bot.ml.walk import TEACHER, TrainingPlan, answer_fold, folds_of

HOUR = Timeframe.parse("1h")
FEATURES = feature_set("per_coin_v1")
QUESTION = Question(HOUR, FEATURES, label_spec("A"), 16)
SPLITS = SplitPlan(folds=2, test_days=20, validation_days=10, least_fit_days=20)
NET = NetSettings(epochs=2, up_epochs=1, batch_size=128, epoch_examples=400, device="cpu")
TRAINED_MS = 1_800_000_000_000


def candles(days: int, seed: int, missing: tuple[int, ...] = ()) -> Series:
    rng = np.random.default_rng(seed)
    n = 24 * days
    calm = 0.004 * np.exp(0.6 * np.sin(np.arange(n) / 40.0))
    close = 100.0 * np.exp(np.cumsum(calm * rng.standard_normal(n)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(rng.standard_normal((2, n))) * calm * close
    table = np.column_stack(
        [
            opened,
            np.maximum(opened, close) + reach[0],
            np.minimum(opened, close) - reach[1],
            close,
            50.0 * np.exp(rng.standard_normal(n)),
        ]
    )
    kept = np.setdiff1d(np.arange(n), missing)
    return Series(kept * HOUR.ms + 20_000 * DAY_MS, np.ascontiguousarray(table[kept]))


def panel(*coins: Series) -> Panel:
    told = [Coin(f"COIN{number}", each) for number, each in enumerate(coins)]
    return build_panel(told, None, QUESTION)


def plan(*judged: str, tuning: NetSettings | None = None) -> TrainingPlan:
    return TrainingPlan(
        judged or ("COIN0",), FamilyChoice(CNN_LSTM, "tiny", 16, NET), tuning, SPLITS, seed=3
    )


def test_a_window_never_crosses_a_gap_or_the_start_of_a_coin() -> None:
    gap = 1_200
    told = panel(candles(130, 0, missing=(gap,)), candles(130, 1))
    first, second = (np.flatnonzero(told.ready & (told.coin == coin)) for coin in (0, 1))
    warm = FEATURES.warm_up_bars
    # Ready from the 16th valid row on; after the gap everything begins anew.
    assert first[0] == warm - 1 + 15
    assert first[first >= gap][0] == gap + warm - 1 + 15
    assert first[first < gap][-1] == gap - 1
    begins = int((told.coin == 0).sum())
    assert second[0] == begins + warm - 1 + 15
    for end in (*first[::50], *second[::50]):
        window = slice(end - 15, end + 1)
        assert np.ptp(told.open_ms[window]) == 15 * HOUR.ms
        assert np.ptp(told.coin[window]) == 0
    assert np.isfinite(told.features).all()


def test_labels_near_the_end_and_before_a_gap_are_not_used() -> None:
    told = panel(candles(130, 0, missing=(1_200,)))
    assert told.ready[-1]
    assert not told.usable[-4:].any()
    assert told.usable[-5]
    assert not told.usable[1_196:1_200].any()
    assert told.usable[1_195]


def test_thinned_rows_do_not_overlap() -> None:
    told = panel(candles(120, 0), candles(120, 1))
    kept = told.thinned(np.flatnonzero(told.usable))
    for coin in (0, 1):
        assert np.diff(told.open_ms[kept[told.coin[kept] == coin]]).min() == 4 * HOUR.ms
    overlapping = told.weight[told.usable]
    assert overlapping.mean() == pytest.approx(0.25, abs=0.01)


def test_the_newest_known_label_is_that_of_a_horizon_ago() -> None:
    told = panel(candles(120, 0))
    rows = np.flatnonzero(told.usable)[4:]
    assert np.array_equal(told.known[rows], told.label[rows - 4])


def test_too_few_candles_are_counted() -> None:
    with pytest.raises(NotEnoughData, match="COIN0 has 480 candles: 820 are needed for a single"):
        panel(candles(20, 0))
    told = panel(candles(80, 0))
    with pytest.raises(NotEnoughData, match=r"COIN0 has 1920 candles and about \d+ are needed"):
        folds_of(told, plan())


def test_as_many_candles_as_are_asked_for_are_enough() -> None:
    with pytest.raises(NotEnoughData) as refused:
        folds_of(panel(candles(80, 0)), plan())
    needed = int(str(refused.value).split(" about ")[1].split()[0])
    assert len(folds_of(panel(candles(-(-needed // 24), 0)), plan())) == 2


def test_prices_that_never_change_teach_nothing() -> None:
    still = candles(130, 0)
    still.candles[:, :4] = 5.0
    with pytest.raises(NotEnoughData, match="COIN0: 0 labels hold nothing but no label"):
        panel(still)


def test_a_fold_answers_its_test_rows_of_the_judged_coins_beside_all_baselines() -> None:
    told = panel(candles(140, 0), candles(140, 1))
    asked = plan("COIN1")
    first = folds_of(told, asked)[0]
    got = answer_fold(told, asked, first)
    part = parts(first, told.open_ms, told.usable)
    own = told.coin == 1
    assert np.array_equal(got.ends[got.fold == 0], part.test[own[part.test]])
    assert np.array_equal(got.ends[got.fold == TEACHER], part.validation[own[part.validation]])
    assert set(got.baselines) == {MAJORITY, PERSISTENCE, REVERSAL, LOGISTIC, TREES}
    for logits in (got.logits, *got.baselines.values()):
        assert all(head.shape == got.ends.shape for head in logits)
        assert all(np.isfinite(head).all() for head in logits)


@pytest.fixture(scope="module")
def trained() -> dict[str, TrainedModel]:
    coins = [Coin(f"COIN{number}", candles(140, number)) for number in range(3)]
    tuning = NetSettings(epochs=1, up_epochs=1, batch_size=128, learning_rate=1e-4, device="cpu")
    return train(coins, None, QUESTION, plan("COIN0", "COIN2", tuning=tuning), TRAINED_MS)


def test_each_judged_coin_gets_its_own_model(trained: dict[str, TrainedModel]) -> None:
    assert list(trained) == ["COIN0", "COIN2"]
    one, other = trained.values()
    assert one.files[FILE] != other.files[FILE]  # tuned on its own rows
    assert one.version != other.version
    assert one.version.startswith("cnn_lstm_v1+")
    assert one.pooled_with == ("COIN0", "COIN2")
    assert one.trained_ms == TRAINED_MS
    assert one.span.candles == 140 * 24


def test_a_model_can_be_built_again_from_what_it_holds(trained: dict[str, TrainedModel]) -> None:
    model = trained["COIN2"]
    spec = model.spec
    choice = FamilyChoice(spec.family, spec.size, spec.window_bars)
    loaded = build(choice, spec.columns, heads(spec.family, FEATURES)).load(model.files)
    told = panel(*(candles(140, number) for number in range(3)))
    ends = np.flatnonzero(told.ready & (told.coin == 2))[-60 * 24 :]
    assert np.array_equal(model.trailing.open_ms, told.open_ms[ends])
    assert model.trailing.score.tolist() == pytest.approx(
        loaded.logits(told.features, ends).up.tolist(), abs=1e-6
    )


def test_a_model_holds_its_measurements(trained: dict[str, TrainedModel]) -> None:
    model = trained["COIN0"]
    coin, together = (model.metrics[name] for name in ("coin", "coins_together"))
    assert isinstance(coin, dict)
    assert isinstance(together, dict)
    assert set(coin) == {"model", "baselines", "gains"}
    judged = together["model"]
    assert isinstance(judged, dict)
    assert judged["rows"] == 2 * 40 * 24
    assert judged["coins"] == 2
    told = headline(json.dumps(model.metrics).encode())
    assert told is not None
    assert (told.rows, told.coins_together) == (40 * 24, 2)
    assert set(model.plots) == {"reliability.png", "confusion_matrix.png", "learning_curves.png"}
    assert {gate.name for gate in model.judgement.gates} >= {"log_loss", "direction_auc", "days"}
    assert model.judgement.reasons


def test_the_same_seed_trains_the_same_model() -> None:
    coins = [Coin("COIN0", candles(130, 0))]
    one, other = (train(coins, None, QUESTION, plan(), TRAINED_MS)["COIN0"] for _ in range(2))
    assert one.files == other.files
    assert one.metrics == other.metrics


def test_trees_are_a_second_family() -> None:
    coins = [Coin("COIN0", candles(130, 0))]
    choice = FamilyChoice(TREE_FAMILY, "default", 16)
    model = train(
        coins, None, QUESTION, TrainingPlan(("COIN0",), choice, splits=SPLITS), TRAINED_MS
    )["COIN0"]
    assert set(model.files) == {"trees_move.txt", "trees_up.txt"}
    assert set(model.plots) == {"reliability.png", "confusion_matrix.png"}
