"""How often each source has been right: the evidence behind a rule's confidence."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG
from crypto_bot.domain.record import Tally, probabilities, tally_of
from crypto_bot.domain.signal import Pred, Probabilities, Signal, Source
from crypto_bot.ports import PredictionStore, Settled, SettledCall
from crypto_bot.statistics.recalibration import KEPT_DAYS, Recalibration, Recalibrations

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

    def __init__(self, lag_ms: int, recalibrations: Recalibrations | None = None) -> None:
        self.lag_ms = lag_ms
        """How old an outcome must be before it counts for other coins."""
        self.recalibrations = recalibrations
        """Of what models gave; None where that is served as it is."""
        self.restore({}, ())

    def recover(self, store: PredictionStore, recent_ms: int) -> None:
        """Starts from what is stored. `recent_ms`: a lag before the oldest candle still owed.

        Raises StoreError.
        """
        self.restore(store.tallies(), store.settled_since(recent_ms))
        if self.recalibrations is not None:
            since_ms = recent_ms - KEPT_DAYS * DAY_MS
            self.recalibrations.restore(store.settled_calls(since_ms))

    def restore(
        self, tallies: Mapping[tuple[Source, str], Tally], recent: Iterable[Settled]
    ) -> None:
        """Starts from all `tallies`, of which `recent` is the newest part."""
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

    def learn(self, signal: Signal, side: Pred, settled_ms: int) -> None:
        """Takes in what a model gave, and what came."""
        of_sides = signal.distribution.classes == SHORT_NO_TRADE_LONG
        if self.recalibrations is None or signal.model_version is None or not of_sides:
            return
        given = signal.given or signal.probabilities
        call = SettledCall(settled_ms, signal.candle_open_ms, signal.symbol, given, side)
        self.recalibrations.add([call])

    def recalibrated(self, chances: Distribution, open_ms: int) -> Recalibration | None:
        """What a model's probabilities for the candle at `open_ms` are recalibrated by, if any."""
        if self.recalibrations is None or chances.classes != SHORT_NO_TRADE_LONG:
            return None
        found = self.recalibrations.at(open_ms)
        return found.by if found.helps else None

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
