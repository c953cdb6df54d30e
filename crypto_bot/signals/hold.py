"""Hold: the end of the chain, always NO_TRADE."""

from __future__ import annotations

from collections.abc import Sequence

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred, Source

_STAY_OUT = Call(Pred.NO_TRADE, ("no source sees a trade",))


class Hold:
    """Answers for every coin, so that each closed candle has its signal."""

    source = Source.HOLD

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        return [_STAY_OUT for _ in views]
