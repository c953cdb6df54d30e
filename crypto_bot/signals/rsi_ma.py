"""RSI with a moving average: oversold above the average, overbought below it."""

from __future__ import annotations

from collections.abc import Sequence

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred, Source

MIN_BARS = 20
OVERSOLD, OVERBOUGHT = 30.0, 70.0


class RsiMa:
    """LONG where RSI(14) is below 30 with the close above EMA 20; SHORT in the mirror image.

    The two rarely go together: what makes an RSI low usually takes the price below its average.
    """

    source = Source.RSI_MA

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        return [self._call(view) for view in views]

    def _call(self, view: MarketView) -> Call | SignalUnavailable:
        if view.bars < MIN_BARS:
            return SignalUnavailable(f"needs {MIN_BARS} candles without a gap, has {view.bars}")
        if not view.atr > 0.0:
            return SignalUnavailable("the price has not moved: there is no ATR for a stop")
        rsi = view.rsi
        if OVERSOLD <= rsi <= OVERBOUGHT:
            return SignalUnavailable(f"RSI {rsi:.1f} is within 30..70")
        above = view.close > view.ema_20
        if rsi < OVERSOLD and above:
            return Call(Pred.LONG, (f"RSI {rsi:.1f} below 30, close above EMA 20",))
        if rsi > OVERBOUGHT and view.close < view.ema_20:
            return Call(Pred.SHORT, (f"RSI {rsi:.1f} above 70, close below EMA 20",))
        side = "above" if above else "not above"
        return SignalUnavailable(f"RSI {rsi:.1f}, but the close is {side} EMA 20")
