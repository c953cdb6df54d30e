"""Performance, Models and Paper as functions of a board: empty, usual, hostile; and the switch."""

from __future__ import annotations

from nicegui import ElementFilter, ui
from nicegui.testing import User, UserInteraction, user_simulation

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page import models, paper, performance
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.performance import Filters, Side, filters_of
from crypto_bot.adapters.web.page.training_table import RunLine
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.reports.live_record import SourceGroup, Window
from tests.adapters.web.page.made_figures import MadeCatalog, MadeDesk, board_of, stored_calls
from tests.adapters.web.page.pages import HOSTILE, inside, markup, page
from tests.reports.made_calls import T0, market

NOW_MS = T0 + 12 * DAY_MS
COINS = tuple(f"C{at}USDT" for at in range(4))


def button(user: User, text: str) -> ui.element:
    """The button with a label of that text."""
    with inside(user):
        (found,) = [
            each
            for each in ElementFilter(kind=ui.element)
            if each.tag == "button"
            and any(getattr(child, "text", None) == text for child in each.default_slot.children)
        ]
    return found


def press(user: User, text: str) -> None:
    UserInteraction(user, {button(user, text)}, None).trigger("click")


def fields(user: User) -> dict[str, ui.input]:
    """The inputs of the dialog, by what they are for."""
    with inside(user):
        found = list(ElementFilter(kind=ui.input))
    return {"reason": found[0], "word": found[1]}


def filled(database: Database, **known: object) -> Board:
    stored_calls(database, market(12))
    newest_ms = NOW_MS - 3_600_000
    return board_of(database, NOW_MS, symbols=COINS, newest_ms=newest_ms, **known)  # type: ignore[arg-type]


def charts(user: User) -> list[ui.echart]:
    with inside(user):
        return list(ElementFilter(kind=ui.echart))


async def test_performance_of_an_empty_database(database: Database) -> None:
    board = board_of(database, NOW_MS)
    async with user_simulation(root=page(board, performance.build)) as user:
        await user.open("/")
        said = markup(user)
        assert "No resolved LONG or SHORT." in said
        assert "models are switched off" in said
        await user.should_see("A curve takes 4 days of calls that come after others.")
        assert [chart.visible for chart in charts(user)] == [False] * 3


async def test_performance_of_a_fortnight(database: Database) -> None:
    board = filled(database, catalog=MadeCatalog(COINS, NOW_MS, versions=["v1"] * 4))
    async with user_simulation(root=page(board, performance.build)) as user:
        await user.open("/")
        said = markup(user)
        assert "ML, long" in said
        assert "Random side, same exits" in said
        assert "All models" in said
        reliability, loss, hours = charts(user)
        assert all(chart.visible for chart in (reliability, loss, hours))
        assert len(reliability.options["series"][1]["data"]) == 8
        assert len(loss.options["series"][2]["data"]) == 7
        series = len(reliability.options["series"])
        press(user, "Rules")
        await user.should_see("No call in this selection has been resolved.")
        assert "No resolved LONG or SHORT." in markup(user)
        assert len(reliability.options["series"]) == series
        assert button(user, "Rules").props["aria-pressed"] == "true"
        assert button(user, "All sources").props["aria-pressed"] == "false"


async def test_performance_follows_a_cycle(database: Database) -> None:
    board = board_of(database, NOW_MS, symbols=COINS)
    async with user_simulation(root=page(board, performance.build)) as user:
        await user.open("/")
        assert "No resolved LONG or SHORT." in markup(user)
        stored_calls(database, market(12))
        await board.renew()
        await board.changed.call()
        assert "No resolved LONG or SHORT." not in markup(user)


async def test_performance_shows_what_its_address_asks_for(database: Database) -> None:
    board = filled(database)
    asked = {"window": "all", "source": "models", "side": "short"}
    async with user_simulation(root=page(board, performance.build, **asked)) as user:
        await user.open("/")
        assert button(user, "Short").props["aria-pressed"] == "true"
        assert "ML, short" in markup(user)
        assert "ML, long" not in markup(user)


def test_filters_of_an_address() -> None:
    chosen = Filters(Window.WEEK, SourceGroup.RULES, Side.LONG)
    query = chosen.address.partition("?")[2]
    assert filters_of(dict(each.split("=") for each in query.split("&"))) == chosen
    assert filters_of({}) == Filters()
    assert filters_of({"window": HOSTILE, "source": "", "other": "x"}) == Filters()


async def test_models_open_to_their_gates_and_curves(database: Database) -> None:
    board = board_of(database, NOW_MS, symbols=COINS, catalog=MadeCatalog(COINS * 2, NOW_MS))
    async with user_simulation(root=page(board, models.build)) as user:
        await user.open("/")
        assert "WARMUP" in markup(user)
        assert charts(user) == []
        with inside(user):
            (first, *_) = [each for each in ElementFilter(kind=ui.element) if each.tag == "details"]
        UserInteraction(user, {first}, None).trigger("toggle", True)
        await user.should_see("log loss in nats by epoch")
        (chart,) = charts(user)
        assert chart.options["series"][1]["data"][0] == 0.688
        assert "direction auc" in markup(user)


async def test_a_model_is_as_old_as_its_data(database: Database) -> None:
    catalog = MadeCatalog(COINS[:1], NOW_MS)
    card = catalog.entries()[0].card
    assert card is not None
    assert (NOW_MS - card.trained_ms) // DAY_MS == 2  # it was trained on candles of the day before
    board = board_of(database, NOW_MS, symbols=COINS[:1], catalog=catalog)
    async with user_simulation(root=page(board, models.build)) as user:
        await user.open("/")
        assert "3 d</span>" in markup(user)
        assert "2 d</span>" not in markup(user)


