"""One signal for each coin: the fallback chain, the source's record, and the price levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.engine_key import BINANCE_SPOT
from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Declined, Probabilities, Role, Signal, Source, levels
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.track_record import TrackRecord
from crypto_bot.ports import SignalSource


@dataclass(frozen=True, slots=True, eq=False)
class SignalEngineService:
    """Asks `sources` in order; the first that answers for a coin is its signal.

    The last source must answer for every coin (HOLD does), so that each closed candle has exactly
    one signal. `challengers` are models that answer beside those that are served.
    """

    timeframe: Timeframe
    sources: Sequence[SignalSource]
    record: TrackRecord
    horizon_bars: int
    cost_bps: float
    engine: str = BINANCE_SPOT.name
    challengers: SignalSource | None = None

    def signals(self, views: Mapping[str, MarketView]) -> list[Signal]:
        """One signal for each view, in the order of the views."""
        answers: dict[str, Signal] = {}
        waiting = list(views.values())
        passed: dict[str, list[Declined]] = {view.symbol: [] for view in waiting}
        for source in self.sources:
            if not waiting:
                break
            name = source.source
            unanswered: list[MarketView] = []
            for view, answer in zip(waiting, source.calls(waiting), strict=True):
                declined = passed[view.symbol]
                if isinstance(answer, SignalUnavailable):
                    declined.append(Declined(name, str(answer), answer.near))
                    unanswered.append(view)
                else:
                    answers[view.symbol] = self._signal(name, view, answer, declined)
            waiting = unanswered
        return [answers[symbol] for symbol in views]

    def challenges(self, views: Mapping[str, MarketView]) -> list[Signal]:
        """What the `challengers` answer for some of the views, beside the signals."""
        if self.challengers is None:
            return []
        asked = list(views.values())
        name = self.challengers.source
        return [
            self._signal(name, view, answer, (), Role.CHALLENGER)
            for view, answer in zip(asked, self.challengers.calls(asked), strict=True)
            if not isinstance(answer, SignalUnavailable)
        ]

    def _signal(
        self,
        source: Source,
        view: MarketView,
        call: Call,
        declined: Sequence[Declined],
        role: Role = Role.CHAMPION,
    ) -> Signal:
        close_ms = self.timeframe.close_of(view.open_ms)
        chances = call.distribution
        if chances is None:
            record = self.record.probabilities(source, view.symbol, call.pred, close_ms)
            chances = record.distribution
        reasons, given = call.reasons, None
        if role is Role.CHAMPION and call.model_version is not None:
            by = self.record.recalibrated(chances, view.open_ms)
            if by is not None:
                given = Probabilities._make(chances.probabilities)
                (p,) = by.of(np.array([given])).tolist()
                chances = Distribution(SHORT_NO_TRADE_LONG, tuple(p))
                reasons = (*reasons, f"recalibrated: {by}")
        horizon_bars = self.horizon_bars
        if call.label is not None:
            horizon_bars = call.label.horizon.bars(self.timeframe)
        atr = view.atr if 0.0 < view.atr < inf else None
        return Signal(
            symbol=view.symbol,
            tf=self.timeframe.name,
            candle_open_ms=view.open_ms,
            pred=call.pred,
            confidence=chances.of(call.pred),
            distribution=chances,
            source=source,
            levels=levels(call.pred, view.close, atr),
            atr=atr,
            horizon_bars=horizon_bars,
            reasons=reasons,
            declined=tuple(declined),
            expected_bps=call.expected_bps,
            cost_bps=self.cost_bps,
            model_version=call.model_version,
            label=call.label,
            role=role,
            engine=self.engine,
            near=call.near,
            given=given,
        )
