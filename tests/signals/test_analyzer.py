"""The analyzer: its score part by part, its threshold, and its reasons."""

from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.signals.analyzer import THRESHOLD, ProfessionalAnalyzer, confluence

M15 = Timeframe.parse("15m")
UP: dict[str, Any] = {
    "trend": 1.0,
    "structure": 1.0,
    "rsi": 100.0,
    "macd_histogram": 1.0,
    "support": 0.0,
    "volume_balance": 1.0,
    "volume_ratio": 2.0,
}
DOWN: dict[str, Any] = UP | {
    "trend": -1.0,
    "structure": -1.0,
    "rsi": 0.0,
    "macd_histogram": -1.0,
    "support": 3.0,
    "resistance": 0.0,
    "volume_balance": -1.0,
}


def answer(
    view: MarketView, analyzer: ProfessionalAnalyzer | None = None
) -> Call | SignalUnavailable:
    return (analyzer or ProfessionalAnalyzer(M15)).calls([view])[0]


@pytest.mark.parametrize(
    ("fields", "score"),
    [
        ({}, 0.0),
        (UP, 1.0),
        (DOWN, -1.0),
        ({"trend": 0.6}, 0.35 * 0.6),
        ({"structure": -0.5}, 0.20 * -0.5),
        ({"rsi": 75.0}, 0.25 * 0.25),
        ({"macd_histogram": -0.125}, 0.25 * -0.25),
        ({"macd_histogram": 9.0}, 0.25 * 0.5),  # full at a quarter of an ATR
        ({"support": 1.0}, 0.05 * 0.5),
        ({"support": 0.0, "resistance": 0.0}, 0.0),
        ({"volume_balance": 0.5}, 0.15 * 0.25),
        ({"volume_balance": 0.5, "volume_ratio": 7.0}, 0.15 * 0.5),
        (UP | {"volatility_ratio": 2.0}, 0.5),  # a storm damps
        (UP | {"volatility_ratio": 0.2}, 1.0),  # calm does not amplify
    ],
)
def test_the_score_is_the_weighted_sum_of_the_parts(
    calm: MarketView, fields: dict[str, Any], score: float
) -> None:
    assert confluence(calm._replace(**fields)) == pytest.approx(score, abs=1e-12)


def test_it_answers_only_beyond_its_threshold(calm: MarketView) -> None:
    edge = calm._replace(trend=4 / 7, structure=1.0)
    exactly = confluence(edge)
    assert exactly == pytest.approx(THRESHOLD)
    for side in (1.0, -1.0):
        view = edge._replace(trend=side * 4 / 7, structure=side)
        assert isinstance(answer(view, ProfessionalAnalyzer(M15, exactly)), SignalUnavailable)
        called = answer(view, ProfessionalAnalyzer(M15, exactly - 1e-9))
        assert isinstance(called, Call)
        assert called.pred is (Pred.LONG if side > 0 else Pred.SHORT)
        assert called.distribution is None
        assert called.expected_bps is None


def test_a_decline_names_the_score_and_the_threshold(calm: MarketView) -> None:
    assert str(answer(calm._replace(trend=-0.5))) == "score -0.17 is within ±0.4"
    assert str(answer(calm)) == "score +0.00 is within ±0.4"
    shares = [answer(calm._replace(trend=trend)) for trend in (-0.5, 0.0, 0.8)]
    assert [each.near for each in shares] == [-0.44, 0.0, 0.7], "of the way to the threshold"
    never = ProfessionalAnalyzer(M15, 1.0)
    assert str(answer(calm._replace(**UP), never)) == "score +1.00 is within ±1"
    assert str(answer(calm._replace(**DOWN), never)) == "score -1.00 is within ±1"


def test_the_reasons_name_every_part_with_its_values(calm: MarketView) -> None:
    view = calm._replace(**UP, trend_base=0.9, trend_1=0.8, trend_2=-0.1, trend_3=nan, trend_4=nan)
    called = answer(view)
    assert isinstance(called, Call)
    assert called.reasons == (
        "score +1.00 beyond ±0.4",
        "trend +1.00: base +0.90, 1h +0.80, 4h -0.10",
        "structure +1.0: higher highs and higher lows",
        "momentum +1.00: RSI 100, MACD histogram +1.00 ATR",
        "levels +1.00: support and resistance at -0.0 and +3.0 ATR",
        "volume +1.00: 2.0 times the usual",
        "volatility 1.00 times the usual",
        "not enough closed candles of 1d, 1w",
    )


def test_the_reasons_name_only_timeframes_that_exist(calm: MarketView) -> None:
    lacking = calm._replace(**UP, trend_1=0.5, trend_2=nan, trend_3=nan, trend_4=nan)
    daily = answer(lacking, ProfessionalAnalyzer(Timeframe.parse("1d")))
    assert isinstance(daily, Call)
    assert daily.reasons[1].endswith("base +0.00, 1w +0.50")
    assert not any("not enough" in reason for reason in daily.reasons)


@given(
    fields=st.fixed_dictionaries(
        {
            "trend": st.floats(-1, 1),
            "structure": st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]),
            "rsi": st.floats(0, 100),
            "macd_histogram": st.floats(-1e6, 1e6),
            "support": st.floats(0, 10),
            "resistance": st.floats(0, 10),
            "volume_balance": st.floats(-1, 1),
            "volume_ratio": st.floats(0, 24),
            "volatility_ratio": st.floats(0, 2.5),
        }
    )
)
def test_the_score_stays_in_its_range_and_always_has_an_answer(fields: dict[str, Any]) -> None:
    view = MarketView("A", 0, 256, 100.0, 0.5, 50.0, 100.0, 0.0, trend_base=0.0)._replace(**fields)
    score = confluence(view)
    assert -1.0 - 1e-12 <= score <= 1.0 + 1e-12
    called = answer(view)
    assert isinstance(called, Call) is (abs(score) > THRESHOLD)
    mirrored = view._replace(
        trend=-view.trend,
        structure=-view.structure,
        rsi=100.0 - view.rsi,
        macd_histogram=-view.macd_histogram,
        support=view.resistance,
        resistance=view.support,
        volume_balance=-view.volume_balance,
    )
    assert confluence(mirrored) == pytest.approx(-score, abs=1e-12)
