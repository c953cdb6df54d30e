"""Candles to judged models, small: rows, folds, fine-tuning and what comes out."""

import json
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.artifact import META, METRICS, TRAILING
from crypto_bot.models.catalog import headline
from crypto_bot.models.families.cnn_lstm.fit import BEST_FILE, FILE
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.models.inputs import inputs_of
from crypto_bot.models.meta import Meta, meta_from, trailing_from
from crypto_bot.statistics.drift import WINDOW_BARS, drifted
from crypto_bot.statistics.rows import score_of
from crypto_bot.training.baselines import LOGISTIC, MAJORITY, PERSISTENCE, REVERSAL, TREES
from crypto_bot.training.fit import baselines_of
from crypto_bot.training.folds import CALIBRATION, folds_of, out_of_sample, parts, rows_to_fit
from crypto_bot.training.panel import Coin, Panel, build_panel
from crypto_bot.training.plan import TrainingPlan
from tests.training.made_market import FEATURES, HOUR, QUESTION, SPLITS, candles
from tests.training.made_runs import TRAINED_MS, TUNING, plan, trained


def panel(*coins: CandleTable) -> Panel:
    found = [Coin(f"COIN{number}", each) for number, each in enumerate(coins)]
    return build_panel(found, None, QUESTION)


def test_a_window_never_crosses_a_gap_or_the_start_of_a_coin() -> None:
    gap = 1_200
    table = panel(candles(130, 0, missing=(gap,)), candles(130, 1))
    first, second = (np.flatnonzero(table.ready & (table.coin == coin)) for coin in (0, 1))
    warm = FEATURES.warm_up_bars(QUESTION.timeframe)
    # Ready from the 16th valid row on; after the gap everything begins anew.
    assert first[0] == warm - 1 + 15
    assert first[first >= gap][0] == gap + warm - 1 + 15
    assert first[first < gap][-1] == gap - 1
    begins = int((table.coin == 0).sum())
    assert second[0] == begins + warm - 1 + 15
    for end in (*first[::50], *second[::50]):
        window = slice(end - 15, end + 1)
        assert np.ptp(table.open_ms[window]) == 15 * HOUR.ms
        assert np.ptp(table.coin[window]) == 0
    assert np.isfinite(table.features).all()
    # Ready, but without a label: before the gap and at the end.
    lacking = table.ready & ~table.usable
    ends = [end - bar for end in (gap, begins, table.coin.size) for bar in (4, 3, 2, 1)]
    assert np.flatnonzero(lacking).tolist() == ends


def test_separate_rows_do_not_overlap() -> None:
    table = panel(candles(120, 0), candles(120, 1))
    kept = table.separate(np.flatnonzero(table.usable)).ends
    for coin in (0, 1):
        assert np.diff(table.open_ms[kept[table.coin[kept] == coin]]).min() == 4 * HOUR.ms
    overlapping = table.weight[table.usable]
    assert overlapping.mean() == pytest.approx(0.25, abs=0.01)
    rows = np.flatnonzero(table.usable & (table.coin == 0))[4:]
    assert np.array_equal(table.known[rows], table.label[rows - 4])  # that of a horizon ago


