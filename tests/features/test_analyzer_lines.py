"""The lines of a chart are what the analyzer measured at each candle."""

import numpy as np

from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.analyzer_lines import analyzer_lines
from crypto_bot.features.indicators import softsign
from crypto_bot.features.measurement import FAR
from crypto_bot.features.views import RuleViews
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Floats
from crypto_bot.market_data.whole_bars import whole_bars
from tests.features.made_candles import candles_of, walk

M15, H1 = Timeframe.parse("15m"), Timeframe.parse("1h")
COIN = "BTCUSDT"


def test_each_value_is_the_analyzers_own_also_after_a_gap() -> None:
    table = walk(900, seed=3, missing=(500,))
    views = RuleViews([COIN], M15)
    seen = [views.update(Bar(each.open_ms, {COIN: each}))[COIN] for each in candles_of(table)]
    first = 300
    lines = analyzer_lines(table, M15, M15, first)
    shown = seen[first:]
    assert lines.spans == (20, 50)
    assert np.array_equal(lines.fast, [view.ema_20 for view in shown], equal_nan=True)
    assert np.array_equal(lines.rsi, [view.rsi for view in shown], equal_nan=True)
    trends = np.array([view.trend_base for view in shown])
    assert np.array_equal(np.isnan(lines.slow), np.isnan(trends))
    apart = zip(lines.fast - lines.slow, _atr(shown), trends, strict=True)
    assert {softsign(*pair) == trend for *pair, trend in apart if trend == trend} == {True}  # noqa: PLR0124
    for name, side in (("support", -1), ("resistance", 1)):
        away = np.array([getattr(view, name) for view in shown])
        away[away >= FAR] = np.nan
        prices = np.array([view.close for view in shown]) + side * away * _atr(shown)
        assert np.array_equal(getattr(lines, name), prices, equal_nan=True)
        assert np.isfinite(prices).mean() > 0.5
    later = analyzer_lines(
        CandleTable(table.open_ms[45:], table.candles[45:]), M15, M15, first - 45
    )
    for line, same in zip(lines[1:], later[1:], strict=True):
        assert np.array_equal(line, same, equal_nan=True), "pages agree where they meet"


def _atr(views: list[MarketView]) -> Floats:
    return np.array([view.atr for view in views])


def test_longer_timeframes_have_the_averages_of_their_own_trend() -> None:
    table = walk(2000, seed=4)
    hours = whole_bars(table, M15, H1)
    lines = analyzer_lines(hours, H1, M15)
    views = RuleViews([COIN], M15)
    candles = candles_of(table)
    views.preload(COIN, candles[:-1])
    trend = views.update(Bar(candles[-1].open_ms, {COIN: candles[-1]}))[COIN].trend_1
    assert lines.spans == (8, 21)
    apart = lines.fast[-1] - lines.slow[-1]
    atr = (abs(apart) / abs(trend)) - abs(apart)  # of x / (|x| + ATR)
    assert np.sign(apart) == np.sign(trend)
    reach = (hours.candles[-64:, 1] - hours.candles[-64:, 2]).mean()
    assert 0.5 * reach < atr < 2.0 * reach
    assert np.isnan(lines.slow[:20]).all()
    assert np.isfinite(lines.slow[20:]).all()
