"""Trades in groups: break-even by hand, standing, random side."""

from math import isnan, nan

import pytest

from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.signal import Source
from crypto_bot.ports import ResolvedCall
from crypto_bot.statistics import breakdown
from crypto_bot.statistics.daily import MIN_CALLS, wilson
from crypto_bot.statistics.resolved import ResolvedCalls
from crypto_bot.statistics.standing import Standing, episodes_to_settle, standing
from tests.reports.made_calls import call, market


def trades(hits: int, misses: int, symbol: str = "BTCUSDT") -> list[ResolvedCall]:
    ends = [("LONG", 120.0)] * hits + [("SHORT", -80.0)] * misses
    return [
        call(at, label=label, return_bps=bps, symbol=symbol) for at, (label, bps) in enumerate(ends)
    ]


def test_break_even_needs_episodes_and_both_kinds_of_them() -> None:
    for rows in (trades(10, 10), trades(40, 0), []):
        assert isnan(breakdown.overall(ResolvedCalls.of(rows)).break_even)


def test_repeated_calls_are_one_episode_and_a_gain_within_its_cost_is_none() -> None:
    """Of runs of three calls the first counts, whatever the others came to."""
    rows = []
    for run in range(40):
        first = (100.0, 8.0, -60.0, 100.0)[run % 4]
        for at, bps in enumerate((first, 500.0, -500.0)):
            rows.append(call(8 * run + at, return_bps=bps, begins=at == 0))
    line = breakdown.overall(ResolvedCalls.of(rows))
    assert (line.calls, line.n, line.record.won) == (120, 40, 20)
    # 10 bp of costs: G 90, L (2 + 70) / 2.
    assert line.break_even == pytest.approx(36 / (90 + 36))
    assert line.record.mean_net_bps.value == pytest.approx((90 + 90 - 2 - 70) / 4)


def test_each_source_has_a_break_even_of_its_own() -> None:
    rows = trades(30, 30) + [
        call(100 + at, source=Source.MOMENTUM, return_bps=50.0 if at < 15 else -50.0, cost_bps=0.0)
        for at in range(30)
    ]
    lines = breakdown.by_source(ResolvedCalls.of(rows))
    # 110 h - 90 (1 - h) = 0
    assert {line.name: line.break_even for line in lines} == {
        "RSI_MA LONG": pytest.approx(0.45),
        "MOMENTUM LONG": pytest.approx(0.5),
    }


def test_a_line_by_hand() -> None:
    calls = ResolvedCalls.of(trades(30, 10))
    line = breakdown.overall(calls)
    assert line.n == 40
    assert line.rate.value == pytest.approx(0.75)
    assert line.standing is Standing.ABOVE
    # 30 calls of (120 - 10) / 100 and 10 of (-80 - 10) / 100.
    assert line.mean_r.value == pytest.approx((30 * 1.1 - 10 * 0.9) / 40)


def test_few_calls_have_an_interval_and_no_rate_and_none_at_all_have_no_lines() -> None:
    few = breakdown.overall(ResolvedCalls.of(trades(5, 5)))
    assert (few.rate.is_estimated, few.rate.is_bounded) == (False, True)
    assert (few.mean_r, few.standing) == (UNKNOWN, Standing.TOO_FEW)
    calls = ResolvedCalls.of([])
    line = breakdown.overall(calls)
    assert (line.n, line.rate, line.standing) == (0, UNKNOWN, Standing.TOO_FEW)
    assert breakdown.by_source(calls) == ()
    assert breakdown.by_coin(calls) == ()
    assert breakdown.by_volatility(calls) == ()
    assert breakdown.random_side(calls).n == 0
    assert [each.n for each in breakdown.by_hour(calls)] == [0] * 24
    assert breakdown.confusion(calls) == ((0, 0, 0),) * 3


def test_lines_hold_every_episode_once() -> None:
    calls = ResolvedCalls.of(market(12))
    for line in breakdown.by_coin(calls):
        mine = calls.where(calls.coin == calls.symbols.index(line.name))
        assert line.n == len(mine)
        assert line.rate.value == pytest.approx((mine.net_bps > 0.0).mean())
    assert sum(line.n for line in breakdown.by_hour(calls)) == len(calls)
    assert sum(line.n for line in breakdown.by_volatility(calls)) == len(calls)


def test_coins_are_sorted_by_lower_bound_and_those_with_few_calls_last() -> None:
    rows = [
        *trades(2, 0, symbol="FEWUSDT"),
        *trades(25, 15, symbol="GOODUSDT"),
        *trades(10, 30, symbol="BADUSDT"),
    ]
    calls = ResolvedCalls.of(sorted(rows, key=lambda row: row.candle_open_ms))
    lines = breakdown.by_coin(calls)
    assert [line.name for line in lines] == ["GOODUSDT", "BADUSDT", "FEWUSDT"]


def test_groups_of_hours_in_utc_and_fifths_of_volatility() -> None:
    hours = breakdown.by_hour(ResolvedCalls.of([call(0), call(3), call(4), call(95)]))
    assert {line.name: line.n for line in hours if line.n} == {"00": 2, "01": 1, "23": 1}
    calls = ResolvedCalls.of([call(at, atr=0.1 + 0.01 * at) for at in range(50)])
    fifths = breakdown.by_volatility(calls)
    assert [line.n for line in fifths] == [10] * 5
    assert fifths[0].name == "10 to 20 bp"


def test_a_random_side_wins_half_of_the_time_and_pays_costs() -> None:
    rows = [call(at * 4, return_bps=100.0 if at % 4 else -100.0) for at in range(400)]
    calls = ResolvedCalls.of(rows)
    lines = breakdown.random_side(calls)
    assert lines.n == 400
    assert lines.rate == pytest.approx(wilson(0.5, 400))
    assert lines.mean_r.value == pytest.approx(-0.1)  # 10 of costs, 100 risked
    assert lines.break_even == pytest.approx(0.55)
    assert lines.standing is Standing.BELOW


def test_confusion_counts_labels_by_calls() -> None:
    pairs = [("LONG", "LONG"), ("LONG", "SHORT"), ("NO_TRADE", "SHORT")]
    calls = ResolvedCalls.of([call(at, pred=p, label=of) for at, (p, of) in enumerate(pairs)])
    assert breakdown.confusion(calls) == ((0, 1, 1), (0, 0, 0), (0, 0, 1))


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(0.47, 0.44, 0.5), Standing.ABOVE),
        (Interval(0.45, 0.40, 0.5), Standing.NOT_PROVEN),
        (Interval(0.45, 0.43, 0.5), Standing.NOT_PROVEN),
        (Interval(0.36, 0.30, 0.42), Standing.BELOW),
        (UNKNOWN, Standing.TOO_FEW),
    ],
)
def test_a_hit_rate_beside_its_break_even(interval: Interval, expected: Standing) -> None:
    assert standing(100, interval, 0.43) is expected
    assert standing(MIN_CALLS - 1, interval, 0.43) is Standing.TOO_FEW
    assert standing(100, interval, nan) is Standing.TOO_FEW


def test_how_many_more_calls_would_settle_it() -> None:
    calls = ResolvedCalls.of(trades(44, 56))
    record = breakdown.overall(calls).record
    # 1.96^2 * .44 * .56 / .02^2 = 2,366 episodes on two days: taken as independent
    assert episodes_to_settle(record, 0.42) == 2367 - 100
    assert episodes_to_settle(record, 0.44) is None
    assert episodes_to_settle(record, 0.01) == 0
