"""Live performance: known values, and what must hold for any record."""

from __future__ import annotations

import random
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN
from crypto_bot.domain.signal import Source
from crypto_bot.ports import DayRecord
from crypto_bot.statistics.daily import MIN_CALLS, block_days, block_variance, t_95, wilson
from crypto_bot.statistics.performance import performance, review


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_against_published_values(hits: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Intervals for the single proportion, table I, method 3."""
    assert wilson(hits / max(n, 1), n)[1:] == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("degrees", "known"), [(3, 3.18245), (4, 2.77645), (7, 2.36462), (30, 2.04227), (1e9, 1.95996)]
)
def test_t_quantile_against_tables(degrees: float, known: float) -> None:
    assert t_95(degrees) == pytest.approx(known, rel=2e-3)


def test_blocks_are_as_long_as_the_horizon_and_widen_what_follows_each_other() -> None:
    # Blocks of two days: sums 2, 0, -2, 0, 2, 0, -2, 0; squares 16; 16 / 2 * 8 / 6.
    assert block_variance([1, 1, -1, -1, 1, 1, -1, -1]) == pytest.approx(16 / 2 * 8 / 6)
    assert [block_days(days * DAY_MS) for days in (0, 1, 5, 16, 30)] == [5, 5, 5, 16, 30]
    assert block_days(16 * DAY_MS + 1) == 17
    waves = ([1.0] * 32 + [-1.0] * 32) * 2
    assert block_variance(waves, 16) > 2 * block_variance(waves)
    together = block_variance([1.0] * 20 + [-1.0] * 20)
    assert block_variance([1.0, -1.0] * 20) < 40 < together


def day(
    at: int,
    n: int = 10,
    hits: int = 4,
    *,
    source: Source = Source.RSI_MA,
    symbol: str = "BTCUSDT",
    mean_bps: float = 0.0,
    episodes: tuple[int, int, float, float] = (0, 0, 0.0, 0.0),
    no_calls: int = 0,
) -> DayRecord:
    confidence = 0.35
    brier = hits * (1 - confidence) ** 2 + (n - hits) * confidence**2
    sums = n, hits, n, n * mean_bps, n * confidence, brier
    return DayRecord(source, symbol, at, *sums, no_calls, *episodes)


def test_below_thirty_calls_there_is_an_interval_and_no_rate() -> None:
    nothing = performance([])
    assert (nothing.n, nothing.days, nothing.trades) == (0, 0, 0)
    assert nothing.hit_rate == nothing.mean_return_bps == UNKNOWN
    few = performance([day(0, n=MIN_CALLS - 1)])
    assert few.hit_rate == wilson(4 / 29, 29).bounds
    assert not few.mean_return_bps.is_estimated
    assert few.calibration_gap is None
    assert few.brier is None
    enough = performance([day(0, n=MIN_CALLS)])
    assert enough.hit_rate.value == pytest.approx(4 / 30)
    assert enough.mean_return_bps.value == 0.0


def test_a_known_record_and_holds_that_are_in_the_hit_rate_and_not_in_the_returns() -> None:
    record = performance([day(at) for at in range(10)])
    assert record.hit_rate.value == pytest.approx(0.4)
    assert record.mean_confidence == pytest.approx(0.35)
    assert record.calibration_gap == pytest.approx(-0.05)
    assert record.brier == pytest.approx(0.4 * 0.65**2 + 0.6 * 0.35**2)
    assert record.brier_baseline == pytest.approx(0.24)
    holds = day(0, n=50, hits=40, source=Source.HOLD)._replace(trades=0, return_bps=0.0)
    mixed = performance([holds, day(0, n=40, mean_bps=7.0)])
    assert (mixed.n, mixed.hits, mixed.trades) == (90, 44, 40)
    assert mixed.mean_return_bps.value == pytest.approx(7.0)


def test_decisions_are_counted_beside_the_calls_and_no_calls_in_neither() -> None:
    """Ten days of 40 calls in 4 episodes: 2 of them gain 30 bp each, 2 lose 20."""
    rows = [day(at, n=40, hits=16, episodes=(4, 2, 60.0, 20.0)) for at in range(10)]
    rows.append(day(11, n=0, hits=0, no_calls=334))
    record = performance(rows)
    assert (record.n, record.no_calls, record.days) == (400, 334, 10)
    held = record.episodes
    assert (held.n, held.won, held.hit_rate.value) == (40, 20, 0.5)
    assert held.break_even == pytest.approx(20 / 50)
    assert held.mean_net_bps.value == pytest.approx(5.0)


def test_groups_are_by_source_by_coin_and_over_all() -> None:
    rows = [
        day(0, n=31, hits=10),
        day(0, n=32, hits=20, symbol="ETHUSDT"),
        day(1, n=33, hits=30, source=Source.MOMENTUM),
    ]
    found = review(rows)
    by_source = {name: each.n for name, each in found.by_source.items()}
    by_symbol = {name: each.hits for name, each in found.by_symbol.items()}
    assert found.overall.n == 96
    assert by_source == {Source.RSI_MA: 63, Source.MOMENTUM: 33}
    assert by_symbol == {"BTCUSDT": 40, "ETHUSDT": 20}


def test_coins_that_move_together_are_not_independent_calls() -> None:
    """Each day all 32 coins are right or all are wrong: 40 observations, not 1,280."""
    rng = random.Random(7)
    rows = []
    for at in range(40):
        hits = 1 if rng.random() < 0.5 else 0
        rows += [day(at, n=1, hits=hits, symbol=f"C{coin}") for coin in range(32)]
    record = performance(rows)
    assert record.n == 1280
    assert record.n_effective is not None
    assert record.n_effective < 80
    assert record.hit_rate.high - record.hit_rate.low > 0.2


@pytest.mark.parametrize("days", [8, 30, 120])
def test_the_return_interval_has_its_nominal_coverage(days: int) -> None:
    """Days with a shared shock that lingers (AR 0.2) and unequal numbers of calls; truth 3 bp."""
    rng = random.Random(days)
    covered, runs = 0, 400
    for _ in range(runs):
        shock, rows = rng.gauss(0, 30), []
        for at in range(days):
            shock = 0.2 * shock + rng.gauss(0, 30)
            rows.append(day(at, n=rng.randint(5, 40), mean_bps=3.0 + shock))
        interval = performance(rows).mean_return_bps
        covered += interval.low <= 3.0 <= interval.high
    assert 0.90 <= covered / runs <= 0.99, covered / runs


@st.composite
def records(draw: st.DrawFn) -> list[DayRecord]:
    rows = []
    for _ in range(draw(st.integers(1, 40))):
        n = draw(st.integers(1, 200))
        hits = draw(st.integers(0, n))
        trades = draw(st.integers(0, n))
        begun = draw(st.integers(0, trades))
        won, gain = draw(st.integers(0, begun)), draw(st.floats(1, 500))
        rows.append(
            DayRecord(
                source=draw(st.sampled_from(Source)),
                symbol=draw(st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"])),
                day=draw(st.integers(19_000, 19_040)),
                n=n,
                hits=hits,
                trades=trades,
                return_bps=draw(st.floats(-500, 500)) * trades,
                confidence=draw(st.floats(0, 1)) * n,
                brier=draw(st.floats(0, 1)) * n,
                no_calls=draw(st.integers(0, 9)),
                episodes=begun,
                won=won,
                won_bps=gain * won,
                net_bps=gain * won - draw(st.floats(1, 500)) * (begun - won),
            )
        )
    return rows


@given(records())
def test_any_record_adds_up_and_its_intervals_hold_its_estimates(rows: list[DayRecord]) -> None:
    found = review(rows)
    assert sum(each.n for each in found.by_source.values()) == found.overall.n
    assert sum(each.hits for each in found.by_symbol.values()) == found.overall.hits
    for record in (found.overall, *found.by_source.values(), *found.by_symbol.values()):
        _, low, high = record.hit_rate
        assert 0.0 <= low <= high <= 1.0
        assert low - 1e-12 <= record.hits / record.n <= high + 1e-12
        assert record.n_effective is None or record.n_effective <= record.n
        assert record.hit_rate.is_estimated == (record.n >= MIN_CALLS)
        assert record.episodes.n <= record.trades
        assert not record.episodes.break_even < 0.0
        assert not record.episodes.break_even > 1.0
        mean = record.mean_return_bps
        if mean.is_bounded and mean.is_estimated:
            assert mean.low <= mean.value <= mean.high


@given(records(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows: list[DayRecord], rng: random.Random) -> None:
    shuffled = list(rows)
    rng.shuffle(shuffled)
    assert review(shuffled) == review(rows)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_narrows_with_more_calls(n: int, rate: float) -> None:
    few, many = wilson(rate, n), wilson(rate, 4 * n)
    assert many.high - many.low < few.high - few.low
    assert isclose(sum(wilson(1 - rate, n)[1:]), 2 - sum(few[1:]), abs_tol=1e-9)
