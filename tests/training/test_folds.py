"""No label of a test is seen by what is fitted: index tables by hand, and properties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.errors import ConfigError, NotEnoughData
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.statistics.intervals import DayBootstrap
from crypto_bot.statistics.rows import Rows, earlier
from crypto_bot.training.fit import fit_rows
from crypto_bot.training.folds import FINAL, cut, folds_of, parts, rows_to_fit, walk_forward
from crypto_bot.training.panel import Coin, Question, build_panel
from crypto_bot.training.plan import (
    Shares,
    SplitPlan,
    Splits,
    TrainingPlan,
    needed_candles,
    splits_for,
)
from tests.models.made_specs import held
from tests.training.made_market import QUESTION, candles

QUARTER = Timeframe.parse("15m")
FOUR_HOURS = Timeframe.parse("4h")
DAILY = Timeframe.parse("1d")


def daily_table(plan: Splits, horizon_bars: int, days: int) -> list[str]:
    """One letter a day for each fold: f(it), v(alidation), t(est), . for what nobody sees."""
    open_ms = np.arange(days) * DAY_MS
    table = []
    for fold in cut(plan, DAILY, horizon_bars, 0, int(open_ms[-1])):
        letters = np.full(days, ".")
        for letter, rows in zip("fvt", parts(fold, open_ms, np.ones(days, np.bool_)), strict=True):
            assert (letters[rows] == ".").all()
            letters[rows] = letter
        table.append("".join(letters))
    return table


@pytest.mark.parametrize(
    ("plan", "horizon_bars", "table"),
    [
        (
            SplitPlan(folds=4, test_days=3, validation_days=2, embargo_days=1, least_fit_days=3),
            2,
            [
                "fff..vv....ttt.........",
                "ffffff..vv....ttt......",
                "fffffffff..vv....ttt...",
                "ffffffffffff..vv....ttt",
            ],
        ),
        (
            SplitPlan(folds=2, test_days=4, validation_days=3, embargo_days=0, least_fit_days=1),
            1,
            ["ff.vvv..tttt....", "ffffff.vvv..tttt"],
        ),
        (Shares(0.6, 0.2, 0.2), 2, [22 * "f" + ".." + 6 * "v" + ".." + 8 * "t"]),
    ],
)
def test_daily_rows_by_hand(plan: Splits, horizon_bars: int, table: list[str]) -> None:
    assert daily_table(plan, horizon_bars, len(table[0])) == table


def test_rows_without_a_label_are_in_no_part() -> None:
    plan = SplitPlan(folds=1, test_days=2, validation_days=2, embargo_days=1, least_fit_days=1)
    (fold,) = walk_forward(plan, DAILY, 1, 0, 9 * DAY_MS)
    open_ms = np.tile(np.arange(10) * DAY_MS, 2)  # two coins
    usable = np.ones(20, np.bool_)
    usable[[1, 4, 18]] = False
    found = parts(fold, open_ms, usable)
    assert found.fit.tolist() == [0, 2, 10, 11, 12]
    assert found.validation.tolist() == [5, 14, 15]
    assert found.test.tolist() == [8, 9, 19]


def test_too_short_a_history_says_what_is_needed() -> None:
    with pytest.raises(NotEnoughData, match=r"100\.0 days .* 413\.1 are needed"):
        walk_forward(SplitPlan(), Timeframe.parse("15m"), 4, 0, 100 * DAY_MS - 900_000)
    with pytest.raises(NotEnoughData, match=r"39 candles are too few .* 40 are needed"):
        cut(Shares(0.6, 0.2, 0.2), DAILY, 2, 0, 38 * DAY_MS)


@pytest.mark.parametrize("broken", [{"folds": 0}, {"embargo_days": -1}, {"test_days": 0}])
def test_a_plan_that_cannot_be(broken: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="cannot split"):
        SplitPlan(**broken)


@given(
    plan=st.builds(
        SplitPlan,
        folds=st.integers(1, 6),
        test_days=st.integers(1, 20),
        validation_days=st.integers(1, 10),
        embargo_days=st.integers(0, 3),
        least_fit_days=st.just(1),
    ),
    horizon=st.integers(1, 20),
    days=st.integers(1, 250),
    first=st.integers(0, 30),
)
def test_no_label_reaches_into_another_part(
    plan: SplitPlan, horizon: int, days: int, first: int
) -> None:
    test_rows, step = plan.test_days * 6, FOUR_HOURS.ms
    embargo_ms = max(plan.embargo_days * DAY_MS, horizon * step)
    open_ms = first * step + np.arange(days * 6) * step
    try:
        found = walk_forward(plan, FOUR_HOURS, horizon, int(open_ms[0]), int(open_ms[-1]))
    except NotEnoughData:
        needed = 1 + plan.validation_days + plan.folds * plan.test_days
        assert days * 6 < needed * 6 + max(6 * plan.embargo_days, horizon) + 2 * horizon
        return
    tested: list[int] = []
    before: set[int] = set()
    for fold in found:
        fit, validation, test = parts(fold, open_ms, np.ones(open_ms.size, np.bool_))
        assert fit.size
        assert validation.size == plan.validation_days * 6
        assert test.size == test_rows
        # a label made at the close of a candle ends with the candle `horizon` further on
        end_ms = open_ms + (horizon + 1) * step
        assert end_ms[fit].max() <= open_ms[validation].min() + step
        assert end_ms[validation].max() + embargo_ms <= open_ms[test].min() + step
        # spans run from a candle's own close: they never share an instant
        assert end_ms[validation].max() <= (open_ms[test] + step).min()
        assert before <= set(fit.tolist())
        before = set(fit.tolist())
        tested += test.tolist()
    assert tested == list(range(open_ms.size - plan.folds * test_rows, open_ms.size))


@pytest.mark.parametrize(
    ("tf", "horizon_bars", "embargo_bars", "block_days"),
    [("15m", 4, 96, 5), ("4h", 16, 16, 5), ("1d", 4, 4, 5), ("1d", 16, 16, 16), ("1d", 30, 30, 30)],
)
def test_what_waits_for_a_label_waits_for_its_horizon(
    tf: str, horizon_bars: int, embargo_bars: int, block_days: int
) -> None:
    timeframe = Timeframe.parse(tf)
    horizon_ms = horizon_bars * timeframe.ms
    open_ms = np.arange(700 * DAY_MS // timeframe.ms) * timeframe.ms
    found = walk_forward(SplitPlan(), timeframe, horizon_bars, 0, int(open_ms[-1]))
    for fold in found:
        left_out = (fold.test_from_ms - fold.validation_until_ms) // timeframe.ms
        assert left_out == horizon_bars + embargo_bars
        assert fold.validation_from_ms - fold.fit_until_ms == horizon_ms
    tested = open_ms >= found[0].test_from_ms
    number = (open_ms[tested] - found[0].test_from_ms) // (73 * DAY_MS)
    zeros, nothing = np.zeros_like(number), np.zeros(number.size)
    rows = Rows(
        *(open_ms[tested], zeros, number, zeros, nothing, nothing, nothing),
        *(held(horizon_bars), timeframe),
    )
    for fold in found[1:]:
        known = rows.open_ms[earlier(rows, fold.number)]
        # Calibration and expectation: no label ends inside the fold, and no more rows are lost.
        ends_ms = known + timeframe.ms + horizon_ms
        assert not (ends_ms > fold.test_from_ms).any()
        assert known.max() == fold.test_from_ms - (embargo_bars + 1) * timeframe.ms
    assert DayBootstrap(open_ms[tested], 10, horizon_ms=horizon_ms).block_days == block_days


@pytest.mark.parametrize(
    ("timeframe", "horizon", "splits"),
    [
        (QUARTER, "4b", SplitPlan(4, 73, 30, 1, 90)),
        (DAILY, "3d", SplitPlan(4, 73, 30, 1, 90)),
        (DAILY, "4b", SplitPlan(4, 73, 40, 1, 90)),
        (FOUR_HOURS, "16b", SplitPlan(4, 73, 30, 1, 90)),
        (FOUR_HOURS, "19b", SplitPlan(4, 73, 32, 1, 90)),  # 31 days and 16 hours
        (DAILY, "30d", SplitPlan(4, 300, 300, 1, 300)),
    ],
)
def test_every_part_holds_ten_horizons(
    timeframe: Timeframe, horizon: str, splits: SplitPlan
) -> None:
    label = replace(LABELS.get("A"), horizon=Horizon.parse(horizon))
    assert splits_for(Question(timeframe, QUESTION.features, label, 16)) == splits


def test_a_label_of_thirty_days_is_learned_from_daily_candles() -> None:
    label = replace(LABELS.get("A"), name="month", horizon=Horizon.parse("30d"))
    question = Question(DAILY, feature_set("per_coin_v1"), label, 16)
    splits = splits_for(question, folds=2)
    plan = TrainingPlan(("COIN0",), FamilyChoice("logistic_v1"), splits=splits)
    coins = []
    for number in range(2):
        hourly = candles(needed_candles(question, splits) // 24 + 1, number)
        open_ms = (20_000 + np.arange(hourly.open_ms.size)) * DAY_MS
        coins.append(Coin(f"COIN{number}", CandleTable(open_ms, hourly.candles)))
    panel = build_panel(coins, None, question)
    folds = folds_of(panel, plan)
    separate = []
    for number in (0, 1, FINAL):
        rows = rows_to_fit(panel, folds, number)
        separate.append(tuple(panel.separate(part).ends.size for part in rows))
        p = fit_rows(panel, plan, rows).predict_proba(panel.features, rows.validation)
        assert p.shape == (600, 3)
        assert np.isfinite(p).all()
    assert separate == [(20, 20, 20), (40, 20, 20), (64, 20, 0)]
