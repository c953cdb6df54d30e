"""The views as functions of a board, without a browser or a daemon."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from nicegui import ElementFilter, ui
from nicegui.testing import User, UserInteraction

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page import coin, log, overview
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.frame import View
from crypto_bot.adapters.web.page.training_table import RunLine
from crypto_bot.adapters.web.page.views import VIEWS
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.signal import Pred
from tests.adapters.web.page.conftest import NOW_MS, Engine, MakeBoard
from tests.adapters.web.page.made_figures import MadeCatalog, MadePaper, board_of, card
from tests.adapters.web.page.made_figures import account as made_account
from tests.adapters.web.page.made_log import NEWEST_MS, QUARTER, fill
from tests.adapters.web.page.pages import HOSTILE, Harmless, inside, markup, shown, until
from tests.adapters.web.page.test_snapshot import call


def table(user: User) -> ui.table:
    (found,) = user.find(ui.table).elements
    return found


async def test_overview_follows_a_cycle(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    board = make_board(("BTCUSDT",))
    async with shown(board, overview.build) as user:
        assert table(user).rows[0]["price"] == "–"
        call(database, Pred.LONG, reach=20.0)
        await board.renew()
        await user.should_not_see("No signal yet")
        assert "SAMPLE DATA" in markup(user)
        first = table(user).rows[0]
        assert (first["coin"], first["signal"], first["bars"]) == ("BTC", "LONG", "2/16")
        assert first["reasons"] == "RSI <b>9</b>"
        await user.should_see("New signal: BTC long, RSI/MA")


async def test_overview_says_what_is_wrong(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    fill(database)
    engine.loses_the_exchange(engine.now_ms - 90_000)
    board = make_board()
    async with shown(board, overview.build) as user:
        await user.should_see("The exchange is down since 1 Dec 00:14")
        assert board.good_ms() == engine.now_ms - 90_000


async def test_coin_with_an_open_call(make_board: MakeBoard, database: Database) -> None:
    call(database, Pred.LONG, reach=20.0)
    board = make_board(("BTCUSDT",))
    async with shown(board, coin.build, symbol="btc") as user:
        text = markup(user)
        assert "bar 2 of 16" in text
        assert "RSI/MA</b> answered long: RSI &lt;b&gt;9&lt;/b&gt;" in text
        assert "ML</b> declined: no model is published" in text
        (chart,) = user.find(ui.echart).elements
        series = chart.options["series"]
        assert len(series[0]["data"]) == 40
        assert len(series[0]["markArea"]["data"]) == 2
        assert len(series[1]["data"]) == 1


async def test_coin_follows_a_cycle(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    fill(database)
    board = make_board()
    async with shown(board, coin.build, symbol="BTCUSDT") as user:
        (chart,) = user.find(ui.echart).elements
        before = chart.options["xAxis"][0]["data"][0]
        count = len(chart.options["series"])
        engine.closes(NEWEST_MS + QUARTER.ms)
        fill(database, bars=1, newest_ms=NEWEST_MS + QUARTER.ms)
        await board.renew()
        await until(lambda: len(chart.options["series"][0]["data"]) == 61)
        assert len(chart.options["series"]) == count
        assert chart.options["xAxis"][0]["data"][0] == before


async def test_coin_follows_a_price_without_drawing_all_again(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    entry = call(database, Pred.LONG, reach=20.0)
    quotes: dict[str, Quote] = {}
    board = make_board(("BTCUSDT",), quotes=quotes)
    async with shown(board, coin.build, symbol="BTCUSDT") as user:
        (chart,) = user.find(ui.echart).elements
        series = chart.options["series"]
        price = Decimal(str(entry)) + 10
        quotes["BTCUSDT"] = Quote("BTCUSDT", price, price, engine.now_ms)
        await board.reprice()
        await until(lambda: "+0.50R" in markup(user))
        assert chart.options["series"] is series
        assert board.snapshot.version == 1


async def test_a_coin_that_is_not_followed(make_board: MakeBoard) -> None:
    async with shown(make_board(), coin.build, symbol=HOSTILE) as user:
        await user.should_see(f"There is no coin '{HOSTILE}' here")
        await user.should_see("BTC")
        assert HOSTILE not in markup(user)


async def test_log_shows_a_page_and_the_way_to_older_lines(
    make_board: MakeBoard, database: Database
) -> None:
    fill(database, bars=60)
    async with shown(make_board(), log.build) as user:
        rows = table(user).rows
        assert len(rows) == 100
        assert rows[0]["iso"] == "2025-12-01T00:15:00.000Z"
        last = rows[-1]["id"].split(":")
        assert f"before={last[2]}%3A{last[0]}" in markup(user)
        assert {row["coin"] for row in rows} == {"BTC", "ETH", "SOL"}


async def test_log_by_its_address(make_board: MakeBoard, database: Database) -> None:
    fill(database, bars=200)
    asked = {"coin": "eth", "result": "stop", "source": "NONE"}
    async with shown(make_board(), log.build, **asked) as user:
        rows = table(user).rows
        assert rows
        assert {(row["coin"], row["word"]) for row in rows} == {("ETH", "stop")}
        assert all(row["r"] == "−1.0R" for row in rows)
        await user.should_see("source: 'NONE' is not understood and left out")
        assert '/log.csv?coin=eth&amp;result=stop"' in markup(user)
    async with shown(make_board(), log.build, coin="sol", to="2020-01-01") as user:
        await user.should_see("No line matches")


async def test_the_first_page_of_the_log_grows(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    board = make_board()
    async with shown(board, log.build) as user:
        await user.should_see("No prediction yet")
        call(database, Pred.SHORT, reach=20.0)
        await board.renew()
        await until(lambda: table(user).rows != [])
        await user.should_not_see("No prediction yet")
        (row,) = table(user).rows
        assert (row["word"], row["reasons"]) == ("open", ["RSI <b>9</b>"])
        assert ["horizon", "16 candles"] in row["inputs"]


def hostile_board(database: Database) -> Board:
    """All that others write is markup: names of coins, files of models, reasons, rules."""
    fill(database, symbols=(HOSTILE,))
    base, account = card("BLOCKED"), made_account(symbols=[HOSTILE])
    files = base._replace(
        version=HOSTILE,
        verdict=HOSTILE,
        reasons=(HOSTILE,),
        accepted_because=HOSTILE,
        gates=(base.gates[0]._replace(name=HOSTILE, words=HOSTILE),),
        family=HOSTILE,
    )
    trading = MadePaper(NOW_MS, [HOSTILE])
    trade = replace(account.closed_trades[0], reason=HOSTILE)
    known = replace(account, rules={HOSTILE: HOSTILE}, closed_trades=(trade,))
    trading.accounts = lambda: [known]  # type: ignore[method-assign]
    trading.refusals = lambda *_: [  # type: ignore[method-assign]
        Refusal("spot", f"{HOSTILE}:15m:1", NOW_MS, HOSTILE, HOSTILE)
    ]
    return board_of(
        database,
        NOW_MS,
        symbols=[HOSTILE],
        catalog=MadeCatalog([ModelEntry(HOSTILE, False, False, HOSTILE, files)]),
        paper=trading,
        training=[RunLine(HOSTILE, HOSTILE, NOW_MS, None, 1, 2, HOSTILE)],
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_hostile_words_stay_text(view: View, database: Database) -> None:
    """No exchange has such a coin and no setting lets it in; the page trusts neither."""
    async with shown(hostile_board(database), view.build) as user:
        with inside(user):
            details = [each for each in ElementFilter(kind=ui.element) if each.tag == "details"]
        if details:
            UserInteraction(user, {details[0]}, None).trigger("toggle", True)
            await user.should_see("log loss in nats by epoch")
        text = markup(user)
        assert "&lt;img" in text or not text
        Harmless().feed(text)
        for row in table(user).rows if view.build in {overview.build, log.build} else ():
            assert row["coin"] == HOSTILE
            assert "<" not in row["href"]
            for name in ("chip", "bar", "verdict", "track", "record", "last", "line", "glyph"):
                Harmless().feed(row.get(name, ""))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_a_page_that_is_gone_is_not_updated(view: View, database: Database) -> None:
    board = board_of(database, NOW_MS, paper=MadePaper(NOW_MS))
    async with shown(board, view.build) as user:
        assert len(board.changed.callbacks) == 2
        assert len(board.beaten.callbacks) == 1
        assert user.client is not None
        user.client.delete()
        assert board.changed.callbacks == board.beaten.callbacks == []
