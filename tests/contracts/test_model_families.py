"""What every family of models must do, whatever it is made of."""

from collections.abc import Callable

import numpy as np
import pytest

from crypto_bot.domain.errors import ModelIncompatible, NotEnoughData
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.families.cnn_lstm.fit import CnnLstm, NetSettings
from crypto_bot.models.families.cnn_lstm.net import Architecture
from crypto_bot.models.families.family import Examples, Family
from crypto_bot.models.families.logistic import LogisticFamily
from crypto_bot.models.families.trees import TreeFamily, TreeSettings
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT

COLUMNS = np.array([0, 1, 2, 3])
BARS, FIRST, LAST = 6_000, 100, 5_000


def trees(seed: int) -> Family:
    settings = TreeSettings(up_rounds=60, move_rounds=100, min_rows_in_leaf=50, learning_rate=0.1)
    return TreeFamily(COLUMNS, COLUMNS, seed=seed, settings=settings)


def logistic(seed: int) -> Family:
    del seed  # the optimum is unique
    return LogisticFamily(COLUMNS, COLUMNS, inverse_penalty=1.0)


def network(seed: int) -> Family:
    columns = tuple(COLUMNS.tolist())
    settings = NetSettings(
        epochs=5, up_epochs=5, batch_size=64, learning_rate=5e-3, dropout=0.0, device="cpu"
    )
    return CnnLstm(Architecture(16, columns, columns, "tiny"), seed, settings)


@pytest.fixture(params=[trees, logistic, network], ids=["trees", "logistic", "network"])
def make(request: pytest.FixtureRequest) -> Callable[[int], Family]:
    made: Callable[[int], Family] = request.param
    return made


def market(seed: int = 0) -> tuple[Examples, Examples]:
    """Column 0 says whether it moves, column 1 which way; both early, validation later."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((BARS, 4)).astype(np.float32)
    moved = rng.random(BARS) < 1.0 / (1.0 + np.exp(-1.5 * features[:, 0]))
    up = rng.random(BARS) < 1.0 / (1.0 + np.exp(-1.0 * features[:, 1]))
    labels = np.where(moved, np.where(up, LONG, SHORT), NO_TRADE).astype(np.int64)
    ends = np.arange(FIRST, BARS)
    fit, validation = ends[ends < LAST], ends[ends >= LAST]
    return (
        Examples(features, fit, labels[fit], np.ones(fit.size)),
        Examples(features, validation, labels[validation], np.ones(validation.size)),
    )


def test_learns_both_questions(make: Callable[[int], Family]) -> None:
    fit, validation = market()
    logits = make(1).fit(fit, validation).logits(validation.features, validation.ends)
    x = validation.features[validation.ends]
    assert np.corrcoef(logits.move, x[:, 0])[0, 1] > 0.8
    assert np.corrcoef(logits.up, x[:, 1])[0, 1] > 0.8
    p = Calibration().probabilities(logits)
    assert p.shape == (validation.ends.size, 3)
    assert np.allclose(p.sum(axis=1), 1.0, atol=1e-12)
    assert (
        abs(p.mean(axis=0) - np.bincount(validation.labels) / validation.labels.size).max() < 0.04
    )


def test_the_same_seed_gives_the_same_model(make: Callable[[int], Family]) -> None:
    fit, validation = market()
    assert make(3).fit(fit, validation).files() == make(3).fit(fit, validation).files()


def test_what_is_stored_answers_to_the_bit(make: Callable[[int], Family]) -> None:
    fit, validation = market()
    fitted = make(1).fit(fit, validation)
    loaded = make(2).load(fitted.files())
    for told, again in zip(
        fitted.logits(validation.features, validation.ends),
        loaded.logits(validation.features, validation.ends),
        strict=True,
    ):
        assert np.array_equal(told, again)
    assert loaded.files() == fitted.files()


def test_a_row_is_answered_alike_alone_and_in_company(make: Callable[[int], Family]) -> None:
    fit, validation = market()
    fitted = make(1).fit(fit, validation)
    together = fitted.logits(validation.features, validation.ends[:20])
    for number, end in enumerate(validation.ends[:20]):
        alone = fitted.logits(validation.features, np.array([end]))
        assert alone.move[0] == pytest.approx(together.move[number], abs=1e-5)
        assert alone.up[0] == pytest.approx(together.up[number], abs=1e-5)


def test_nothing_after_a_row_is_read(make: Callable[[int], Family]) -> None:
    fit, validation = market()
    fitted = make(1).fit(fit, validation)
    ends = validation.ends[:20]
    blinded = validation.features.copy()
    blinded[ends[-1] + 1 :] = 1e6
    for told, again in zip(
        fitted.logits(validation.features, ends), fitted.logits(blinded, ends), strict=True
    ):
        assert np.array_equal(told, again)


@pytest.mark.parametrize("part", ["fit", "validation"])
def test_a_missing_class_is_not_enough_data(make: Callable[[int], Family], part: str) -> None:
    parts = dict(zip(("fit", "validation"), market(), strict=True))
    whole = parts[part]
    kept = whole.labels != SHORT
    parts[part] = Examples(
        whole.features, whole.ends[kept], whole.labels[kept], whole.weights[kept]
    )
    with pytest.raises(NotEnoughData, match=f"the {part} rows have no SHORT among {kept.sum()}"):
        make(1).fit(parts["fit"], parts["validation"])


def test_damaged_files_are_refused(make: Callable[[int], Family]) -> None:
    files = make(1).fit(*market()).files()
    with pytest.raises(ModelIncompatible):
        make(1).load({})
    for name, content in files.items():
        for damaged in (b"", content[: len(content) // 2], content[:-9], b"\x80\x04N." + content):
            with pytest.raises(ModelIncompatible):
                make(1).load({**files, name: damaged})
