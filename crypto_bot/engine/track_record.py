"""How often each source has been right: the evidence behind a rule's confidence."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from crypto_bot.domain.record import Tally, probabilities, tally_of
from crypto_bot.domain.signal import Pred, Probabilities, Signal, Source
from crypto_bot.ports import Settled

_NONE = Tally()
_KEPT = 8192
"""Instants kept of each source at least: 85 days of 15-minute candles."""


class _Pool:
    """One source over all coins: the tally as it stood at any of the newest instants."""

    def __init__(self, before: Tally) -> None:
        self._before = before
        self._times: list[int] = []
        self._sums: list[Tally] = []

    def add(self, settled_ms: int, tally: Tally) -> None:
        at = bisect_right(self._times, settled_ms)
        if at > 0 and self._times[at - 1] == settled_ms:
            at -= 1
        else:
            self._times.insert(at, settled_ms)
            self._sums.insert(at, self._sums[at - 1] if at > 0 else self._before)
        for later in range(at, len(self._sums)):
            self._sums[later] = self._sums[later].plus(tally)
        if len(self._times) > 2 * _KEPT:
            self._before = self._sums[_KEPT - 1]
            del self._times[:_KEPT], self._sums[:_KEPT]

    def up_to(self, at_ms: int) -> Tally:
        """Outcomes settled at or before `at_ms`."""
        at = bisect_right(self._times, at_ms)
        return self._sums[at - 1] if at > 0 else self._before


class TrackRecord:
    """Tallies by (source, coin), and by source over all coins as they stood `lag_ms` earlier.

    A coin's own tally is current, since its candles are taken in order. The pooled one is that of
    `lag_ms` before the candle: so a coin whose candles are late by less than that changes no
    other coin's probabilities, and a coin far behind uses nothing from its future.
    """

    def __init__(self, lag_ms: int) -> None:
        self.lag_ms = lag_ms
        """How old an outcome must be before it counts for other coins."""
        self.restore({}, ())

    def restore(
        self, tallies: Mapping[tuple[Source, str], Tally], recent: Iterable[Settled]
    ) -> None:
        """Starts from the stored record: all `tallies`, of which `recent` is the newest part.

        `recent` must reach back a lag before the oldest candle that is still owed.
        """
        self._on_coin: dict[Source, dict[str, Tally]] = {source: {} for source in Source}
        before = dict.fromkeys(Source, _NONE)
        for (source, symbol), tally in tallies.items():
            self._on_coin[source][symbol] = tally
            before[source] = before[source].plus(tally)
        newest = list(recent)
        for settled in newest:
            before[settled.source] = before[settled.source].minus(settled.tally)
        self._pools = {source: _Pool(tally) for source, tally in before.items()}
        for settled in newest:
            self._pools[settled.source].add(settled.settled_ms, settled.tally)

    def add(self, signal: Signal, side: Pred, settled_ms: int) -> None:
        """Counts one outcome; `side` is what its class stands for."""
        tally = tally_of(signal.pred, side)
        on_coin = self._on_coin[signal.source]
        on_coin[signal.symbol] = on_coin.get(signal.symbol, _NONE).plus(tally)
        self._pools[signal.source].add(settled_ms, tally)

    def probabilities(
        self, source: Source, symbol: str, pred: Pred, close_ms: int
    ) -> Probabilities:
        """P(label) after the call `pred`, made at `close_ms`."""
        on_coin = self._on_coin[source].get(symbol, _NONE)
        return probabilities(pred, on_coin, self.pooled(source, close_ms))

    def pooled(self, source: Source, close_ms: int) -> Tally:
        """Outcomes of `source` on all coins, settled at or before `close_ms - lag_ms`."""
        return self._pools[source].up_to(close_ms - self.lag_ms)
