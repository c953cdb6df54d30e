"""Candles of CryptoCompare: read in pages, without the days before the listing."""

from collections.abc import Iterator
from typing import Any

import pytest

from crypto_bot.adapters.series.cryptocompare import CRYPTOCOMPARE, read_candles
from crypto_bot.adapters.series.inputs import Source, Waiting
from crypto_bot.adapters.series.server import InputFailed, Server
from crypto_bot.domain.errors import BadCandles, ConfigError
from crypto_bot.domain.timeframe import Timeframe
from tests.adapters.series.providers import (
    DAY_S,
    FIRST_S,
    Providers,
    as_json,
    candle,
    cryptocompare_error,
    served,
)
from tests.adapters.series.test_inputs import Hour

DAILY, HOURLY = Timeframe.parse("1d"), Timeframe.parse("1h")


@pytest.fixture
def providers() -> Iterator[Providers]:
    with served() as opened:
        yield opened


@pytest.fixture
def server(providers: Providers) -> Iterator[Server]:
    """Without a key, which candles do not need."""
    clock = Hour(providers)
    opened = Source(CRYPTOCOMPARE, providers.url, "").open(Waiting(5.0, clock, clock.wait))
    yield opened
    opened.close()


@pytest.mark.parametrize(("timeframe", "bars"), [(DAILY, 2_300), (HOURLY, 4_500)])
def test_every_candle_since_the_listing(
    providers: Providers, server: Server, timeframe: Timeframe, bars: int
) -> None:
    step_s = timeframe.ms // 1000
    providers.now_s = FIRST_S + bars * step_s + 60
    last_ms = timeframe.last_closed(providers.now_s * 1000)
    found = read_candles(server, "BTCUSDT", timeframe, 0, last_ms)
    assert [each.open_ms // 1000 for each in found] == [FIRST_S + k * step_s for k in range(bars)]
    made = candle(FIRST_S)
    names = ("open", "high", "low", "close", "volumefrom")
    assert found[0][1:] == tuple(made[name] for name in names)
    assert {query["tsym"] for _, query, _ in providers.asked} == {"USDT"}
    since_ms = last_ms - 3 * timeframe.ms
    assert read_candles(server, "BTCUSDT", timeframe, since_ms, last_ms) == found[-4:]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{**candle(FIRST_S), "close": "high"}], "is no candle"),
        ([{**candle(FIRST_S), "low": 10**400}], "is no candle"),
        ([{**candle(FIRST_S), "low": -1.0}], "not_positive"),
        ([{**candle(FIRST_S), "high": 1.0}], "high_low"),
        ([{**candle(FIRST_S), "close": float("nan")}], "not_finite"),
        ([candle(FIRST_S)] * 2, "duplicate"),
        ([candle(FIRST_S + 5)], "off_grid"),
        ([{"close": 1.0}], "without their time"),
    ],
)
def test_candles_that_cannot_be_true_are_refused(
    providers: Providers, server: Server, rows: list[Any], reason: str
) -> None:
    lie = as_json({"Response": "Success", "Data": {"Data": rows}})
    providers.answer = lambda _: lie
    with pytest.raises((BadCandles, InputFailed), match=reason):
        read_candles(server, "BTCUSDT", DAILY, 0, (FIRST_S + DAY_S) * 1000)


def test_what_there_is_not_is_named(providers: Providers, server: Server) -> None:
    with pytest.raises(InputFailed, match="There is no data for the symbol XYZ"):
        read_candles(server, "XYZUSDT", DAILY, 0, providers.now_s * 1000)
    with pytest.raises(ConfigError, match="has candles of 1d, 1h, not 15m"):
        read_candles(server, "BTCUSDT", Timeframe.parse("15m"), 0, 1)
    providers.answer = lambda _: as_json(cryptocompare_error("Invalid API key", 1))
    with pytest.raises(InputFailed, match="Invalid API key"):
        read_candles(server, "BTCUSDT", DAILY, 0, providers.now_s * 1000)
