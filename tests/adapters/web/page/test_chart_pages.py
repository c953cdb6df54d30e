"""What the chart of a coin is drawn from, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.chart_pages import chart_page, timeframes
from crypto_bot.adapters.web.page.coin import state_of
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from tests.adapters.web.page.conftest import MakeBoard
from tests.adapters.web.page.made_figures import MadePaper
from tests.adapters.web.page.made_log import NEWEST_MS, QUARTER, call, candles_of, fill

H1 = Timeframe.parse("1h")
BARS = 1_000


def page_of(
    board: Board, shown: Timeframe = QUARTER, until_ms: int | None = None
) -> dict[str, Any]:
    state = state_of(board, "btc")
    assert state is not None
    return chart_page(board, state, shown, until_ms)


@pytest.mark.parametrize(
    ("base", "names"),
    [("1m", "1m 5m 15m 1h"), ("15m", "15m 1h 4h 1d"), ("4h", "4h 1d"), ("1d", "1d")],
)
def test_the_timeframes_of_a_chart(base: str, names: str) -> None:
    assert " ".join(each.name for each in timeframes(Timeframe.parse(base))) == names


@pytest.mark.parametrize("shown", timeframes(QUARTER), ids=lambda each: each.name)
async def test_pages_back_to_the_first_candle_hold_all_of_history_once(
    make_board: MakeBoard, database: Database, shown: Timeframe
) -> None:
    fill(database, symbols=("BTCUSDT",), bars=BARS)
    board = make_board(("BTCUSDT",))
    await board.renew()
    pages = [page_of(board, shown)]
    while pages[-1]["since"] > pages[-1]["first"]:
        pages.append(page_of(board, shown, pages[-1]["since"] * 1000))
        assert pages[-1]["until"] == pages[-2]["since"]
    assert max(len(page["bars"]) for page in pages) <= 400
    opens = [row[0] for page in reversed(pages) for row in page["bars"]]
    first_ms = NEWEST_MS - (BARS - 1) * QUARTER.ms
    whole = range(-(-first_ms // shown.ms), (NEWEST_MS + QUARTER.ms) // shown.ms)
    assert opens == [at * shown.ms // 1000 for at in whole]
    assert pages[0]["edge"] == opens[-1] + shown.ms // 1000
    if shown == QUARTER:
        rows = [tuple(row[1:6]) for page in reversed(pages) for row in page["bars"]]
        assert rows == [tuple(each)[1:] for each in candles_of("BTCUSDT", BARS)]
        calls = [each for page in pages for each in page["calls"]]
        assert len({each["at"] for each in calls}) == len(calls) > 50
        assert sum(not each["first"] for each in calls) > 0
        ended = [each for each in calls if each["end"]]
        assert {each["how"] for each in ended} == {"tick", "cross", "clock"}
        assert all(each["end"][0] > each["time"] for each in ended)


async def test_an_open_call_and_paper_fills_keep_their_prices(
    make_board: MakeBoard, database: Database
) -> None:
    entry = call(database, Pred.SHORT, reach=20.12345678)
    board = make_board(("BTCUSDT",))
    board.paper = MadePaper(NEWEST_MS, ("BTCUSDT",))
    await board.renew()
    page = page_of(board)
    assert (page["open"]["entry"], page["open"]["stop"]) == (entry, entry + 20.12345678)
    assert page["open"]["expires"] == (NEWEST_MS + 15 * QUARTER.ms) // 1000
    assert page["calls"][-1]["words"] == "▼ SHORT by RSI/MA: open"
    held = board.paper.accounts()[0].open_positions[0]
    assert (float(held.entry), True) in {(each["price"], each["opened"]) for each in page["fills"]}
    hours = page_of(board, H1)
    assert hours["calls"][-1]["time"] % 3600 == 0
    assert page_of(board, until_ms=NEWEST_MS)["open"] is None, "that is of the newest page alone"


async def test_a_coin_without_candles_has_an_empty_page(make_board: MakeBoard) -> None:
    board = make_board(("BTCUSDT",))
    await board.renew()
    assert page_of(board) == {}
