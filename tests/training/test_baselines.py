"""Baselines know what fit rows tell them and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.families.family import Examples
from crypto_bot.models.families.lightgbm import LightGbmFamily, LightGbmSettings
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, Ints, direction_score, move_logit
from crypto_bot.training.baselines import (
    LOGISTIC,
    MAJORITY,
    PERSISTENCE,
    REVERSAL,
    TREES,
    UNKNOWN_LABEL,
    RowKeys,
    last_known,
    persistence,
    references,
)
from crypto_bot.training.fit import baselines_of
from crypto_bot.training.folds import Parts
from crypto_bot.training.panel import Panel, Question
from crypto_bot.training.plan import TrainingPlan
from tests.models.made_specs import made_spec
from tests.training.made_market import FEATURES

BAR_MS = 900_000
HOUR, DAY = Timeframe.parse("1h"), Timeframe.parse("1d")


def test_the_label_of_an_hour_ago_is_known_and_nothing_newer() -> None:
    open_ms = np.arange(8) * BAR_MS
    label = np.array([0, 1, 2, 0, 1, 1, 2, 2])
    got = last_known(open_ms, np.zeros(8, dtype=np.int64), label, HOUR_MS)
    assert got.tolist() == [UNKNOWN_LABEL] * 4 + [0, 1, 2, 0]


def test_across_a_gap_and_between_coins_nothing_is_known() -> None:
    open_ms = np.array([0, 0, 4, 8, 12]) * BAR_MS
    coin = np.array([0, 1, 1, 0, 0])
    got = last_known(open_ms, coin, np.array([2, 0, 1, 2, 1]), HOUR_MS)
    assert got.tolist() == [UNKNOWN_LABEL, UNKNOWN_LABEL, 0, UNKNOWN_LABEL, 2]


def keys(open_ms: Ints, coin: Ints, timeframe: Timeframe = HOUR) -> RowKeys:
    return RowKeys(open_ms, coin, np.full(open_ms.size, UNKNOWN_LABEL), timeframe)


def test_references_are_frequencies_of_the_coin_and_of_its_hour() -> None:
    hours = np.arange(24 * 2_000)
    coin = np.repeat([0, 1], hours.size)
    fit_keys = keys(np.tile(hours, 2) * HOUR_MS, coin)
    labels = np.where(np.tile(hours, 2) % 24 == 9, LONG, NO_TRADE) * (coin == 0)
    asked = keys(np.array([9, 10, 9]) * HOUR_MS, np.array([0, 0, 1]))
    got = references(labels, fit_keys, asked, 3)
    assert got.prior[0] == pytest.approx([0.0, 23 / 24, 1 / 24], abs=0.002)
    assert got.prior[1].tolist() == got.prior[0].tolist()
    assert got.climatology[0] == pytest.approx([0.0, 0.0, 1.0], abs=0.06)
    assert got.climatology[1] == pytest.approx([0.0, 1.0, 0.0], abs=0.06)
    assert got.prior[2] == pytest.approx([1.0, 0.0, 0.0], abs=0.002)


def test_the_climatology_of_bars_of_a_day_is_the_weekday() -> None:
    fit_keys = keys(np.arange(7_000) * DAY_MS, np.zeros(7_000, dtype=np.int64), DAY)
    labels = np.where(fit_keys.season == 2, LONG, NO_TRADE)
    asked = keys(np.array([2, 3, 9]) * DAY_MS, np.zeros(3, dtype=np.int64), DAY)
    got = references(labels, fit_keys, asked, 3)
    assert got.climatology[:, LONG] == pytest.approx([1.0, 0.0, 1.0], abs=0.08)
    assert got.prior[:, LONG] == pytest.approx(1 / 7, abs=0.002)


def test_a_coin_that_was_not_in_the_fit_rows_gets_the_pools_frequencies() -> None:
    labels = np.array([SHORT, NO_TRADE, NO_TRADE, LONG])
    fit_keys = keys(np.arange(4) * HOUR_MS, np.zeros(4, dtype=np.int64))
    got = references(labels, fit_keys, keys(np.array([0]), np.array([7])), 3)
    assert got.prior[0] == pytest.approx([0.25, 0.5, 0.25])
    assert got.climatology[0] == pytest.approx([0.25, 0.5, 0.25], abs=0.01)  # of one row


def test_the_season_is_the_quarter_of_an_hour_and_the_weekend_at_the_close() -> None:
    quarter, minute = Timeframe.parse("15m"), Timeframe.parse("1m")
    friday_ms = 9 * DAY_MS - BAR_MS  # its candle closes on Saturday, the 10th of January 1970
    open_ms = np.array([0, BAR_MS, friday_ms - BAR_MS, friday_ms, friday_ms + 2 * DAY_MS])
    coin = np.zeros(5, dtype=np.int64)
    season = keys(open_ms, coin, quarter).season
    assert season.tolist() == [1, 2, 95, 96, 0]
    assert keys(np.arange(13, 16) * 60_000, coin[:3], minute).season.tolist() == [0, 1, 1]


def test_every_baseline_answers_every_row_and_reversal_reverses() -> None:
    """Column 0 is the past hour's return, which reverts; column 1 says whether it moves."""
    rng = np.random.default_rng(0)
    n = 16_000
    features = rng.standard_normal((n, 2)).astype(np.float32)
    moved = rng.random(n) < 1.0 / (1.0 + np.exp(-1.5 * features[:, 1]))
    up = rng.random(n) < 1.0 / (1.0 + np.exp(0.8 * features[:, 0]))
    labels = np.where(moved, np.where(up, LONG, SHORT), NO_TRADE).astype(np.int64)
    open_ms, coin = np.arange(n) * BAR_MS, np.zeros(n, dtype=np.int64)
    known = last_known(open_ms, coin, labels, HOUR_MS)
    columns = replace(FEATURES, columns=("ret_4", "size"), recent_return="ret_4", readers={})
    question = Question(Timeframe.parse("15m"), columns, LABELS.get("A"), 1)
    yes, ones = np.ones(n, np.bool_), np.ones(n)
    panel = Panel(
        *(("A",), question, features, open_ms, coin, yes, yes, labels, known),
        *(ones, ones, ones, ones),
    )
    fit, validation, asked = np.split(np.arange(n), [n * 5 // 8, n * 6 // 8])
    parts = Parts(fit, validation, asked)
    got, reached, _ = baselines_of(panel, TrainingPlan(("A",)), parts, asked)
    assert list(got) == [MAJORITY, PERSISTENCE, REVERSAL, LOGISTIC, TREES]
    for p in (*got.values(), *reached):
        assert p.shape == (asked.size, 3)
        assert p.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    score = direction_score(got[REVERSAL], DOWN_NEUTRAL_UP)
    move = {name: move_logit(p, DOWN_NEUTRAL_UP) for name, p in got.items()}
    assert np.corrcoef(score, features[asked, 0])[0, 1] == pytest.approx(-1.0)
    assert np.ptp(move[REVERSAL]) < 1e-6
    assert np.corrcoef(move[TREES], move[LOGISTIC])[0, 1] > 0.8
    frequencies = np.bincount(labels[panel.separate(fit).ends]) / panel.separate(fit).ends.size
    assert np.allclose(got[MAJORITY], frequencies)


def test_trees_are_added_while_the_loss_on_whole_validation_rows_falls() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((4_000, 6)).astype(np.float32)
    labels = np.where(features[:, 3] > 0.3, 2, np.where(features[:, 1] > 0.5, 0, 1))
    rows = np.arange(4_000)
    spec = made_spec("lightgbm_v1", range(4), range(4))
    learned = Examples(features, rows[:3_000], labels[:3_000], np.full(3_000, 0.25))
    beside = Examples(features, rows[3_000:], labels[3_000:], np.ones(1_000))
    settings = LightGbmSettings(move_rounds=60, up_rounds=5, move_patience=3, min_rows_in_leaf=20)
    fitted = LightGbmFamily(spec, settings).fit(learned, beside)
    assert fitted.parts["move"][0].num_trees() > 30


def test_persistence_learns_what_follows_the_last_known_label() -> None:
    open_ms, coin = np.arange(900) * HOUR_MS, np.zeros(900, dtype=np.int64)
    known = np.resize([0, 1, 2, 2], 900)
    fit_keys = RowKeys(open_ms, coin, known, HOUR)
    p = persistence((known + 1) % 3, fit_keys, replace(fit_keys, known=known[::-1]), 3)
    assert np.array_equal(p.argmax(axis=1), (known[::-1] + 1) % 3)