def test_too_few_candles_or_labels_are_refused() -> None:
    with pytest.raises(
        NotEnoughData, match="COIN0: it has 480 candles: 820 are needed for a single"
    ):
        panel(candles(20, 0))
    with pytest.raises(NotEnoughData, match=r"COIN0 has 1920 candles and about \d+ are") as refused:
        folds_of(panel(candles(80, 0)), plan())
    needed = int(str(refused.value).split(" about ")[1].split()[0])
    assert len(folds_of(panel(candles(-(-needed // 24), 0)), plan())) == 2  # so many are enough
    still = candles(130, 0)
    still.candles[:, :4] = 5.0
    with pytest.raises(NotEnoughData, match="COIN0: 0 labels hold nothing but no label"):
        panel(still)


def test_a_fold_answers_its_test_rows_of_the_judged_coins_beside_all_baselines() -> None:
    table = panel(candles(140, 0), candles(140, 1))
    wanted = plan("COIN1")
    folds = folds_of(table, wanted)
    got = out_of_sample(table, wanted, folds, 0)
    part = parts(folds[0], table.open_ms, table.usable)
    own = table.coin == 1
    assert np.array_equal(got.ends[got.fold == 0], part.test[own[part.test]])
    assert np.array_equal(got.ends[got.fold == CALIBRATION], part.validation[own[part.validation]])
    predicted, references, _ = baselines_of(table, wanted, rows_to_fit(table, folds, 0), got.ends)
    assert set(predicted) == {MAJORITY, PERSISTENCE, REVERSAL, LOGISTIC, TREES}
    for p in predicted.values():
        assert p.shape == (got.ends.size, 3)
        assert np.allclose(p.sum(axis=1), 1.0)
    assert all(np.allclose(p.sum(axis=1), 1.0) for p in references)


Files = dict[str, bytes]


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    coins = [Coin(f"COIN{number}", candles(140, number)) for number in range(3)]
    wanted = plan("COIN0", "COIN2", pooled=True, tuning=TUNING)
    return trained(coins, wanted, tmp_path_factory.mktemp("run"))


def meta(files: Files) -> Meta:
    return meta_from(files[META], META)


def test_each_judged_coin_gets_its_own_model_and_the_pool_one(pooled: dict[str, Files]) -> None:
    assert list(pooled) == ["pool", "COIN0", "COIN2"]
    one, other = pooled["COIN0"], pooled["COIN2"]
    assert len({files[FILE] for files in pooled.values()}) == 3  # tuned on its own rows
    assert meta(one).version != meta(other).version
    assert meta(one).version.startswith("cnn_lstm_v1+")
    assert meta(one).pooled_with == ("COIN0", "COIN1", "COIN2")
    assert meta(one).trained_ms == TRAINED_MS
    assert meta(one).span.candles == 140 * 24
    assert meta(pooled["pool"]).symbol is None
    assert meta(pooled["pool"]).span.candles == 3 * 140 * 24


def test_a_model_keeps_what_its_inputs_were_like(pooled: dict[str, Files], tmp_path: Path) -> None:
    for name, content in pooled["COIN2"].items():
        (tmp_path / name).write_bytes(content)
    known = inputs_of(tmp_path)
    assert known is not None
    table = panel(*(candles(140, number) for number in range(3)))
    ready = np.flatnonzero(table.ready & (table.coin == 2))
    rows = table.features[ready[-200:]].astype(np.float64)
    assert drifted(rows, known) == []
    rows[-WINDOW_BARS:, 3] = rows[-WINDOW_BARS, 3]
    assert {each.column for each in drifted(rows, known)} == {3}


def test_a_model_can_be_built_again_from_what_it_holds(pooled: dict[str, Files]) -> None:
    files = pooled["COIN2"]
    spec = meta(files).spec
    weights = {name: files[name] for name in (FILE, BEST_FILE)}
    loaded = FamilyChoice(spec.family, spec.size).build(spec, 0).load(weights)
    table = panel(*(candles(140, number) for number in range(3)))
    ends = np.flatnonzero(table.ready & (table.coin == 2))[-60 * 24 :]
    trailing = trailing_from(files[TRAILING], TRAILING)
    assert np.array_equal(trailing.open_ms, table.open_ms[ends])
    assert trailing.score.tolist() == pytest.approx(
        score_of(loaded.predict_proba(table.features, ends), spec.label).tolist(), abs=1e-6
    )


def test_a_model_holds_its_measurements(pooled: dict[str, Files]) -> None:
    files = pooled["COIN0"]
    metrics = json.loads(files[METRICS])
    assert set(metrics["coin"]) == {"model", "baselines", "gains"}
    judged = metrics["coins_together"]["model"]
    assert (judged["rows"], judged["coins"]) == (2 * 40 * 24, 2)
    found = headline(files[METRICS])
    assert found is not None
    assert (found.rows, found.coins_together) == (40 * 24, 2)
    assert {"reliability.png", "confusion_matrix.png", "learning_curves.png"} <= set(files)
    gates = {gate.name for gate in meta(files).gates}
    assert gates >= {"log_loss", "direction_auc", "days", "placebo_auc", "prefix"}
    assert meta(files).reasons


def test_the_same_seed_trains_the_same_model(tmp_path: Path) -> None:
    coins = [Coin("COIN0", candles(130, 0))]
    one, other = (trained(coins, plan(), tmp_path / name)["COIN0"] for name in "ab")
    assert one == other


def test_trees_are_a_second_family(tmp_path: Path) -> None:
    coins = [Coin("COIN0", candles(130, 0))]
    choice = FamilyChoice("lightgbm_v1")
    wanted = TrainingPlan(("COIN0",), choice, pooled=False, splits=SPLITS)
    files = trained(coins, wanted, tmp_path)["COIN0"]
    assert {"trees_move.txt", "trees_up.txt"} <= set(files)
    assert "learning_curves.png" not in files
