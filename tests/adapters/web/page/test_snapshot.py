"""What a cycle becomes on the page."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.readings import read, repriced
from crypto_bot.adapters.web.page.snapshot import EMPTY, Snapshot, snapshot_of
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.signal import Declined, Levels, Pred, Source
from tests.adapters.web.page.conftest import NOW_MS, Engine, MakeBoard
from tests.adapters.web.page.made_log import (
    HORIZON,
    NEWEST_MS,
    QUARTER,
    SYMBOLS,
    call,
    candles_of,
    fill,
    signal_of,
)

BTC = ("BTCUSDT",)


def shown(board: Board, before: Snapshot = EMPTY) -> Snapshot:
    return snapshot_of(read(board, board.record.headline(1)), before)


def test_what_was_read_before_is_only_added_to(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    fill(database, bars=200, newest_ms=NEWEST_MS)
    board = make_board()
    before = read(board, board.record.headline(1))
    for bars_later in range(1, 4):
        newest_ms = NEWEST_MS + bars_later * QUARTER.ms
        engine.closes(newest_ms)
        fill(database, bars=200 + bars_later, newest_ms=newest_ms)
        before = read(board, board.record.headline(1 + bars_later), before)
        assert before == read(board, make_board().record.headline(1)), "the same as read at once"


async def test_many_coins_are_shown_before_their_record_is_read(
    make_board: MakeBoard, database: Database
) -> None:
    fill(database, bars=200, newest_ms=NEWEST_MS)
    board = make_board((*SYMBOLS, *(f"SIM{number}USDT" for number in range(70))))
    first = await board.newest()
    assert [card.foot for card in first.cards[1:3]] == ["the record is being read"] * 2
    assert first.scored == 3
    await board.renew()
    assert await board.newest() is board.snapshot
    whole = make_board(board.symbols)
    await whole.renew()
    assert board.snapshot == whole.snapshot
    assert board.snapshot.cards[1].figure != "–"


def test_an_empty_database_says_what_will_come(make_board: MakeBoard, engine: Engine) -> None:
    engine.starts()
    made = shown(make_board())
    assert [row["signal"] for row in made.rows] == ["not scored"] * 3
    assert (made.longs, made.shorts, made.scored, made.news) == (0, 0, 0, "")
    assert made.notices == ()
    assert [card.figure for card in made.cards] == ["–", "–", "–", "–", "0/3"]
    assert made.cards[4].foot == "started 30 s ago; loading candles"
    assert made.cards[1].foot.startswith("no settled trade yet")


@pytest.mark.parametrize(("pred", "now_r"), [(Pred.LONG, "+0.5R"), (Pred.SHORT, "−0.5R")])
def test_an_open_trade_is_seen_from_its_side_at_the_newest_price(
    make_board: MakeBoard, database: Database, pred: Pred, now_r: str
) -> None:
    entry = call(database, pred)
    quotes: dict[str, Quote] = {}
    board = make_board(BTC, quotes=quotes)
    before = read(board, board.record.headline(1))
    middle, apart = Decimal(str(entry)) + 10, Decimal("0.1")
    quotes["BTCUSDT"] = Quote("BTCUSDT", middle - apart, middle + apart, NOW_MS)
    assert repriced(board, before) == read(board, board.record.headline(1)), (
        "prices need no new reading"
    )
    made = snapshot_of(repriced(board, before))
    (row,) = made.rows
    assert (row["live"], row["signal"], row["source"]) == (True, pred.value, "RSI/MA")
    assert (row["r"], row["bars"]) == (now_r, "2/16")
    assert row["price_sort"] == pytest.approx(entry + 10.0)
    trade = made.states[0].trade
    assert trade is not None
    assert trade.reward_r == pytest.approx(2.0)
    assert trade.expires_ms == NEWEST_MS + (HORIZON - 1) * QUARTER.ms


def test_an_open_call_with_a_longer_horizon_than_the_newest_signals_is_shown(
    make_board: MakeBoard, database: Database
) -> None:
    """A call of 32 bars; the newest signal of its coin is of 4."""
    call(database, horizon_bars=32, bars_ago=20)
    made = signal_of("BTCUSDT", candles_of("BTCUSDT", 40)[-1], Random(1), 0.0)
    quiet = made.signal._replace(pred=Pred.NO_TRADE, levels=Levels(100.0), horizon_bars=4)
    SqlPredictionStore(database, QUARTER).commit([made._replace(signal=quiet)], [])
    (row,) = shown(make_board(BTC)).rows
    assert (row["live"], row["signal"], row["bars"]) == (True, "LONG", "20/32")


def test_open_calls_of_one_coin_do_not_hide_an_older_one_of_another(
    make_board: MakeBoard, database: Database
) -> None:
    call(database, horizon_bars=96, bars_ago=38)
    candles = candles_of("ETHUSDT", 40)[-36:]
    newer = [signal_of("ETHUSDT", candle, Random(1), 0.0) for candle in candles]
    calls = [
        made._replace(signal=made.signal._replace(pred=Pred.LONG, horizon_bars=96))
        for made in newer
    ]
    SqlPredictionStore(database, QUARTER).commit(calls, [])
    rows = shown(make_board(("BTCUSDT", "ETHUSDT"))).rows
    assert {row["symbol"]: row["live"] for row in rows}["BTCUSDT"]


def test_a_trade_whose_level_was_touched_is_over_for_whoever_trades_it(
    make_board: MakeBoard, database: Database
) -> None:
    call(database, reach=0.001)
    made = shown(make_board(BTC))
    assert (made.rows[0]["live"], made.longs) == (False, 0)


def test_a_new_call_is_announced_once(make_board: MakeBoard, database: Database) -> None:
    call(database)
    board = make_board(BTC)
    made = shown(board)
    assert made.news == "New signal: BTC long, RSI/MA"
    assert shown(board, before=made).news == made.news


def test_a_coin_that_fell_behind_is_named(make_board: MakeBoard, database: Database) -> None:
    fill(database, symbols=("ETHUSDT", "SOLUSDT"))
    fill(database, symbols=BTC, newest_ms=NEWEST_MS - 2 * QUARTER.ms)
    made = shown(make_board())
    stale = {row["symbol"]: row["stale"] for row in made.rows}
    assert stale == {"BTCUSDT": "2 bars behind", "ETHUSDT": "", "SOLUSDT": ""}
    assert [notice.what for notice in made.notices] == ["BTC is 2 bars behind"]


def test_the_worst_is_named_first(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    fill(database, symbols=("ETHUSDT", "SOLUSDT"))
    engine.loses_the_exchange(NOW_MS - 90_000)
    made = shown(make_board(BTCUSDT="BLOCKED", ETHUSDT="ACTIVE"))
    down, blocked = made.notices
    assert down.what.startswith("The exchange is down since 2025-12-01T")
    assert blocked.what == "BTC model BLOCKED"
    assert down.is_critical
    assert blocked.is_critical
    verdicts = {row["symbol"]: row["verdict_sort"] for row in made.rows}
    assert verdicts == {"BTCUSDT": "BLOCKED", "ETHUSDT": "ACTIVE", "SOLUSDT": ""}


def test_the_change_of_a_day_is_that_of_stored_candles(
    make_board: MakeBoard, database: Database
) -> None:
    fill(database, bars=98, symbols=BTC)
    fill(database, bars=40, symbols=("ETHUSDT",))
    closes = [candle.close for candle in candles_of("BTCUSDT", 98)]
    made = {row["symbol"]: row for row in shown(make_board()).rows}
    assert made["BTCUSDT"]["change_sort"] == pytest.approx(closes[-1] / closes[1] - 1.0)
    assert made["ETHUSDT"]["change"] == made["SOLUSDT"]["change"] == "–"


def test_what_is_remembered_is_what_is_stored(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    """A board that has followed the log reads the same as a new one."""
    board = make_board()
    for days_ago in range(6, -1, -1):
        newest_ms = NEWEST_MS - days_ago * 96 * QUARTER.ms
        engine.closes(newest_ms)
        fill(database, bars=60, newest_ms=newest_ms)
        followed = read(board, board.record.headline(days_ago))
        fresh = make_board()
        assert followed == read(fresh, fresh.record.headline(days_ago))
    assert followed.record.trades.n > 30
    assert followed.record.loss is not None


def test_a_row_without_a_trade_shows_how_near_each_source_is_the_nearest_first(
    make_board: MakeBoard, database: Database
) -> None:
    candle = candles_of("BTCUSDT", 1)[0]
    archive = SqlCandleArchive(database, QUARTER)
    archive.add({symbol: [candle] for symbol in SYMBOLS})
    declined = (
        Declined(Source.PROFESSIONAL_ANALYZER, "score <-0.1> is within ±0.4", -0.25),
        Declined(Source.RSI_MA, "RSI 50 is within 30..70"),
        Declined(Source.MOMENTUM, "14-bar change 155 bp, within ±250 bp", 0.62),
    )
    for symbol, changed in (
        ("BTCUSDT", {"source": Source.HOLD, "declined": declined}),
        ("ETHUSDT", {"source": Source.ML_PER_COIN_V1, "near": -0.9}),
        ("SOLUSDT", {"source": Source.HOLD, "declined": ()}),
    ):
        made = signal_of(symbol, candle, Random(1), 0.0)
        signal = made.signal._replace(pred=Pred.NO_TRADE, levels=Levels(1.0), **changed)
        SqlPredictionStore(database, QUARTER).commit([made._replace(signal=signal)], [])
    btc, eth, sol = shown(make_board()).rows
    assert [row["near_sort"] for row in (btc, eth, sol)] == [0.62, 0.9, -1.0]
    assert btc["near"].index("momentum") < btc["near"].index("analyzer")
    assert "+62%" in btc["near"]
    assert "score &lt;-0.1&gt; is within" in btc["near"]
    assert "−90%" in eth["near"]
    assert sol["near"] == ""
