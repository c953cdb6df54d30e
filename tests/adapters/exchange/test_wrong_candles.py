"""Candles that an exchange has wrongly, for a while or for ever, and coins that come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.dispatch import Refused
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.domain.candle import Candle
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
    [
        *((3, "1000000.0"), (2, "NaN"), (1, None), (4, "-1.5"), (5, "-3")),
        *((2, "Infinity"), (4, "12,5")),
    ],
    ids=["low", "high", "open", "close", "volume", "infinite", "comma"],
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


@asynccontextmanager
async def grown(market_type: str = "spot") -> AsyncIterator[tuple[Sim, CandleIntake]]:
    """An intake that has learnt all but the last five candles of `SPAN`."""
    async with simulated(market_type=market_type, max_attempts=2) as sim:
        intake = CandleIntake(TF, sim.feed, sim.clock, grace_ms=0, poll_ms=1_000)
        for coin in COINS:
            intake.judge.learn(coin, await sim.feed.candles(coin, SPAN[0], OPENS[-6]))
        yield sim, intake


async def ratio(sim: Sim, coin: str, other: str) -> float:
    (mine,), (theirs,) = [
        await sim.feed.candles(each, OPENS[-1], OPENS[-1]) for each in (coin, other)
    ]
    return theirs.open / mine.open


@TYPES
async def test_a_coin_whose_candles_are_others_than_those_stored_is_held(market_type: str) -> None:
    async with grown(market_type) as (sim, intake):
        await sim.set("quirks", price_factors={"ETHUSDT": 2.0})
        held = await intake.collect("ETHUSDT", OPENS[-5], OPENS[-1])
        assert (held.candles, held.gaps, held.again, held.complete) == ([], [], (), False)
        assert held.why is not None
        assert "its candles are those of something else" in held.why
        assert [each.became for each in held.doubts] == ["held"]
        await sim.set("quirks")
        taken = await intake.collect("ETHUSDT", OPENS[-5], OPENS[-1])
        assert [c.open_ms for c in taken.candles] == OPENS[-5:]
        assert (taken.complete, taken.doubts, len(taken.again)) == (True, (), 3)


async def test_so_is_one_whose_newest_candle_came_late_and_of_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ticker is of the other thing as well; the stored candles, read again, tell."""
    async with grown() as (sim, intake):
        true, replies = sim.feed.candles, 0

        async def at_first_late(symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
            nonlocal replies
            replies += 1
            found = await true(symbol, since_ms, until_ms)
            if replies > 1:
                return found
            await sim.set("quirks", price_factors={"ETHUSDT": 0.2})
            return found[:-1]

        monkeypatch.setattr(sim.feed, "candles", at_first_late)
        held = await intake.collect("ETHUSDT", OPENS[-5], OPENS[-1])
        assert ([c.open_ms for c in held.candles], held.complete) == (OPENS[-5:-1], False)
        assert [each.became for each in held.doubts] == ["held"]


async def jump(sim: Sim, monkeypatch: pytest.MonkeyPatch, coin: str, factor: float) -> None:
    """The last five candles, and the ticker, have `factor` times the prices; those before not."""
    rows = [
        {"symbol": coin, "open_ms": each.open_ms, "column": column, "value": str(price * factor)}
        for each in await sim.feed.candles(coin, OPENS[-5], OPENS[-1])
        for column, price in enumerate(each[1:5], start=1)
    ]
    await sim.set("quirks", rows=rows)
    true = sim.feed.price

    async def price(symbol: str) -> float:
        return await true(symbol) * (factor if symbol == coin else 1.0)

    monkeypatch.setattr(sim.feed, "price", price)


async def test_a_jump_is_taken_where_the_ticker_has_it_and_no_other_coin_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with grown() as (sim, intake):
        await jump(sim, monkeypatch, "ETHUSDT", 7.0)
        taken = await intake.collect("ETHUSDT", OPENS[-5], OPENS[-1])
        assert [c.open_ms for c in taken.candles] == OPENS[-5:]
        assert [each.became for each in taken.doubts] == ["taken"]
        assert "and so does its ticker" in taken.doubts[0].reason

        await jump(sim, monkeypatch, "VETUSDT", await ratio(sim, "VETUSDT", "BTCUSDT"))
        await intake.collect("BTCUSDT", OPENS[-5], OPENS[-1])
        held = await intake.collect("VETUSDT", OPENS[-5], OPENS[-1])
        assert (held.candles, held.complete) == ([], False)
        assert held.why is not None
        assert held.why.startswith("VETUSDT opens at ")
        assert held.why.endswith(", as BTCUSDT does")


@pytest.mark.parametrize(("first", "became"), [(-3, "quarantined"), (-1, "held")])
async def test_a_foreign_row_that_the_ticker_contradicts_is_never_taken(
    first: int, became: str
) -> None:
    """In the midst it is a gap after five replies; as the newest it is held, and right later."""
    async with grown() as (sim, intake):
        rows = [
            {"symbol": "ETHUSDT", "open_ms": OPENS[first], "column": column, "value": "99.5"}
            for column in (1, 2, 3, 4)
        ]
        await sim.set("quirks", rows=rows)
        arrived = await intake.collect("ETHUSDT", OPENS[-5], OPENS[-1])
        expected = [at for at in OPENS[-5:] if at != OPENS[first]]
        assert [c.open_ms for c in arrived.candles] == expected
        assert [gap.open_ms for gap in arrived.gaps] == [OPENS[-3]] * (became == "quarantined")
        assert arrived.complete is (became == "quarantined")
        assert [each.became for each in arrived.doubts] == [became]
        assert arrived.doubts[0].reason.startswith("ETHUSDT opens at 99.5 on 2025-")


async def test_two_new_coins_with_equal_candles_are_not_both_taken() -> None:
    async with simulated() as sim:
        intake = CandleIntake(TF, sim.feed, sim.clock, grace_ms=0, poll_ms=1_000)
        await intake.collect("BTCUSDT", *SPAN, listed=False)
        sim.feed.line.listings["ETHUSDT"] = sim.feed.line.listings["BTCUSDT"]
        held = await intake.collect("ETHUSDT", *SPAN, listed=False)
        assert (held.candles, held.why) == ([], "ETHUSDT and BTCUSDT have equal candles")


@pytest.mark.parametrize(
    ("market_type", "status"),
    [("spot", "BREAK"), ("spot", "HALT"), ("spot", "END_OF_DAY"), ("swap", "BREAK")],
)
async def test_a_coin_in_maintenance_or_delisted_holds_up_no_other(
    market_type: str, status: str
) -> None:
    async with simulated(market_type=market_type) as sim:
        # BREAK for spot, SETTLING for contracts: neither trades.
        await sim.set("quirks", status={"ETHUSDT": status}, unlisted=["VETUSDT"])
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
        assert arrived.why == "ETHUSDT does not trade at binance now"
        assert (arrived.complete, arrived.gaps) == (False, [])
        assert [c.open_ms for c in arrived.candles][: len(OPENS)] == OPENS
        assert sim.clock.now_ms() < until_ms
