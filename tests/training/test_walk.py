"""A walk answers with what was known: nothing that follows a step changes its answers."""

from pathlib import Path

import numpy as np
import pytest

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.training.panel import Coin, build_panel
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.walk import Walked, WalkPlan, walk
from tests.training.made_market import HOUR, QUESTION, SPLITS, candles

SINCE_MS, DAYS = 20_075 * DAY_MS, 105
CHANGED_MS = SINCE_MS + 20 * DAY_MS
NAMES = ("COIN0", "COIN1")
TRAINING = TrainingPlan(NAMES, FamilyChoice("logistic_v1"), splits=SPLITS, seed=3)


def walked(folder: Path, changed_from_ms: int | None = None) -> Walked:
    folder.mkdir(exist_ok=True)
    tables = [candles(DAYS, seed, missing=(2_400,)) for seed in range(2)]
    if changed_from_ms is not None:
        tables = [_doubled(table, changed_from_ms) for table in tables]
    coins = [Coin(name, table) for name, table in zip(NAMES, tables, strict=True)]
    panel = build_panel(coins, None, QUESTION, folder)
    until_ms = 20_000 * DAY_MS + DAYS * DAY_MS - HOUR.ms
    return walk(folder, panel, WalkPlan(SINCE_MS, until_ms, 10.0, TRAINING), workers=1)


def _doubled(table: CandleTable, from_ms: int) -> CandleTable:
    later = (table.open_ms >= from_ms)[:, None]
    return CandleTable(table.open_ms, np.where(later, 2.0 * table.candles[:, ::1], table.candles))


def test_what_comes_after_a_step_changes_none_of_its_answers(tmp_path: Path) -> None:
    found, other = walked(tmp_path / "a"), walked(tmp_path / "b", CHANGED_MS)
    assert found.open_ms.min() == SINCE_MS
    assert np.allclose(found.p.sum(axis=1), 1.0)
    assert np.isfinite(found.long_bps[np.isfinite(found.place)]).all()
    before = found.open_ms < CHANGED_MS
    for mine, theirs in zip(found, other, strict=True):
        assert np.array_equal(mine[before], theirs[before], equal_nan=True)
    assert not np.array_equal(found.p[~before], other.p[~before])


def test_a_gap_to_come_is_not_known_and_a_stored_step_is_not_fitted_again(tmp_path: Path) -> None:
    found = walked(tmp_path / "a")
    gap_ms = 20_000 * DAY_MS + 2_400 * HOUR.ms
    assert gap_ms - HOUR.ms in found.open_ms
    answers = tmp_path / "a" / "answers-1.npy"
    np.save(answers, np.full_like(np.load(answers), 1.0 / 3.0))
    again = walked(tmp_path / "a")
    second = (found.open_ms >= SINCE_MS + 10 * DAY_MS) & (found.open_ms < CHANGED_MS)
    assert np.allclose(again.p[second], 1.0 / 3.0)
    first = found.open_ms < SINCE_MS + 10 * DAY_MS
    assert np.array_equal(again.p[first], found.p[first])
    with pytest.raises(NotEnoughData, match="begin with --since"):
        WalkPlan(SINCE_MS - 50 * DAY_MS, SINCE_MS, 10.0, TRAINING).steps(QUESTION, 20_000 * DAY_MS)
