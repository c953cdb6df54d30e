"""Performance, Models and Paper as functions of a board: empty, changing, and the kill switch.

What they show of usual data stands in the golden files.
"""

from __future__ import annotations

from nicegui import ElementFilter, ui
from nicegui.testing import User

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page import models, paper, performance
from crypto_bot.adapters.web.page.performance import Filters, Side, filters_of
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.reports.live_record import SourceGroup, Window
from tests.adapters.web.page.made_figures import MadePaper, board_of, stored_calls
from tests.adapters.web.page.pages import HOSTILE, charts, inside, markup, press, shown
from tests.reports.made_calls import T0, market

NOW_MS = T0 + 12 * DAY_MS
COINS = tuple(f"C{at}USDT" for at in range(4))


def type_in(user: User, *, reason: str = "", word: str) -> None:
    """Fills the dialog of the switch."""
    with inside(user):
        for field, text in zip(ElementFilter(kind=ui.input), (reason, word), strict=True):
            field.value = text


async def test_views_without_data_say_what_will_come(database: Database) -> None:
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
        await user.should_see("A curve takes 4 days of calls that come after others.")
        assert [chart.visible for chart in charts(user)] == [False] * 3
    async with shown(board, models.build) as user:
        await user.should_see("models are switched off: start the engine with --use_ml 1")
    async with shown(board, paper.build) as user:
        await user.should_see("Paper trading is off")
        await user.should_not_see("Stop paper trading …")
    opened = board_of(database, NOW_MS, paper=MadePaper(NOW_MS, empty=True))
    async with shown(opened, paper.build) as user:
        text = markup(user)
        for words in ("Nothing is held.", "No trade has ended yet.", "No signal has been refused."):
            assert words in text
        await user.should_see("No curve yet: a point is kept at every cycle.")


async def test_performance_follows_a_cycle(database: Database) -> None:
    board = board_of(database, NOW_MS, symbols=COINS)
    async with shown(board, performance.build) as user:
        assert "No resolved LONG or SHORT." in markup(user)
        stored_calls(database, market(12))
        await board.renew()
        await board.changed.call()
        assert "No resolved LONG or SHORT." not in markup(user)


def test_filters_of_an_address() -> None:
    chosen = Filters(Window.WEEK, SourceGroup.RULES, Side.LONG)
    query = chosen.address.partition("?")[2]
    assert filters_of(dict(each.split("=") for each in query.split("&"))) == chosen
    assert filters_of({}) == Filters()
    assert filters_of({"window": HOSTILE, "source": "", "other": "x"}) == Filters()


async def test_paper_shows_the_account_that_is_chosen(database: Database) -> None:
    board = board_of(database, NOW_MS, paper=MadePaper(NOW_MS))
    async with shown(board, paper.build) as user:
        await user.should_see("spot, long only")
        (chart,) = charts(user)
        assert len(chart.options["series"][0]["data"]) == 721
        press(user, "perp")
        await user.should_see("perp, both ways, with funding")


async def test_the_switch_stops_and_resumes_each_by_its_word(database: Database) -> None:
    trading = MadePaper(NOW_MS)
    async with shown(board_of(database, NOW_MS, paper=trading), paper.build) as user:
        press(user, "Stop paper trading …")
        await user.should_see("Closes 8 positions at the next price")
        for word in ("", "stop", "STOPP", "YES"):
            type_in(user, word=word)
            press(user, "Stop paper trading")
            await user.should_see("Nothing was done: type STOP in capitals.")
        press(user, "Cancel")
        assert not trading.switch.on
        press(user, "Stop paper trading …")
        type_in(user, reason=HOSTILE, word="STOP")
        press(user, "Stop paper trading")
        await user.should_see(f"by page: {HOSTILE}")  # in a label, which escapes
        assert (trading.switch.on, trading.switch.by, trading.switch.reason) == (
            True,
            "page",
            HOSTILE,
        )
        assert HOSTILE not in markup(user)
        press(user, "Resume …")
        type_in(user, word="STOP")
        press(user, "Resume paper trading")
        await user.should_see("Nothing was done: type RESUME in capitals.")
        assert trading.switch.on
        type_in(user, word="RESUME")
        press(user, "Resume paper trading")
        await user.should_not_see("Paper trading is stopped since")
        assert not trading.switch.on
