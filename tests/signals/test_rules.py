"""RSI with EMA, momentum and hold: their conditions at the edges, and their reasons."""

from math import nan

import pytest

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import SignalSource
from crypto_bot.signals.analyzer import ProfessionalAnalyzer
from crypto_bot.signals.hold import Hold
from crypto_bot.signals.momentum import Momentum
from crypto_bot.signals.rsi_ma import RsiMa

M15 = Timeframe.parse("15m")


def summary(answer: Call | SignalUnavailable) -> tuple[Pred | None, str]:
    if isinstance(answer, SignalUnavailable):
        return None, str(answer)
    assert answer.distribution is None
    return answer.pred, "; ".join(answer.reasons)


@pytest.mark.parametrize(
    ("rsi", "close", "pred", "reason"),
    [
        (29.9, 100.1, Pred.LONG, "RSI 29.9 below 30, close above EMA 20"),
        (29.9, 100.0, None, "RSI 29.9, but the close is not above EMA 20"),
        (30.0, 100.1, None, "RSI 30 is within 30..70"),
        (50.0, 90.0, None, "RSI 50 is within 30..70"),
        (70.0, 99.9, None, "RSI 70 is within 30..70"),
        (70.1, 99.9, Pred.SHORT, "RSI 70.1 above 70, close below EMA 20"),
        (70.1, 100.0, None, "RSI 70.1, but the close is not below EMA 20"),
        (70.1, 110.0, None, "RSI 70.1, but the close is not below EMA 20"),
    ],
)
def test_rsi_ma(calm: MarketView, rsi: float, close: float, pred: Pred | None, reason: str) -> None:
    view = calm._replace(rsi=rsi, close=close, ema_20=100.0)
    assert summary(RsiMa().calls([view])[0]) == (pred, reason)


@pytest.mark.parametrize(
    ("timeframe", "limit"),
    [("1m", 0.025 / 15**0.5), ("15m", 0.025), ("1h", 0.05), ("4h", 0.1), ("1d", 0.025 * 96**0.5)],
)
def test_momentum_passes_at_its_limit_scaled_by_the_root_of_time(
    calm: MarketView, timeframe: str, limit: float
) -> None:
    source = Momentum(Timeframe.parse(timeframe))
    for side, pred in ((1.0, Pred.LONG), (-1.0, Pred.SHORT)):
        within = calm._replace(change_14=side * limit * 0.9999)
        beyond = calm._replace(change_14=side * limit * 1.0001)
        assert summary(source.calls([within])[0])[0] is None
        assert summary(source.calls([beyond])[0])[0] is pred


def test_the_reason_of_momentum_is_the_change_and_its_limit(calm: MarketView) -> None:
    source = Momentum(M15)
    views = [calm._replace(change_14=change) for change in (0.0123, -0.0311)]
    answers = source.calls(views)
    assert answers[0].near == 0.49, "of the way to its limit"
    assert [summary(answer) for answer in answers] == [
        (None, "14-bar change 123 bp, within ±250 bp"),
        (Pred.SHORT, "14-bar change -311 bp, beyond ±250 bp"),
    ]


def test_hold_stays_out_even_of_a_coin_with_one_candle(calm: MarketView) -> None:
    new = MarketView("NEW", 0, 1, 5.0, nan, nan, nan, nan)
    for answer in Hold().calls([calm, new]):
        assert summary(answer) == (Pred.NO_TRADE, "no source sees a trade")


@pytest.mark.parametrize(
    ("source", "needed"), [(RsiMa(), 20), (Momentum(M15), 15), (ProfessionalAnalyzer(M15), 97)]
)
def test_a_rule_declines_with_the_number_of_candles_that_it_has(
    calm: MarketView, source: SignalSource, needed: int
) -> None:
    few, enough = source.calls([calm._replace(bars=needed - 1), calm._replace(bars=needed)])
    assert str(few) == f"needs {needed} candles without a gap, has {needed - 1}"
    assert "needs" not in str(enough)
    (flat,) = source.calls([calm._replace(atr=0.0)])
    assert str(flat) == "the price has not moved: there is no ATR for a stop"
