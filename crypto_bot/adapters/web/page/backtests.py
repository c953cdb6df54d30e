"""Backtests: those that were run, the report of one, several side by side, and a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from nicegui import events, ui

from crypto_bot.adapters.web.backtest_beside import Side, panels
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.figures import button, empty_state, html
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.job_panels import JobPanels
from crypto_bot.adapters.web.page.markup import Column, Table, pieces, tone
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.adapters.web.templating import render
from crypto_bot.backtesting.kept import FIGURES, REPORT, TRADES, Kept, KeptBacktests

PATH = "/backtests"
_FILES = ((REPORT, "HTML"), (FIGURES, "JSON"), (TRADES, "CSV"))
_MOST_BESIDE = 6


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The list, or what the address names."""
    kept = board.backtests
    if kept is None:
        empty_state("No backtests", "They are kept beside the database of an engine.")
        return
    found = await asyncio.to_thread(kept.newest)
    by_id = {each.id: each for each in found}
    if "id" in asked:
        _report(board, by_id.get(asked["id"]))
    elif "beside" in asked:
        ids = [id_ for id_ in asked["beside"].split(",") if id_ in by_id]
        _beside([by_id[id_] for id_ in ids[:_MOST_BESIDE]])
    else:
        await _List(board, viewer, kept).show(found)


class Report(ui.element, component="backtest_report.js"):
    """The report at `url`, drawn by the browser; its trades lead to the charts of `coins`."""

    def __init__(self, url: str, coins: Sequence[str]) -> None:
        super().__init__()
        self._props.update(url=url, chart=shown_at("/coin"), coins=list(coins))


def _report(board: Board, found: Kept | None) -> None:
    with ui.element("div").classes("acts"):
        ui.link("All backtests", PATH).classes("switch")
        if found is not None:
            html("", pieces.backtest_files(PATH, found.id, _FILES), tag="span")
    if found is None:
        empty_state("There is no such backtest here", "The newest are kept, the oldest go.")
        return
    Report(shown_at(f"{PATH}/{quote(found.id, safe='')}/{REPORT}"), board.symbols)


def _beside(found: Sequence[Kept]) -> None:
    ui.link("All backtests", PATH).classes("switch")
    if len(found) < 2:
        empty_state("Two backtests or more are set side by side", "Tick them in the list.")
        return
    html("beside-panels", panels([Side(_made(each), each.figures) for each in found]))


class _List:
    """The form of a new one, the job under way, and the list, which follows what is kept."""

    def __init__(self, board: Board, viewer: Viewer, kept: KeptBacktests) -> None:
        self._kept, self._shown = kept, list[Kept]()
        self._chosen: dict[str, bool] = {}
        self._jobs = JobPanels(board.jobs, viewer, "backtest") if board.jobs else None
        with ui.element("div").classes("acts"):
            button("Side by side", self._compare, "switch")
            ui.label("sets those that are ticked side by side, six at most").classes("muted")
        self._place = html("backtests")
        self._place.on(
            *("change", self._tick),
            js_handler="(event) => emit(event.target.value, event.target.checked)",
        )
        board.beaten.subscribe(self._follow)

    async def show(self, found: Sequence[Kept]) -> None:
        """Puts in the list, and how the jobs stand."""
        self._shown = list(found)
        self._place.set_content(_listed(found, self._chosen))
        if self._jobs is not None:
            await self._jobs.refresh()

    async def _follow(self) -> None:
        found = await asyncio.to_thread(self._kept.newest)
        if found != self._shown:
            await self.show(found)
        elif self._jobs is not None:
            await self._jobs.refresh()

    def _tick(self, event: events.GenericEventArguments) -> None:
        id_, is_on = event.args
        self._chosen[str(id_)] = bool(is_on)

    def _compare(self) -> None:
        ticked = [each.id for each in self._shown if self._chosen.get(each.id)][:_MOST_BESIDE]
        if len(ticked) < 2:
            ui.notify("Tick two backtests or more.", type="warning")
            return
        ui.navigate.to(f"{PATH}?beside={','.join(ticked)}")


def _listed(found: Sequence[Kept], chosen: Mapping[str, bool]) -> Markup:
    return render(
        "backtests.html",
        path=PATH,
        files=_FILES,
        backtests=[
            {
                "id": each.id,
                "made": _made(each),
                "ticked": chosen.get(each.id, False),
                "facts": _facts(each.figures),
                "verdict": str(each.figures.get("sentence", "")).partition(". "),
                "accounts": _ACCOUNTS.of(each.figures.get("accounts", ())),
                "command": each.figures.get("command", ""),
            }
            for each in found
        ],
    )


def _made(kept: Kept) -> str:
    """When it was run, `2026-11-27 17:48:41`, UTC: its name in every place."""
    day, _, time = kept.id.partition("T")
    return f"{day} {time[:2]}:{time[2:4]}:{time[4:6]}"


def _facts(figures: Mapping[str, Any]) -> str:
    coins = len(figures.get("buy_and_hold", {}).get("coins_pct", ()))
    since, until = (str(figures.get(each, ""))[:10] for each in ("since", "until"))
    return f"{since} to {until}, {coins} coins, {figures.get('timeframe')}. {figures.get('models')}"


def _change(key: str) -> Callable[[Mapping[str, Any]], Markup]:
    def cell(account: Mapping[str, Any]) -> Markup:
        shown = formats.signed(account.get(key), 1, "%")
        return Markup('<span class="{}">{}</span>').format(tone(account.get(key), shown), shown)

    return cell


def _of(key: str, decimals: int = 0, unit: str = "") -> Callable[[Mapping[str, Any]], str]:
    def cell(account: Mapping[str, Any]) -> str:
        value = account.get(key)
        return formats.MISSING if value is None else formats.number(value, decimals) + unit

    return cell


def _held(account: Mapping[str, Any]) -> str:
    days = account.get("days_pct") or [(None, None, None)]
    return formats.signed(days[-1][2], 1, "%")


_ACCOUNTS = Table[Mapping[str, Any]](
    Column("Account", lambda account: str(account.get("name"))),
    Column("Return", _change("return_pct"), "num"),
    Column("Buy and hold", _held, "num"),
    Column("Drawdown", _of("max_drawdown_pct", 1, "%"), "num"),
    Column("Sharpe", _of("sharpe", 2), "num"),
    Column("Deflated Sharpe", _of("deflated_sharpe", 2), "num"),
    Column("Trials", _of("trials"), "num"),
    Column("Trades", _of("trades"), "num"),
    nothing="No account was run.",
)
