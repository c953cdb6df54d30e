"""Candles that an exchange has wrongly, for a while or for ever, and coins that come and go."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.dispatch import Refused
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.domain.errors import BadCandles, ConfigError, ExchangeUnavailable, MarketDataError
from crypto_bot.engine.candle_intake import Arrived, CandleIntake
from crypto_bot.ports import Gap
from tests.adapters.exchange.on_sim import COINS, T0, TF, TYPES, Sim, simulated

SPAN = T0 - 20 * TF.ms, T0 - TF.ms
OPENS = list(range(SPAN[0], SPAN[1] + 1, TF.ms))
BAD_MS = OPENS[7]


def bad(column: int, value: object, symbol: str = "ETHUSDT") -> dict[str, object]:
    return {"symbol": symbol, "open_ms": BAD_MS, "column": column, "value": value}


async def collected(sim: Sim, symbol: str) -> Arrived:
    """As the engine brings a coin up to date that it knows."""
    intake = CandleIntake(TF, sim.feed, sim.clock, grace_ms=0, poll_ms=1_000)
    return await intake.collect(symbol, *SPAN)


@pytest.mark.parametrize(
    ("column", "value"),
    [(3, "1000000.0"), (2, "NaN"), (1, None), (4, "-1.5"), (5, "-3")],
    ids=["low", "high", "open", "close", "volume"],
)
@TYPES
async def test_a_row_that_stays_bad_is_a_gap_and_the_coin_goes_on(
    market_type: str, column: int, value: object
) -> None:
    async with simulated(market_type=market_type) as sim:
        await sim.set("quirks", rows=[bad(column, value)])
        with capture_logs() as events:
            arrived = await collected(sim, "ETHUSDT")
        assert arrived.complete
        assert arrived.gaps == [Gap("ETHUSDT", BAD_MS)]
        assert [c.open_ms for c in arrived.candles] == [at for at in OPENS if at != BAD_MS]
        assert (await collected(sim, "BTCUSDT")).gaps == []
        assert [(e["event"], e["open_ms"]) for e in events] == [("candle.impossible", BAD_MS)]


async def test_a_row_without_volume_is_a_candle_without_volume() -> None:
    async with simulated() as sim:
        true = (await collected(sim, "ETHUSDT")).candles
        await sim.set("quirks", rows=[bad(5, None)])
        with capture_logs() as events:
            arrived = await collected(sim, "ETHUSDT")
        expected = [c._replace(volume=0.0) if c.open_ms == BAD_MS else c for c in true]
        assert (arrived.candles, arrived.gaps) == (expected, [])
        assert [event["event"] for event in events] == ["candle.without_volume"]


async def test_a_row_that_is_corrected_is_taken() -> None:
    async with simulated(max_attempts=2) as sim:
        await sim.set("quirks", rows=[bad(3, "1000000.0")])
        with pytest.raises(BadCandles, match="ETHUSDT from binance: 1 x high_low"):
            await sim.feed.candles("ETHUSDT", *SPAN)
        await sim.set("quirks")
        assert [c.open_ms for c in await sim.feed.candles("ETHUSDT", *SPAN)] == OPENS


async def test_a_reply_with_many_bad_rows_says_nothing_of_any() -> None:
    async with simulated(max_attempts=2) as sim:
        await sim.set("quirks", rows=[bad(3, "1e6") | {"open_ms": at} for at in OPENS])
        for _ in range(6):
            with pytest.raises(BadCandles):
                await sim.feed.candles("ETHUSDT", *SPAN)


@pytest.mark.parametrize(
    ("factor", "why"),
    [(1000, "seems to be in microseconds"), (0.001, "in seconds"), (1.01, "is after now")],
)
async def test_times_in_another_unit_are_refused(factor: float, why: str) -> None:
    async with simulated(max_attempts=1) as sim:
        await sim.set("quirks", stamp_factor=factor)
        for _ in range(6):  # however often they come
            with pytest.raises(BadCandles, match=why):
                await sim.feed.candles("BTCUSDT", *SPAN)


async def test_a_time_that_is_too_long_ago_is_moved_to_what_is_served() -> None:
    since_ms = T0 - 3_000 * TF.ms
    async with simulated() as sim:
        await sim.set("quirks", oldest_ms=T0 - 1_500 * TF.ms)
        with capture_logs() as events:
            opens = [c.open_ms for c in await sim.feed.candles("BTCUSDT", since_ms, SPAN[1])]
        assert T0 - 1_500 * TF.ms <= opens[0] <= T0 - 500 * TF.ms
        assert opens == list(range(opens[0], T0, TF.ms))
        assert [event["event"] for event in events] == ["candles.since_moved"]
        await sim.set("quirks", oldest_ms=T0 * 2)
        with pytest.raises(Refused):
            await sim.feed.candles("BTCUSDT", since_ms, SPAN[1])


@TYPES
async def test_a_coin_in_maintenance_or_delisted_holds_up_no_other(market_type: str) -> None:
    async with simulated(market_type=market_type) as sim:
        # BREAK for spot, SETTLING for contracts: neither trades.
        await sim.set("quirks", status={"ETHUSDT": "BREAK"}, unlisted=["VETUSDT"])
        feed = CcxtFeed(sim.feed.line, TF)
        with pytest.raises(ConfigError, match=r"no \w+ market for VETUSDT"):
            await feed.open(COINS)
        with capture_logs() as events:
            await feed.open(COINS, known={"VETUSDT"})
        assert [(e["event"], e["symbol"]) for e in events] == [
            ("coin.halted", "ETHUSDT"),
            ("coin.halted", "VETUSDT"),
        ]
        assert (feed.halted("BTCUSDT"), feed.halted("ETHUSDT")) == (
            None,
            "ETHUSDT does not trade at binance now",
        )
        for coin in ("BTCUSDT", "ETHUSDT"):
            assert [c.open_ms for c in await feed.candles(coin, *SPAN)] == OPENS
        with pytest.raises(MarketDataError, match="binance does not list VETUSDT any more"):
            await feed.candles("VETUSDT", *SPAN)
        await sim.set("quirks")
        with capture_logs() as events:
            await feed.line.refresh()
        assert [e["event"] for e in events] == ["coin.resumed"] * 2
        assert [c.open_ms for c in await feed.candles("VETUSDT", *SPAN)] == OPENS


async def test_an_exchange_in_maintenance_is_unavailable() -> None:
    async with simulated(max_attempts=1) as sim:
        await sim.set("quirks", status=dict.fromkeys(COINS, "BREAK"))
        feed = CcxtFeed(sim.feed.line, TF)
        with pytest.raises(ExchangeUnavailable, match="binance trades none of the coins now"):
            await feed.open(COINS)
        await sim.set("quirks", status={"ETHUSDT": "BREAK"})
        await feed.open(COINS)
        assert feed.halted("BTCUSDT") is None


async def test_what_a_halted_coin_lacks_is_not_waited_for() -> None:
    """The simulated clock stands still at nothing: a wait would be of many candles."""
    async with simulated() as sim:
        await sim.set("quirks", status={"ETHUSDT": "BREAK"})
        await sim.feed.line.refresh()
        intake = CandleIntake(TF, sim.feed, sim.clock, grace_ms=60 * TF.ms, poll_ms=TF.ms)
        until_ms = TF.open_of(sim.clock.now_ms()) + 40 * TF.ms  # not closed yet
        arrived = await intake.collect("ETHUSDT", SPAN[0], until_ms)
        assert arrived.halted == "ETHUSDT does not trade at binance now"
        assert (arrived.complete, arrived.gaps) == (False, [])
        assert [c.open_ms for c in arrived.candles][: len(OPENS)] == OPENS
        assert sim.clock.now_ms() < until_ms
