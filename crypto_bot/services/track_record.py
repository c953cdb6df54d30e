"""How often each source has been right: the evidence behind a rule's confidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crypto_bot.domain.record import Tally, probabilities, tally_of, total
from crypto_bot.domain.signal import Pred, Probabilities, Signal, Source
from crypto_bot.ports import Settled

_NONE = Tally()


class TrackRecord:
    """Tallies by (source, coin), and by source over all coins as they stood `lag_ms` earlier.

    A coin's own tally is current, since its candles are taken in order. The pooled one lags, so
    that a coin whose candles come late (by less than `lag_ms`) changes nothing in what is said of
    the others: the record depends on candles alone, never on when they arrived.
    """

    def __init__(self, lag_ms: int) -> None:
        self._lag_ms = lag_ms
        self._on_coin: dict[Source, dict[str, Tally]] = {source: {} for source in Source}
        self._recent: dict[Source, dict[int, Tally]] = {source: {} for source in Source}
        self._pooled: dict[tuple[Source, int], Tally] = {}

    @property
    def lag_ms(self) -> int:
        """How old an outcome must be before it counts for other coins."""
        return self._lag_ms

    def restore(
        self, tallies: Mapping[tuple[Source, str], Tally], recent: Iterable[Settled]
    ) -> None:
        """Starts from the stored record: all `tallies`, of which `recent` is the newest part.

        `recent` must reach back at least two lags before the oldest candle that is still owed.
        """
        self._on_coin = {source: {} for source in Source}
        self._recent = {source: {} for source in Source}
        self._pooled = {}
        for (source, symbol), tally in tallies.items():
            self._on_coin[source][symbol] = tally
        for settled in recent:
            self._remember(settled.source, settled.settled_ms, settled.tally)

    def add(self, signal: Signal, label: Pred, settled_ms: int) -> None:
        """Counts one labelled outcome."""
        tally = tally_of(signal.pred, label)
        on_coin = self._on_coin[signal.source]
        on_coin[signal.symbol] = on_coin.get(signal.symbol, _NONE).plus(tally)
        self._remember(signal.source, settled_ms, tally)

    def probabilities(
        self, source: Source, symbol: str, pred: Pred, close_ms: int
    ) -> Probabilities:
        """P(label) after the call `pred`, made at `close_ms`."""
        on_coin = self._on_coin[source].get(symbol, _NONE)
        return probabilities(pred, on_coin, self.pooled(source, close_ms))

    def pooled(self, source: Source, close_ms: int) -> Tally:
        """Outcomes of `source` on all coins, settled at or before `close_ms - lag_ms`."""
        key = (source, close_ms)
        found = self._pooled.get(key)
        if found is None:
            limit_ms = close_ms - self._lag_ms
            recent = self._recent[source].items()
            newer = total(tally for settled_ms, tally in recent if settled_ms > limit_ms)
            found = self._pooled[key] = total(self._on_coin[source].values()).minus(newer)
            self._forget(source, close_ms)
        return found

    def _remember(self, source: Source, settled_ms: int, tally: Tally) -> None:
        recent = self._recent[source]
        if settled_ms not in recent:
            self._pooled.clear()
        recent[settled_ms] = recent.get(settled_ms, _NONE).plus(tally)

    def _forget(self, source: Source, close_ms: int) -> None:
        # Three lags: a coin that is a whole lag behind still finds what it must subtract.
        horizon_ms = close_ms - 3 * self._lag_ms
        recent = self._recent[source]
        for settled_ms in [at for at in recent if at <= horizon_ms]:
            del recent[settled_ms]
