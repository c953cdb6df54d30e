"""Observations as arrays, and what of them is known at each candle's close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import MarketDataError
from crypto_bot.ports.market_data import Observation, Series

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class Observations(NamedTuple):
    """Values (n,) or (n, k), each row known from `known_ms` (n,) on, which does not descend."""

    known_ms: Integers
    values: Floats

    def before(self, until_ms: int) -> Observations:
        """Those that were known before the instant `until_ms`, or at it."""
        count = int(np.searchsorted(self.known_ms, until_ms, side="right"))
        return Observations(self.known_ms[:count], self.values[:count])


class Column(NamedTuple):
    """A value for each candle, (n,) or (n, k), and whether it is `known` (n,); 0 where not."""

    values: Floats
    known: Booleans


class SeriesColumn(NamedTuple):
    """A data series as of each close; a value that is older than `max_age_ms` then is masked.

    `words` say what it is where a signal's reasons name it.
    """

    series: str
    max_age_ms: int
    words: str = ""


NOTHING = Observations(np.empty(0, np.int64), np.empty(0))


def observations(found: Sequence[Observation], origin: str) -> Observations:
    """`found` as arrays. Raises MarketDataError for disorder or a value that is no number."""
    table = np.array(found, np.float64).reshape(-1, 2)
    known_ms, values = table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1])
    faulty = ~np.isfinite(values)
    faulty[1:] |= np.diff(known_ms) < 0
    if faulty.any():
        row = int(np.argmax(faulty))
        raise MarketDataError(f"{origin}: observation {row} is out of order or no number")
    return Observations(known_ms, values)


def read_series(
    held: Mapping[str, Series],
    wanted: Iterable[SeriesColumn],
    symbol: str,
    closes_ms: tuple[int, int],
) -> dict[str, Observations]:
    """All that closes between the two of `closes_ms` can see; nothing of a series not `held`."""
    since_ms, until_ms = closes_ms
    return {
        name: observations(
            held[name].read(symbol, since_ms - age_ms, until_ms), f"{name} of {symbol}"
        )
        for name, age_ms, _ in wanted
        if name in held
    }


def as_of(at_ms: Integers, known: Observations, max_age_ms: int) -> Column:
    """The newest value that was known at each instant of `at_ms` (n,), itself included.

    A value known more than `max_age_ms` before the instant is masked, as is one that is not there.
    """
    values = np.zeros((at_ms.size, *known.values.shape[1:]))
    place = np.searchsorted(known.known_ms, at_ms, side="right") - 1
    fresh = place >= 0
    fresh[fresh] = at_ms[fresh] - known.known_ms[place[fresh]] <= max_age_ms
    values[fresh] = known.values[place[fresh]]
    return Column(values, fresh)
