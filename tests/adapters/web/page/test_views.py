"""The views as functions of a board, without a browser or a daemon.

What they show of usual data stands in the golden files.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from nicegui import ElementFilter, ui
from nicegui.testing import User, UserInteraction

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page import (
    backtests,
    coin,
    coins_table,
    log,
    models,
    overview,
    paper,
    performance,
)
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.candle_chart import CandleChart
from crypto_bot.adapters.web.page.frame import View
from crypto_bot.adapters.web.page.performance import Filters, Side, filters_of
from crypto_bot.adapters.web.page.training_table import RunLine
from crypto_bot.adapters.web.page.views import VIEWS
from crypto_bot.backtesting.kept import KeptBacktests
from crypto_bot.domain.alarm import Alarm, Drifted
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.paper_report import KillSwitch, Refusal
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.role_change import Because, RoleChange
from crypto_bot.domain.signal import Pred
from crypto_bot.reports.live_record import SourceGroup, Window
from tests.adapters.web.page.conftest import NOW_MS, Engine, MakeBoard
from tests.adapters.web.page.made_figures import (
    MadeCatalog,
    MadePaper,
    account,
    board_of,
    card,
    stored_calls,
)
from tests.adapters.web.page.made_jobs import MadeJobs
from tests.adapters.web.page.made_kept import backtests_of
from tests.adapters.web.page.made_log import NEWEST_MS, QUARTER, call, candles_of, fill
from tests.adapters.web.page.pages import (
    HOSTILE,
    Harmless,
    charts,
    inside,
    markup,
    press,
    shown,
    until,
)
from tests.reports.made_calls import T0, market

BTC = ("BTCUSDT",)
EVERY_VIEW = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


def chart_of(user: User) -> dict[str, Any]:
    """What the browser is given of the chart of a coin."""
    (found,) = user.find(CandleChart).elements
    return found.props


def table(user: User) -> ui.table:
    (found,) = user.find(ui.table).elements
    return found


async def test_overview_follows_a_cycle_and_says_what_is_wrong(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    board = make_board(BTC)
    async with shown(board, overview.build) as user:
        assert table(user).rows[0]["price"] == "–"
        call(database)
        engine.loses_the_exchange(engine.now_ms - 90_000)
        await board.renew()
        await user.should_not_see("No signal yet")
        assert "SAMPLE DATA" in markup(user)
        first = table(user).rows[0]
        assert (first["coin"], first["signal"], first["bars"]) == ("BTC", "LONG", "2/16")
        assert first["reasons"] == "RSI <b>9</b>"
        await user.should_see("New signal: BTC long, RSI/MA")
        await user.should_see("The exchange is down since 2025-12-01 00:14")
        assert board.good_ms() == engine.now_ms - 90_000


async def test_coins_are_shown_a_page_at_a_time_sorted_and_filtered_as_a_whole(
    make_board: MakeBoard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coins_table, "PAGE_COINS", 2)
    board = make_board()
    SqlCandleArchive(database, QUARTER).add({"SOLUSDT": candles_of("SOLUSDT", 2)})
    async with shown(board, overview.build) as user:

        def coins() -> list[str]:
            return [row["coin"] for row in table(user).rows]

        assert coins() == ["BTC", "ETH"]
        press(user, "Next")
        await user.should_see("Coins 3 to 3 of 3")
        await board.renew()
        assert coins() == ["SOL"], "a cycle leaves the page open"
        dearest_first = {"pagination": {"sortBy": "price", "descending": True}}
        UserInteraction(user, {table(user)}, None).trigger("request", dearest_first)
        await until(lambda: coins() == ["SOL", "BTC"])
        user.find(ui.input).type("eth")
        await until(lambda: coins() == ["ETH"])


async def test_coin_with_an_open_call_follows_a_price_without_drawing_all_again(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    price = Decimal(str(call(database))) + 10
    quotes: dict[str, Quote] = {}
    board = make_board(BTC, quotes=quotes)
    async with shown(board, coin.build, symbol="btc") as user:
        text = markup(user)
        assert "bar 2 of 16" in text
        assert "RSI/MA</b> answered long: RSI &lt;b&gt;9&lt;/b&gt;" in text
        assert "ML</b> declined: no model is published" in text
        drawn = chart_of(user)
        assert drawn["version"] == 1
        quotes["BTCUSDT"] = Quote("BTCUSDT", price, price, engine.now_ms)
        await board.reprice()
        await until(lambda: "+0.50R" in markup(user))
        assert (drawn["version"], drawn["price"]) == (1, float(price)), "no candle is read again"


async def test_coin_follows_a_cycle_from_the_candle_of_its_address(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    fill(database)
    board = make_board()
    for asked, at in (("1764541800000", 1764541800), ("yesterday", None)):
        async with shown(board, coin.build, symbol="BTCUSDT", at=asked) as user:
            assert chart_of(user)["at"] == at
    async with shown(board, coin.build, symbol="BTCUSDT") as user:
        drawn = chart_of(user)
        before = drawn["version"]
        engine.closes(NEWEST_MS + QUARTER.ms)
        fill(database, bars=1, newest_ms=NEWEST_MS + QUARTER.ms)
        await board.renew()
        await until(lambda: drawn["version"] == before + 1)


async def test_a_coin_that_is_not_followed(make_board: MakeBoard) -> None:
    async with shown(make_board(), coin.build, symbol=HOSTILE) as user:
        await user.should_see(f"There is no coin '{HOSTILE}' here")
        await user.should_see("BTC")
        assert HOSTILE not in markup(user)


async def test_log_by_its_address_and_the_way_to_older_lines(
    make_board: MakeBoard, database: Database
) -> None:
    fill(database, bars=200)
    async with shown(make_board(), log.build) as user:
        rows = table(user).rows
        assert len(rows) == 100
        assert rows[0]["iso"] == "2025-12-01T00:15:00.000Z"
        last = rows[-1]["id"].split(":")
        assert f"before={last[2]}%3A{last[0]}" in markup(user)
        assert {row["coin"] for row in rows} == {"BTC", "ETH", "SOL"}
    asked = {"coin": "eth", "result": "stop", "source": "NONE"}
    async with shown(make_board(), log.build, **asked) as user:
        found = {(row["coin"], row["word"], row["r"]) for row in table(user).rows}
        assert found == {("ETH", "stop", "−1.0R")}
        await user.should_see("source: 'NONE' is not understood and left out")
        assert '/log.csv?coin=eth&amp;result=stop"' in markup(user)
    async with shown(make_board(), log.build, coin="sol", to="2020-01-01") as user:
        await user.should_see("No line matches")


async def test_the_first_page_of_the_log_grows(make_board: MakeBoard, database: Database) -> None:
    board = make_board()
    async with shown(board, log.build) as user:
        await user.should_see("No prediction yet")
        call(database, Pred.SHORT)
        await board.renew()
        await until(lambda: table(user).rows != [])
        await user.should_not_see("No prediction yet")
        (row,) = table(user).rows
        assert (row["word"], row["reasons"]) == ("open", ["RSI <b>9</b>"])
        assert ["horizon", "16 candles"] in row["inputs"]


async def test_figures_without_data_say_what_will_come(database: Database) -> None:
    board = board_of(database, NOW_MS)
    async with shown(board, performance.build) as user:
        text = markup(user)
        for words in (
            "No resolved LONG or SHORT.",
            "models are switched off",
            "No LONG or SHORT has been resolved in this selection.",
            "No coin has a resolved LONG or SHORT in this selection.",
            "No call with a known volatility.",
            "No call has been resolved in this selection.",
        ):
            assert words in text
        assert "<table" not in text
        assert [chart.visible for chart in charts(user)] == [False] * 3
    async with shown(board, models.build) as user:
        await user.should_see("models are switched off: start the engine with --use_ml 1")
    async with shown(board, paper.build) as user:
        await user.should_see("Paper trading is off")
        await user.should_not_see("Stop paper trading …")


async def test_drift_and_roles_are_shown_with_their_evidence(database: Database) -> None:
    standing = [Alarm(Drifted.INPUTS, "BTCUSDT", f"rsi_14: shift {HOSTILE}")]
    blind = [f"C{at}USDT" for at in range(6)]
    change = RoleChange(T0, None, "new+1", "old+1", Because.EVIDENCE, f"14 days {HOSTILE}")
    board = board_of(
        database,
        NOW_MS,
        alarms=lambda: standing,
        unwatched=lambda: blind,
        role_changes=lambda: [change],
    )
    async with shown(board, models.build) as user:
        await user.should_see("The inputs of C0, C1, C2, C3 and 2 more are not watched")
        text = markup(user)
        assert "inputs" in text
        assert str(escape(standing[0].evidence)) in text
        assert str(escape(change.evidence)) in text
        assert HOSTILE not in text
        standing.clear()
        await board.changed.call()
        assert "rsi_14" not in markup(user)


async def test_performance_follows_a_cycle(database: Database) -> None:
    board = board_of(database, T0 + 12 * DAY_MS, symbols=[f"C{at}USDT" for at in range(4)])
    async with shown(board, performance.build) as user:
        # On a busy machine the page does not wait for the record.
        while "for the first time" in markup(user):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0)
        assert "No resolved LONG or SHORT." in markup(user)
        stored_calls(database, market(12))
        await board.renew()
        await board.changed.call()
        assert "No resolved LONG or SHORT." not in markup(user)


def test_filters_of_an_address() -> None:
    chosen = Filters(Window.WEEK, SourceGroup.RULES, Side.LONG)
    query = chosen.address.partition("?")[2]
    assert filters_of(dict(each.split("=") for each in query.split("&"))) == chosen
    assert filters_of({"window": HOSTILE, "source": "", "other": "x"}) == Filters()


async def test_paper_shows_the_chosen_account_and_each_word_of_the_switch_does_one_thing(
    database: Database,
) -> None:
    trading = MadePaper(NOW_MS)

    def type_in(word: str, reason: str = "") -> None:
        with inside(user):
            for field, text in zip(ElementFilter(kind=ui.input), (reason, word), strict=True):
                field.value = text

    async with shown(board_of(database, NOW_MS, paper=trading), paper.build) as user:
        await user.should_see("spot, long only")
        chart = charts(user)[0]  # of the equity
        assert len(chart.options["series"][0]["data"]) == 721
        press(user, "perp")
        await user.should_see("perp, both ways, with funding")
        press(user, "Stop paper trading …")
        await user.should_see("Closes 8 positions at the next price")
        for word in ("", "stop", "STOPP", "YES"):
            type_in(word)
            press(user, "Stop paper trading")
            await user.should_see("Nothing was done: type STOP in capitals.")
        press(user, "Cancel")
        assert not trading.switch.on
        press(user, "Stop paper trading …")
        type_in("STOP", HOSTILE)
        press(user, "Stop paper trading")
        await user.should_see(f"by page: {HOSTILE}")  # in a label, which escapes
        assert trading.switch == KillSwitch(True, NOW_MS, "page", HOSTILE)
        assert HOSTILE not in markup(user)
        press(user, "Resume …")
        type_in("STOP")
        press(user, "Resume paper trading")
        await user.should_see("Nothing was done: type RESUME in capitals.")
        assert trading.switch.on


def hostile_board(database: Database, folder: Path) -> Board:
    """All that others write is markup: names of coins, files of models, reasons, rules."""
    fill(database, symbols=(HOSTILE,))
    base, known = card("BLOCKED"), account(symbols=[HOSTILE])
    names = "version", "verdict", "accepted_because", "family"
    texts: dict[str, Any] = dict.fromkeys(names, HOSTILE)
    gate = base.gates[0]._replace(name=HOSTILE, words=HOSTILE)
    files = base._replace(reasons=(HOSTILE,), gates=(gate,), **texts)
    trade = replace(known.closed_trades[0], reason=HOSTILE)
    trading = MadePaper(NOW_MS, [HOSTILE])
    trading.accounts = lambda: [  # type: ignore[method-assign]
        replace(known, rules={HOSTILE: HOSTILE}, closed_trades=(trade,))
    ]
    trading.refusals = lambda *_: [  # type: ignore[method-assign]
        Refusal("spot", f"{HOSTILE}:15m:1", NOW_MS, HOSTILE, HOSTILE)
    ]
    board = board_of(
        database,
        NOW_MS,
        symbols=[HOSTILE],
        catalog=MadeCatalog([ModelEntry(HOSTILE, False, False, HOSTILE, files)]),
        paper=trading,
        training=[RunLine(HOSTILE, HOSTILE, NOW_MS, None, 1, 2, HOSTILE)],
    )
    board.jobs = MadeJobs(HOSTILE, state="running")
    board.backtests = backtests_of(folder, HOSTILE)
    return board


async def test_backtests_are_listed_as_they_come_and_set_side_by_side(
    make_board: MakeBoard, tmp_path: Path
) -> None:
    board = make_board()
    board.backtests = KeptBacktests(tmp_path / "kept")
    jobs = board.jobs = MadeJobs()
    async with shown(board, backtests.build) as user:
        assert "No backtest has been run yet" in markup(user)
        press(user, "Start")
        await until(lambda: jobs.started == [("backtest", {"days": "7"})])
        backtests_of(tmp_path, "rules")
        board.beaten.emit()
        await until(lambda: "2025-12-01 00:16:00 UTC" in markup(user))
        assert "<b>rules. </b>rules" in markup(user)
        assert "+2.5%" in markup(user)
    ids = [each.id for each in backtests_of(tmp_path, "walk", 1).newest()]
    async with shown(board, backtests.build, beside=f"{','.join(ids)},none") as user:
        text = markup(user)
        for words in ("rules. rules", "walk. walk", "2025-10"):
            assert words in text
    async with shown(board, backtests.build, id="../kept") as user:
        await user.should_see("There is no such backtest here")


@EVERY_VIEW
async def test_hostile_words_stay_text(view: View, database: Database, tmp_path: Path) -> None:
    """No exchange has such a coin and no setting lets it in; the page trusts neither."""
    async with shown(hostile_board(database, tmp_path), view.build) as user:
        with inside(user):
            details = [each for each in ElementFilter(kind=ui.element) if each.tag == "details"]
        if view.name == "Models":
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


@EVERY_VIEW
async def test_a_page_that_is_gone_is_not_updated(
    view: View, database: Database, tmp_path: Path
) -> None:
    board = board_of(database, NOW_MS, paper=MadePaper(NOW_MS))
    board.jobs = MadeJobs()
    board.backtests = KeptBacktests(tmp_path)
    async with shown(board, view.build) as user:
        assert board.changed.callbacks
        assert board.beaten.callbacks
        assert user.client is not None
        user.client.delete()
        assert board.changed.callbacks == board.beaten.callbacks == []
