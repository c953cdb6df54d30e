"""Moving windows against their definition, from any first bar."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_bot.features.windows import clear, empty_windows, plan, push_maxima, push_sums
from crypto_bot.market_data.observations import Floats

WIDTHS = (3, 7)
ROWS, LENGTH = plan({0: (0, 1), 1: (1,)}, WIDTHS)
NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def held(values: list[float], first_bar: int, *, greatest: bool) -> Floats:
    """The windows after each value: (bars, series, span); series 1 is the negative of series 0."""
    empty = -np.inf if greatest else 0.0
    (values_now, *rest) = empty_windows(1, 2, 2, LENGTH)
    windows = type(empty_windows(0, 0, 0, 0))(values_now[0], *(part[0] for part in rest))
    clear(ROWS, 0, windows, empty)
    out = []
    for bar, value in enumerate(values, first_bar):
        windows.values[:] = value, -value
        places = np.array([bar % width for width in WIDTHS])
        (push_maxima if greatest else push_sums)(ROWS, places, windows)
        out.append(windows.held.copy())
    return np.array(out)


@settings(deadline=None)  # the first call compiles
@given(values=NUMBERS, first_bar=st.integers(0, 30))
def test_windows_hold_the_last_values_or_what_there_is(values: list[float], first_bar: int) -> None:
    sums = held(values, first_bar, greatest=False)
    tops = held(values, first_bar, greatest=True)
    for at in range(len(values)):
        for span, width in enumerate(WIDTHS):
            window = np.array(values[max(0, at + 1 - width) : at + 1])
            assert np.isclose(sums[at, 0, span], window.sum(), rtol=1e-9, atol=1e-6)
            assert tops[at, 0, span] == window.max()
        assert np.isclose(sums[at, 1, 1], -np.sum(values[max(0, at - 6) : at + 1]), atol=1e-6)
        assert tops[at, 1, 1] == -np.min(values[max(0, at - 6) : at + 1])


@settings(deadline=None)
@given(before=NUMBERS, values=NUMBERS, first_bar=st.integers(0, 30))
def test_a_full_window_has_the_same_bits_whatever_came_before(
    before: list[float], values: list[float], first_bar: int
) -> None:
    long = held(before + values, first_bar, greatest=False)[len(before) :]
    short = held(values, first_bar + len(before), greatest=False)
    for span, width in enumerate(WIDTHS):
        assert long[width - 1 :, 0, span].tobytes() == short[width - 1 :, 0, span].tobytes()
