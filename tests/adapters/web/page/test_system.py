"""The System view: jobs, the engine's log, the settings."""

from __future__ import annotations

import pytest
from nicegui import ElementFilter, ui
from nicegui.testing import UserInteraction

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page import system
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.ports import LogLine, SettingLine
from tests.adapters.web.page.conftest import NOW_MS
from tests.adapters.web.page.made_figures import board_of
from tests.adapters.web.page.made_jobs import MadeJobs
from tests.adapters.web.page.pages import HOSTILE, Harmless, inside, markup, press, shown, until
from tests.adapters.web.page.test_words import ADD, Heads


@pytest.fixture
def board(database: Database) -> Board:
    made = board_of(database, NOW_MS)
    made.jobs = MadeJobs()
    at = "2025-12-01T00:15:02.113Z"
    made.log_lines = lambda: [
        LogLine(at, "info", "cycle", "32 signals"),
        LogLine(at, "error", "job", HOSTILE),
    ]
    made.setting_lines = [
        SettingLine("tf", "15m", "default", "Timeframe."),
        SettingLine("api.token", "set, not shown", "environment", HOSTILE),
    ]
    return made


async def test_a_job_is_started_followed_and_cancelled_once(board: Board) -> None:
    jobs = board.jobs
    assert isinstance(jobs, MadeJobs)
    async with shown(board, system.build) as user:
        assert "No job has been started here yet." in markup(user)
        with inside(user):
            selects = [each for each in ElementFilter(kind=ui.html) if "<select" in each.content]
        UserInteraction(user, set(selects), None).trigger("change", "30")
        await user.should_see("crypto-bot backtest 30")
        press(user, "Start", 1)
        await until(lambda: "3/9" in markup(user))
        press(user, "Start", 0)
        assert jobs.started == [("backtest", {"days": "30"})]
        await user.should_see("one at a time")
        assert "3/9, about 3 min left" in markup(user)
    async with shown(board, system.build) as user:  # loaded anew
        press(user, "Cancel")
        await until(lambda: "stopped" in markup(user))
        await user.should_not_see("Cancel")


async def test_the_log_is_filtered_by_its_address(board: Board) -> None:
    for asked, texts in (
        ({}, ("32 signals", "&lt;img")),
        ({"level": "warning"}, ("&lt;img",)),
        ({"kind": "cycle"}, ("32 signals",)),
        ({"text": "SIGNALS", "level": HOSTILE, "lines": "x"}, ("32 signals",)),
        ({"kind": HOSTILE}, ("No line matches",)),
    ):
        async with shown(board, system.build, part="log", **asked) as user:
            text = markup(user)
            Harmless().feed(text)
            found = text.rpartition("</form>")[2]
            every = ("32 signals", "&lt;img", "No line matches")
            assert tuple(each for each in every if each in found) == texts
            assert Heads(text).unexplained == [], ADD


async def test_settings_are_shown_with_their_source(board: Board) -> None:
    async with shown(board, system.build, part="settings") as user:
        text = markup(user)
        Harmless().feed(text)
        assert "set, not shown" in text
        assert "environment" in text
        assert Heads(text).unexplained == [], ADD