async def test_training_runs_stand_over_the_models(database: Database) -> None:
    made = [
        RunLine("BTCUSDT, fold 2", "failed", NOW_MS - DAY_MS, NOW_MS - DAY_MS + 60_000, 3, 50, "x"),
        RunLine(HOSTILE, "running", NOW_MS - 7_200_000, None, 12, 50, "epoch 12, loss 0.688"),
    ]
    board = board_of(database, NOW_MS, catalog=MadeCatalog(COINS, NOW_MS), training=made)
    async with user_simulation(root=page(board, models.build)) as user:
        await user.open("/")
        await user.should_see("those at work first")
        said = markup(user)
        assert "12/50" in said
        assert "2 h" in said
        assert "<img" not in said
        assert said.index("running") < said.index("failed")


async def test_models_by_verdict(database: Database) -> None:
    symbols = [f"C{at:02}USDT" for at in range(26)]
    board = board_of(database, NOW_MS, symbols=symbols, catalog=MadeCatalog(symbols, NOW_MS))
    async with user_simulation(root=page(board, models.build, verdict="BLOCKED")) as user:
        await user.open("/")
        await user.should_see("All 26")
        await user.should_see("BLOCKED 3")
        assert "the rules answer for these coins" not in markup(user)
        press(user, "NO MODEL 2")
        await user.should_see("All 26")
        assert "the rules answer for these coins" in markup(user)
        assert "too good to be true" not in markup(user)


async def test_models_that_are_switched_off(database: Database) -> None:
    async with user_simulation(root=page(board_of(database, NOW_MS), models.build)) as user:
        await user.open("/")
        await user.should_see("models are switched off: start the engine with --use_ml 1")


async def test_paper_that_is_off(database: Database) -> None:
    async with user_simulation(root=page(board_of(database, NOW_MS), paper.build)) as user:
        await user.open("/")
        await user.should_see("Paper trading is off")
        await user.should_not_see("Stop paper trading …")


async def test_paper_of_an_account_that_has_just_been_opened(database: Database) -> None:
    desk = MadeDesk(NOW_MS)
    desk.empty = True
    async with user_simulation(
        root=page(board_of(database, NOW_MS, paper=desk), paper.build)
    ) as user:
        await user.open("/")
        assert "Nothing is held." in markup(user)
        await user.should_see("No curve yet: a point is kept at every cycle.")


async def test_paper_shows_the_account_that_is_chosen(database: Database) -> None:
    board = board_of(database, NOW_MS, paper=MadeDesk(NOW_MS))
    async with user_simulation(root=page(board, paper.build)) as user:
        await user.open("/")
        await user.should_see("spot, long only")
        assert "10,187.66" in markup(user)
        (chart,) = charts(user)
        assert len(chart.options["series"][0]["data"]) == 721
        press(user, "perp")
        await user.should_see("perp, both ways, with funding")


async def test_the_switch_refuses_without_the_word(database: Database) -> None:
    desk = MadeDesk(NOW_MS)
    async with user_simulation(
        root=page(board_of(database, NOW_MS, paper=desk), paper.build)
    ) as user:
        await user.open("/")
        press(user, "Stop paper trading …")
        await user.should_see("Closes 8 positions at the next price")
        for typed in ("", "stop", "STOPP", "YES"):
            fields(user)["word"].value = typed
            press(user, "Stop paper trading")
            await user.should_see("Nothing was done: type STOP in capitals.")
            assert not desk.switch.on
        press(user, "Cancel")
        assert not desk.switch.on


async def test_the_switch_stops_and_resumes_each_by_its_word(database: Database) -> None:
    desk = MadeDesk(NOW_MS)
    async with user_simulation(
        root=page(board_of(database, NOW_MS, paper=desk), paper.build)
    ) as user:
        await user.open("/")
        press(user, "Stop paper trading …")
        fields(user)["word"].value = "STOP"
        fields(user)["reason"].value = HOSTILE
        press(user, "Stop paper trading")
        await user.should_see(f"by page: {HOSTILE}")  # in a label, which escapes
        assert (desk.switch.on, desk.switch.by, desk.switch.reason) == (True, "page", HOSTILE)
        assert HOSTILE not in markup(user)
        press(user, "Resume …")
        fields(user)["word"].value = "STOP"
        press(user, "Resume paper trading")
        await user.should_see("Nothing was done: type RESUME in capitals.")
        assert desk.switch.on
        fields(user)["word"].value = "RESUME"
        press(user, "Resume paper trading")
        await user.should_not_see("Paper trading is stopped since")
        assert not desk.switch.on


async def test_hostile_names_stay_text(database: Database) -> None:
    coin = f"{HOSTILE}USDT"
    rows = [row._replace(symbol=coin) for row in market(6, coins=1)]
    stored_calls(database, rows)
    catalog = MadeCatalog([coin], NOW_MS)
    desk = MadeDesk(NOW_MS, [coin])
    board = board_of(database, NOW_MS, symbols=[coin], catalog=catalog, paper=desk)
    for build in (performance.build, models.build, paper.build):
        async with user_simulation(root=page(board, build)) as user:
            await user.open("/")
            assert "<img" not in markup(user)
            assert "&lt;img" in markup(user)


async def test_a_page_that_is_gone_is_told_no_more(database: Database) -> None:
    board = board_of(database, NOW_MS, paper=MadeDesk(NOW_MS))
    for build in (performance.build, models.build, paper.build):
        async with user_simulation(root=page(board, build)) as user:
            client = await user.open("/")
            assert len(board.changed.callbacks) == 2
            client.delete()
            assert board.changed.callbacks == []
