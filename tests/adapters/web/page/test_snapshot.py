"""What a cycle becomes on the page."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.page.readings import NoPaper, Reader, Readings
from crypto_bot.adapters.web.page.snapshot import snapshot_of
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.signal import Levels, Pred, Source
from crypto_bot.reports.live_record import LiveRecord
from tests.adapters.web.page.conftest import NOW_MS, Engine, catalog_of
from tests.adapters.web.page.made_log import (
    HORIZON,
    NEWEST_MS,
    QUARTER,
    SYMBOLS,
    candles_of,
    fill,
)
from tests.adapters.web.page.made_log import signal_of as made_signal


def read(
    database: Database,
    engine: Engine,
    symbols: tuple[str, ...] = SYMBOLS,
    **more: Any,
) -> Readings:
    return reader(database, engine, symbols, **more).read(NOW_MS, 1)


def reader(
    database: Database,
    engine: Engine,
    symbols: tuple[str, ...] = SYMBOLS,
    quotes: dict[str, Quote] | None = None,
    **verdicts: str,
) -> Reader:
    queries, catalog = SqlPredictionQueries(database, QUARTER), catalog_of(verdicts)
    record = LiveRecord(queries, catalog, lambda: engine.now_ms)
    known: dict[str, Any] = {
        "queries": queries,
        "record": record,
        "catalog": catalog,
        "paper": NoPaper(),
    }
    market: dict[str, Any] = {
        "symbols": symbols,
        "timeframe": QUARTER,
        "quotes": lambda: quotes or {},
    }
    return Reader(health=engine.report, **known, **market)


def test_an_empty_database_says_what_will_come(database: Database, engine: Engine) -> None:
    engine.starts()
    made = snapshot_of(read(database, engine))
    assert [row["signal"] for row in made.rows] == ["not scored"] * 3
    assert (made.longs, made.shorts, made.scored, made.news) == (0, 0, 0, "")
    assert made.notices == ()
    assert [card.figure for card in made.cards] == ["", "–", "–", "–", "0/3"]
    assert made.cards[4].foot == "started 30 s ago; loading candles"
    assert made.cards[1].foot.startswith("no settled trade yet")


def test_live_calls_come_first_then_the_others_by_name(database: Database, engine: Engine) -> None:
    symbols = tuple(f"{name}USDT" for name in "ABCDEFGHIJKL")
    fill(database, symbols=symbols)
    made = snapshot_of(read(database, engine, symbols))
    live = [row["live"] for row in made.rows]
    assert live == sorted(live, reverse=True)
    assert 0 < sum(live) < len(live)
    assert [row["divide"] for row in made.rows].index(True) == sum(live)
    quiet = [row["symbol"] for row in made.rows if not row["live"]]
    assert quiet == sorted(quiet)
    for row in made.rows:
        assert bool(row["p"]) == bool(row["bar"]) == (row["source"] == "ML")
        assert not row["live"] or ("filled" in row["chip"]) == (row["source"] == "ML")
    by_model = [row["source"] == "ML" for row in made.rows if row["live"]]
    assert by_model == sorted(by_model, reverse=True)
    assert made.longs + made.shorts == sum(live)


def call(
    database: Database,
    pred: Pred,
    reach: float,
    reason: str = "RSI <b>9</b>",
    *,
    horizon_bars: int = HORIZON,
    bars_ago: int = 2,
) -> float:
    """BTCUSDT with one call, two candles ago, that risks `reach`; its entry."""
    candles = candles_of("BTCUSDT", 40)
    SqlCandleArchive(database, QUARTER).add({"BTCUSDT": candles})
    candle = candles[-1 - bars_ago]
    made = made_signal("BTCUSDT", candle, Random(1), 0.0)
    entry, side = candle.close, 1 if pred is Pred.LONG else -1
    targets = (entry + side * 2 * reach, entry + side * 3 * reach, entry + side * 4 * reach)
    signal = made.signal._replace(
        pred=pred,
        source=Source.RSI_MA,
        horizon_bars=horizon_bars,
        levels=Levels(entry, entry - side * reach, targets),
        reasons=(reason,),
    )
    SqlPredictionStore(database, QUARTER).commit([made._replace(signal=signal)], [])
    return entry


@pytest.mark.parametrize(("pred", "now_r"), [(Pred.LONG, "+0.5R"), (Pred.SHORT, "−0.5R")])
def test_an_open_trade_is_seen_from_its_side(
    database: Database, engine: Engine, pred: Pred, now_r: str
) -> None:
    entry = call(database, pred, reach=20.0)
    bid, ask = Decimal(str(entry)) + Decimal("9.9"), Decimal(str(entry)) + Decimal("10.1")
    quote = Quote("BTCUSDT", bid, ask, NOW_MS)
    made = snapshot_of(read(database, engine, ("BTCUSDT",), quotes={"BTCUSDT": quote}))
    (row,) = made.rows
    assert (row["live"], row["signal"], row["source"]) == (True, pred.value, "RSI/MA")
    assert (row["r"], row["bars"]) == (now_r, "2/16")
    assert row["price_sort"] == pytest.approx(entry + 10.0)
    trade = made.states[0].trade
    assert trade is not None
    assert trade.reward_r == pytest.approx(2.0)
    assert trade.expires_ms == NEWEST_MS + (HORIZON - 1) * QUARTER.ms


def test_an_open_call_with_a_longer_horizon_than_the_newest_signals_is_shown(
    database: Database, engine: Engine
) -> None:
    """A call of 32 bars; the newest signal of its coin is of 4."""
    call(database, Pred.LONG, reach=20.0, horizon_bars=32, bars_ago=20)
    made = made_signal("BTCUSDT", candles_of("BTCUSDT", 40)[-1], Random(1), 0.0)
    quiet = made.signal._replace(pred=Pred.NO_TRADE, levels=Levels(100.0), horizon_bars=4)
    SqlPredictionStore(database, QUARTER).commit([made._replace(signal=quiet)], [])
    (row,) = snapshot_of(read(database, engine, ("BTCUSDT",))).rows
    assert (row["live"], row["signal"], row["bars"]) == (True, "LONG", "20/32")


def test_open_calls_of_one_coin_do_not_hide_an_older_one_of_another(
    database: Database, engine: Engine
) -> None:
    call(database, Pred.LONG, reach=20.0, horizon_bars=96, bars_ago=38)
    newer = [
        made_signal("ETHUSDT", candle, Random(1), 0.0) for candle in candles_of("ETHUSDT", 40)[-36:]
    ]
    opened = [
        made._replace(signal=made.signal._replace(pred=Pred.LONG, horizon_bars=96))
        for made in newer
    ]
    SqlPredictionStore(database, QUARTER).commit(opened, [])
    made = snapshot_of(read(database, engine, ("BTCUSDT", "ETHUSDT")))
    live = {row["symbol"]: row["live"] for row in made.rows}
    assert live["BTCUSDT"]


def test_a_trade_whose_level_was_touched_is_over_for_whoever_trades_it(
    database: Database, engine: Engine
) -> None:
    call(database, Pred.LONG, reach=0.001)
    made = snapshot_of(read(database, engine, ("BTCUSDT",)))
    assert (made.rows[0]["live"], made.longs) == (False, 0)


def test_a_new_call_is_said_once(database: Database, engine: Engine) -> None:
    call(database, Pred.LONG, reach=20.0)
    made = snapshot_of(read(database, engine, ("BTCUSDT",)))
    assert made.news == "New signal: BTC long, RSI/MA"
    again = snapshot_of(read(database, engine, ("BTCUSDT",)), before=made)
    assert again.news == made.news


def test_a_coin_that_fell_behind_is_told_of(database: Database, engine: Engine) -> None:
    fill(database, symbols=("ETHUSDT", "SOLUSDT"))
    fill(database, symbols=("BTCUSDT",), newest_ms=NEWEST_MS - 2 * QUARTER.ms)
    made = snapshot_of(read(database, engine))
    stale = {row["symbol"]: row["stale"] for row in made.rows}
    assert stale == {"BTCUSDT": "2 bars behind", "ETHUSDT": "", "SOLUSDT": ""}
    assert [notice.what for notice in made.notices] == ["BTC is 2 bars behind"]


def test_the_worst_is_told_first(database: Database, engine: Engine) -> None:
    fill(database, symbols=("ETHUSDT", "SOLUSDT"))
    engine.loses_the_exchange(NOW_MS - 90_000)
    made = snapshot_of(read(database, engine, BTCUSDT="BLOCKED", ETHUSDT="ACTIVE"))
    assert [notice.is_critical for notice in made.notices] == [True, True]
    assert made.notices[0].what.startswith("The exchange is down since 2025-12-01T")
    assert made.notices[1].what == "BTC model BLOCKED"
    verdicts = {row["symbol"]: row["verdict_sort"] for row in made.rows}
    assert verdicts == {"BTCUSDT": "BLOCKED", "ETHUSDT": "ACTIVE", "SOLUSDT": ""}


def test_the_change_of_a_day_is_that_of_stored_candles(database: Database, engine: Engine) -> None:
    fill(database, bars=98, symbols=("BTCUSDT",))
    fill(database, bars=40, symbols=("ETHUSDT",))
    closes = [candle.close for candle in candles_of("BTCUSDT", 98)]
    made = {row["symbol"]: row for row in snapshot_of(read(database, engine)).rows}
    assert made["BTCUSDT"]["change_sort"] == pytest.approx(closes[-1] / closes[1] - 1.0)
    assert made["ETHUSDT"]["change"] == made["SOLUSDT"]["change"] == "–"


def test_what_is_remembered_is_what_is_stored(database: Database, engine: Engine) -> None:
    """A reader that has followed the log answers as one that reads it anew."""
    follower = reader(database, engine)
    per_day = 96
    for days_ago in range(6, -1, -1):
        engine.closes(NEWEST_MS - days_ago * per_day * QUARTER.ms)
        fill(database, bars=60, newest_ms=NEWEST_MS - days_ago * per_day * QUARTER.ms)
        followed = follower.read(engine.now_ms, days_ago)
        assert followed == reader(database, engine).read(engine.now_ms, days_ago)
    assert followed.record.trades.n > 30
    assert followed.record.loss is not None


def test_new_prices_need_no_new_reading(database: Database, engine: Engine) -> None:
    entry = call(database, Pred.LONG, reach=20.0)
    quotes: dict[str, Quote] = {}
    follower = reader(database, engine, ("BTCUSDT",), quotes)
    known = follower.read(NOW_MS, 1)
    price = Decimal(str(entry)) + 10
    quotes["BTCUSDT"] = Quote("BTCUSDT", price, price, NOW_MS)
    assert follower.repriced(known, NOW_MS) == follower.read(NOW_MS, 1)
    assert snapshot_of(follower.repriced(known, NOW_MS)).rows[0]["r"] == "+0.5R"
