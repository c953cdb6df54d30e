"""Higher candles in memory against a simple implementation and the calendar."""

from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.memory import CandleMemory, Level, absorb, empty_memory

M15 = Timeframe.parse("15m")


def made(places: Iterable[int], seed: int) -> list[Candle]:
    """Candles at these grid positions, with unrelated prices."""
    rng = np.random.default_rng(seed)
    candles = []
    for place in places:
        low, opened, close, high = np.sort(rng.uniform(1.0, 2.0, 4)).tolist()
        candles.append(Candle(place * M15.ms, opened, high, low, close, 1.0))
    return candles


def held(memory: CandleMemory, level: int) -> list[tuple[float, ...]]:
    """The complete candles of a level in memory, as (high, low, close)."""
    filled = memory.higher_filled[0, level]
    return [tuple(row) for row in memory.higher[0, level, :, :filled].T.tolist()]


def resampled(candles: Sequence[Candle], level: Timeframe) -> list[tuple[float, ...]]:
    """Simple implementation: group by slot since the last gap, keep complete groups."""
    segment: list[Candle] = []
    for candle in candles:
        if segment and candle.open_ms != segment[-1].open_ms + M15.ms:
            segment = []
        segment.append(candle)
    slots: dict[int, list[Candle]] = {}
    for candle in segment:
        slots.setdefault(level.open_of(candle.open_ms), []).append(candle)
    return [
        (max(c.high for c in group), min(c.low for c in group), group[-1].close)
        for group in slots.values()
        if len(group) * M15.ms == level.ms
    ]


@settings(max_examples=60, deadline=None)
@given(
    first=st.integers(0, 3000),
    steps=st.lists(st.one_of(st.just(1), st.just(1), st.just(1), st.integers(1, 9)), max_size=60),
    runs=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_higher_candles_are_the_complete_ones_since_the_last_gap(
    first: int, steps: list[int], runs: list[int], seed: int
) -> None:
    places = [first]
    for run in runs:
        places += [places[-1] + 1 + i for i in range(run)]
        places += [places[-1] + step for step in steps[:3]]
        steps = steps[3:]
    candles = made(sorted(set(places)), seed)
    levels = [Level(timeframe, 2000, 3, 6) for timeframe in M15.higher()]
    memory = empty_memory(1, M15, levels)
    for candle in candles:
        absorb(memory, 0, np.array(candle, np.float64))
    for at, level in enumerate(levels):
        assert held(memory, at) == resampled(candles, level.timeframe)
