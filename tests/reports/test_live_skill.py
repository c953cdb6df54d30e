"""Models live: an AUC by hand, its interval against draws, and each version by itself."""

from math import isnan

import numpy as np
import pytest

from crypto_bot.domain.interval import UNKNOWN
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.reports.live_skill import all_models, calibration, direction_auc, live_models
from crypto_bot.statistics.loss_curve import losses
from crypto_bot.statistics.resolved import ResolvedCalls
from tests.adapters.web.conftest import CARD
from tests.reports.made_calls import market


def test_auc_by_hand() -> None:
    score = np.array([0.9, 0.5, 0.5, 0.1] * 30)
    up = np.array([True, True, False, False] * 30)
    # Pairs: .9 beats both, .5 ties with .5 and beats .1.
    found = direction_auc(score, up, np.arange(120) // 30)
    assert found.value == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert found.is_bounded


@pytest.mark.parametrize("count", [0, 90])
def test_one_side_alone_has_no_auc(count: int) -> None:
    assert direction_auc(np.ones(count), np.ones(count, dtype=bool), np.arange(count)) == UNKNOWN


def test_the_interval_of_an_auc_covers_the_truth() -> None:
    """Scores one standard deviation over sqrt(2) apart: AUC .6915 (normal distribution at .5)."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        up = rng.random(600) < 0.5
        score = rng.normal(size=600) + up * 0.5**0.5
        found = direction_auc(score, up, np.arange(600) // 20)
        covered += found.low <= 0.6915 <= found.high
    assert 180 <= covered <= 200


def test_calibration_of_honest_and_of_shrill_probabilities() -> None:
    for stretch, is_honest in ((1.0, True), (3.0, False)):
        calls = ResolvedCalls.of(market(15, stretch=stretch))
        ece, floor = calibration(calls.p, calls.label)
        assert ece < floor if is_honest else ece > 2 * floor


def entry(symbol: str, version: str | None) -> ModelEntry:
    card = None if version is None else CARD._replace(version=version)
    return ModelEntry(symbol, served=True, traded=True, reason="", card=card)


def test_each_version_is_measured_by_its_own_calls() -> None:
    rows = [*market(10, coins=1, bars=48), *market(10, coins=2, bars=48, version="v2")]
    calls = ResolvedCalls.of(sorted(rows, key=lambda row: row.candle_open_ms))
    found = live_models(
        calls,
        losses(calls),
        [entry("C1USDT", "v2"), entry("C0USDT", "v1"), entry("C9USDT", "v1"), entry("X", None)],
    )
    assert [(each.symbol, each.version, each.n) for each in found] == [
        ("C0USDT", "v1", 480),
        ("C1USDT", "v2", 480),
        ("C9USDT", "v1", 0),
    ]
    first, _, never = found
    assert (first.tested, first.days) == (CARD.metrics, 10)
    assert first.skill.is_estimated
    assert first.skill.is_bounded
    assert never.skill == UNKNOWN
    assert isnan(never.ece)


def test_all_models_together() -> None:
    calls = ResolvedCalls.of(market(15))
    found = all_models(calls, losses(calls))
    assert found.n == len(calls)
    assert found.skill.low > 0.0
    assert found.direction_auc.low > 0.5
