"""The network: its size, its streaming form, and how one head is fitted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crypto_bot.domain.errors import ConfigError, ModelIncompatible, TrainingDiverged
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.per_coin_v2.clock import (
    CLOCK,
    CLOCK_WAVES,
    MONDAY_MS,
    WEEK_MS,
    write_clock,
)
from crypto_bot.features.sets import feature_set
from crypto_bot.models.device import chosen_device
from crypto_bot.models.families.cnn_lstm.family import CnnLstm
from crypto_bot.models.families.cnn_lstm.fit import (
    BEST_FILE,
    FILE,
    NetModel,
    NetSettings,
)
from crypto_bot.models.families.cnn_lstm.net import (
    SIZES,
    Architecture,
    CnnLstmNet,
    Tower,
    block_offsets,
    gather,
)
from crypto_bot.models.families.cnn_lstm.season import (
    INPUTS,
    WEEK,
    Seasonal,
    place_of,
    season_of,
)
from crypto_bot.models.families.cnn_lstm.stacked import NetStack
from crypto_bot.models.families.family import Examples, Origin
from crypto_bot.models.families.two_heads import moved
from crypto_bot.models.scaling import scale_of
from crypto_bot.statistics.rows import direction_score, move_logit
from tests.models.devices import DEVICES
from tests.models.made_specs import made_spec

TINY = made_spec("cnn_lstm_v1", (0, 1, 2, 3), (0, 1, 2), size="tiny")
QUARTER = Timeframe.parse("15m")
QUICK = NetSettings(epochs=2, up_epochs=1, batch_size=64, device="cpu")


def network(architecture: Architecture, seed: int) -> CnnLstmNet:
    """Random weights and scales, as if it had been fitted."""
    torch.manual_seed(seed)
    net = CnnLstmNet(architecture).eval()
    for tower in (net.move, net.up):
        torch.nn.init.normal_(tower.deep.weight)
        if tower.is_seasonal:
            tower.season.normal_()
        tower.fix_scale(np.full(tower.columns.numel(), 0.1), np.full(tower.columns.numel(), 0.7))
    return net


def examples(rows: int = 900, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((rows, 4)).astype(np.float32)
    ends = np.arange(20, rows)
    return Examples(features, ends, rng.integers(0, 3, ends.size), np.ones(ends.size))


def test_the_default_size_has_about_690_000_parameters() -> None:
    features = feature_set("per_coin_v2")
    move, up = (tuple(features.indices(names)) for names in features.columns_for("network"))
    clock = tuple(features.indices(features.seasonal[:2]))
    net = CnnLstmNet(Architecture(32, move, up, clock=clock))
    assert sum(p.numel() for p in net.parameters()) == 691_530


@pytest.mark.parametrize("size", ["default", "tiny"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_all_but_the_newest_row_can_be_computed_before_the_close(
    size: str, shared: bool, device: str
) -> None:
    architecture = Architecture(32, (0, 1, 2, 3, 4), (0, 2, 4), size, clock=(3, 4))
    nets = [network(architecture, 0 if shared else seed) for seed in range(3)]
    windows = torch.randn(3, 32, 5, generator=torch.Generator().manual_seed(1))
    windows[..., 3:] = torch.rand(3, 32, 2, generator=torch.Generator().manual_seed(2))
    models = [NetModel(net, DOWN_NEUTRAL_UP) for net in nets]
    models = models[:1] * 3 if shared else models
    stacked = NetStack(models, torch.device(device))
    stacked.prepare(windows[:, :-1].numpy())
    p = stacked.predict_proba(windows[:, -1].numpy())
    streamed = np.stack([move_logit(p, DOWN_NEUTRAL_UP), direction_score(p, DOWN_NEUTRAL_UP)])
    for coin, net in enumerate(nets):
        with torch.inference_mode():
            whole = [
                tower(gather(tower, windows[coin], torch.tensor([31]), block_offsets(32)))
                for tower in (net.move, net.up)
            ]
        assert streamed[:, coin].tolist() == pytest.approx(
            [float(each) for each in whole], abs=1e-5 if device == "cpu" else 1e-4
        )


def test_a_window_holds_its_own_rows_alone() -> None:
    features = torch.arange(60.0).reshape(20, 3) / 20
    tower = Tower(np.array([0, 2]), SIZES["tiny"])
    windows = gather(tower, features, torch.tensor([7, 19]), block_offsets(8))
    assert windows.shape == (2, 2, 8)
    for place, end in enumerate((7, 19)):
        own = features[end - 7 : end + 1][:, [0, 2]]
        assert torch.equal(windows[:, place].reshape(8, 2), own)


@pytest.mark.parametrize("bars", [4, 6, 15])
def test_a_window_is_whole_blocks(bars: int) -> None:
    with pytest.raises(ConfigError, match=f"a window of {bars} bars"):
        Architecture(bars, (0,), (0,))


def test_an_unknown_size_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown size 'huge': use one of default, small, tiny"):
        Architecture(16, (0,), (0,), "huge")


def test_the_scale_comes_from_the_fit_rows_alone() -> None:
    given = examples()
    given.features[:20] = 1e6  # before the first example
    given.features[:, 3] = 2.0
    mean, scale = scale_of(given.features, given.ends, np.array([1, 3]))
    own = given.features[given.ends, 1].astype(np.float64)
    assert mean.tolist() == pytest.approx([own.mean(), 2.0])
    assert scale.tolist() == pytest.approx([own.std(), 1.0])


def test_what_is_far_out_of_range_moves_nothing_further() -> None:
    fitted = CnnLstm(TINY, QUICK, 1).fit(examples(), examples(seed=1))
    features = np.zeros((16, 4), np.float32)
    predicted = []
    for value in (1e3, 1e6):
        features[-1] = value
        predicted.append(fitted.predict_proba(features, np.array([15])))
    assert np.array_equal(predicted[0], predicted[1])


def test_another_seed_gives_another_model() -> None:
    given, beside = examples(), examples(seed=1)
    assert (
        CnnLstm(TINY, QUICK, 1).fit(given, beside).files()[FILE]
        != CnnLstm(TINY, QUICK, 2).fit(given, beside).files()[FILE]
    )


def test_a_fit_leaves_the_random_numbers_of_others_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    CnnLstm(TINY, QUICK, 1).fit(examples(), examples(seed=1))
    assert torch.equal(torch.rand(3), expected)


def test_each_head_has_a_budget_and_the_lowest_validation_loss_is_kept_beside_the_model() -> None:
    # Noise can only be memorised: the lowest validation loss is that of an early epoch.
    settings = NetSettings(epochs=12, up_epochs=3, batch_size=32, learning_rate=0.02, dropout=0.0)
    given, beside = examples(300), examples(1500, seed=1)
    family = CnnLstm(TINY, settings, 1)
    fitted = family.fit(given, beside)
    curve = fitted.curves["validation, move head"]
    assert (len(curve), len(fitted.curves["fit, direction head"])) == (12, 3)
    assert move_loss(fitted, beside) == pytest.approx(curve[-1], abs=1e-6)
    best = family.load({FILE: fitted.files()[BEST_FILE]})
    assert move_loss(best, beside) <= min(curve) + 1e-6 < curve[-1]


def move_loss(model: NetModel, given: Examples) -> float:
    logit = move_logit(model.predict_proba(given.features, given.ends), DOWN_NEUTRAL_UP)
    return float(np.mean(np.logaddexp(0.0, logit) - moved(given, DOWN_NEUTRAL_UP) * logit))


def test_the_move_head_knows_the_time_of_the_week_from_the_fit_rows() -> None:
    features = feature_set("per_coin_v2")
    rng, bars = np.random.default_rng(0), 96 * 7 * 12
    close_ms = (np.arange(bars) + 1) * QUARTER.ms
    table = np.zeros((bars, len(features.columns)), np.float32)
    clock = np.zeros((bars, len(CLOCK) + len(CLOCK_WAVES)))
    for row, at in zip(clock, close_ms.tolist(), strict=True):
        write_clock(at, row)
    table[:, -clock.shape[1] :] = clock
    busy = (close_ms % DAY_MS // QUARTER.ms) // 4 == 13  # bars that open from 13:00 to 14:00
    table[:, features.columns.index("ret_1")] = np.where(np.roll(busy, 1), 3.0, 1.0)
    week, hour, ret, atr = features.indices(features.seasonal)
    places = (close_ms - MONDAY_MS) % WEEK_MS // QUARTER.ms
    assert place_of(torch.from_numpy(table[:, [week, hour]])).tolist() == places.tolist()
    seasonal = Seasonal(week, hour, ret, atr, QUARTER.ms, 4)
    moves = rng.random(bars) < np.where(busy, 0.7, 0.4)
    fit = Examples(table, np.arange(bars), moves.astype(np.int64), np.ones(bars))
    found = season_of(fit, moves, seasonal)
    assert found.shape == (WEEK, INPUTS)
    monday = found[:96]
    # Most is expected of the hour when it is just about to begin.
    assert monday[:, 0].argmax() == 13 * 4
    assert set(monday[:, 1].argsort()[-4:].tolist()) == {52, 53, 54, 55}
    later = replace(fit, ends=fit.ends[: bars // 2])
    other = fit.features.copy()
    other[bars // 2 :] = 9.0  # after the last row of the fit
    again = season_of(replace(later, features=other), moves[: bars // 2], seasonal)
    assert np.array_equal(again, season_of(later, moves[: bars // 2], seasonal))


def test_fine_tuning_goes_on_from_a_model_and_keeps_its_scale() -> None:
    given, beside = examples(), examples(seed=1)
    pool = CnnLstm(TINY, QUICK, 1).fit(given, beside)
    gentle = NetSettings(epochs=1, up_epochs=1, batch_size=64, learning_rate=1e-6, device="cpu")
    shifted = Examples(given.features + 3.0, given.ends, given.labels, given.weights)
    tuned = CnnLstm(TINY, gentle, 1).fit(shifted, beside, Origin(pool.files()))
    assert torch.equal(tuned.net.move.mean, pool.net.move.mean)
    before, after = (
        direction_score(each.predict_proba(given.features, given.ends), DOWN_NEUTRAL_UP)
        for each in (pool, tuned)
    )
    assert np.abs(before - after).max() < 1e-3
    assert tuned.files()[FILE] != pool.files()[FILE]


def test_a_loss_that_is_not_finite_names_head_and_step() -> None:
    given = examples()
    given.features[500] = np.nan
    with pytest.raises(
        TrainingDiverged, match="the move head diverged: its loss is nan in epoch 1"
    ):
        CnnLstm(TINY, QUICK, 1).fit(given, examples(seed=1))


def test_weights_of_another_architecture_are_refused() -> None:
    files = CnnLstm(TINY, QUICK, 1).fit(examples(), examples(seed=1)).files()
    wider = replace(TINY, size="small")
    with pytest.raises(ModelIncompatible, match=f"{FILE} is damaged or of another archi"):
        CnnLstm(wider).load(files)


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 0), ("batch_size", 0), ("up_epochs", -1), ("learning_rate", 0.0)]
)
def test_settings_that_cannot_work_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=str(value)):
        NetSettings(**{name: value})  # type: ignore[arg-type]  # the names are those of the fields


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown device 'tpu'"):
        chosen_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match="has no CUDA GPU"):
        chosen_device("cuda")
    assert chosen_device("auto").type == "cpu"


def test_a_label_without_direction_is_declined() -> None:
    label = LabelSpec("size", "hold_atr", Horizon(4), (0.75,), classes=("a", "b", "c"))
    with pytest.raises(ConfigError, match="label size has other classes: use another family"):
        CnnLstm(replace(TINY, label=label))
