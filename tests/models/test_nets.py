"""Networks of a window: how they are trained, and what a stored one refuses."""

from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.errors import ConfigError, ModelIncompatible, TrainingDiverged
from crypto_bot.models.families.family import Examples, FitOptions, Origin
from crypto_bot.models.families.nets.family import WindowFamily
from crypto_bot.models.families.nets.lstm import LstmFamily, LstmSettings
from crypto_bot.models.families.nets.transformer import TransformerFamily, TransformerSettings
from crypto_bot.models.families.two_heads import CLASSES
from crypto_bot.models.spec import ModelSpec
from tests.models.made_specs import made_spec, names

BARS, LAST = 700, 600
LSTM = LstmSettings(epochs=3, batch_size=64, device="cpu")
TRANSFORMER = TransformerSettings(epochs=3, batch_size=64, device="cpu")
KINDS = [
    pytest.param(LstmFamily, "tiny", LSTM, id="lstm"),
    pytest.param(LstmFamily, "hybrid", LSTM, id="hybrid"),
    pytest.param(TransformerFamily, "tiny", TRANSFORMER, id="transformer"),
    pytest.param(TransformerFamily, "tiny", replace(TRANSFORMER, step_bars=5), id="stepping"),
]


def spec(size: str = "tiny", window_bars: int = 5) -> ModelSpec:
    made = made_spec("made", range(3), range(3), size=size, window_bars=window_bars)
    return replace(made, reads={CLASSES: names((2, 0))})


def market(scale: float = 1.0) -> tuple[Examples, Examples]:
    rng = np.random.default_rng(0)
    features = (scale * rng.standard_normal((BARS, 3))).astype(np.float32)
    labels = (rng.random(BARS) * 2 + (features[:, 0] > 0)).astype(np.int64)
    ends = np.arange(20, BARS)
    whole = Examples(features, ends, labels[ends], np.full(ends.size, 0.5))
    return whole.where(ends < LAST), whole.where(ends >= LAST)


@pytest.mark.parametrize(("kind", "size", "settings"), KINDS)
def test_a_row_is_answered_to_the_bit_alone_and_in_any_company(
    kind: type[WindowFamily], size: str, settings: LstmSettings | TransformerSettings
) -> None:
    fit, validation = market()
    model = kind(spec(size), settings, 1).fit(fit, validation)
    ends = validation.ends[:40]
    together = model.predict_proba(fit.features, ends)
    alone = [model.predict_proba(fit.features, ends[at : at + 1])[0] for at in range(ends.size)]
    assert np.array_equal(together, np.array(alone))
    turned = np.ascontiguousarray(ends[::-1])
    assert np.array_equal(model.predict_proba(fit.features, turned), together[::-1])


def test_columns_are_scaled_by_the_rows_that_are_fitted_alone() -> None:
    fit, validation = market(3.0)
    other = Examples(
        validation.features * 100, validation.ends, validation.labels, validation.weights
    )
    net = LstmFamily(spec(), LSTM).fit(fit, other).net
    rows = fit.features[fit.ends][:, [2, 0]].astype(np.float64)
    assert net.mean.numpy() == pytest.approx(rows.mean(axis=0), rel=1e-6)
    assert net.scale.numpy() == pytest.approx(rows.std(axis=0), rel=1e-6)


def test_training_ends_after_epochs_without_gain_and_keeps_the_best_weights() -> None:
    fit, validation = market()
    wrong = Examples(fit.features, fit.ends, (fit.labels + 1) % 3, fit.weights)
    settings = replace(LSTM, epochs=50, patience=4, learning_rate=1e-2)
    model = LstmFamily(spec(), settings, 1).fit(wrong, validation)
    losses = model.curves["validation"]
    assert len(losses) < 50
    p = model.predict_proba(validation.features, validation.ends)
    loss = -np.log(p[np.arange(validation.ends.size), validation.labels]).mean()
    assert loss <= min(losses) + 1e-6


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    fit, validation = market()
    broken = replace(fit, features=np.where(np.arange(BARS)[:, None] < 300, np.nan, fit.features))
    with pytest.raises(TrainingDiverged, match="its loss is nan in epoch 1 at step"):
        LstmFamily(spec(), LSTM).fit(broken, validation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0: use 1 or more"),
        ({"learning_rate": 1.5}, "learning rate 1.5"),
        ({"weight_decay": -0.1}, "weight decay -0.1"),
        ({"optimiser": "sgd"}, "unknown optimiser 'sgd': use one of adam, adamw"),
        ({"step_bars": 0}, "step_bars is 0: use 1 or more"),
        ({"rate": "flat"}, "unknown rate 'flat': use one of plateau, cosine"),
        ({"dropouts": (0.1, 0.1, 0.1, 1.0)}, "use numbers from 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(LSTM, **change)  # type: ignore[arg-type]


def test_an_unknown_size_and_another_window_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown size 'huge': use one of default, hybrid"):
        LstmFamily(spec("huge"), LSTM)
    files = LstmFamily(spec(), LSTM).fit(*market()).files()
    with pytest.raises(ModelIncompatible, match=r"lstm\.pth reads 5 bars, not 6"):
        LstmFamily(spec(window_bars=6), LSTM).load(files)


@pytest.mark.parametrize(
    ("kind", "settings"), [(LstmFamily, LSTM), (TransformerFamily, TRANSFORMER)]
)
def test_a_network_reads_every_so_many_rows_back_from_the_newest(
    kind: type[WindowFamily], settings: LstmSettings | TransformerSettings
) -> None:
    fit, validation = market()
    family = kind(spec(window_bars=12), replace(settings, step_bars=4), 1)
    fitted = family.fit(fit, validation)
    model, end = kind(spec(window_bars=12), settings).load(fitted.files()), 300
    ends = np.array([end])
    expected = fitted.predict_proba(fit.features, ends)
    read = []
    for row in range(end - 12, end + 2):
        changed = fit.features.copy()
        changed[row] += 1.0
        if not np.array_equal(model.predict_proba(changed, ends), expected):
            read.append(row)
    assert read == [end - 8, end - 4, end]
    tuned = kind(spec(window_bars=12), settings, 1).fit(fit, validation, Origin(fitted.files()))
    assert int(tuned.net.step_bars) == 4


def test_rows_that_are_no_whole_steps_are_refused() -> None:
    stepping = replace(LSTM, step_bars=2)
    with pytest.raises(ConfigError, match="step_bars is 2: 5 bars are no multiple of it"):
        LstmFamily(spec(), stepping)
    files = LstmFamily(spec(window_bars=6), stepping).fit(*market()).files()
    with pytest.raises(ModelIncompatible, match=r"lstm\.pth reads every row 2 of 5"):
        LstmFamily(spec(), LSTM).load(files)


def test_a_user_asks_for_epochs_batch_and_rate_and_tuning_is_shorter() -> None:
    options = FitOptions(epochs=20, batch_size=48, learning_rate=2e-3, device="cpu")
    whole = LstmFamily.settings_for(options)
    assert (whole.epochs, whole.batch_size, whole.learning_rate) == (20, 48, 2e-3)
    tuning = LstmFamily.settings_for(options, fine_tuning=True)
    assert tuning.epochs == 3
    assert tuning.learning_rate == pytest.approx(4e-4)


def test_the_stacked_lstm_has_the_parameters_of_its_description() -> None:
    body = LstmFamily.body(20, 90, "default", LSTM).module
    lstms = sum(4 * n * (m + n + 2) for m, n in ((20, 128), (128, 64), (64, 32)))
    assert sum(each.numel() for each in body.parameters()) == lstms + 33 * 16
