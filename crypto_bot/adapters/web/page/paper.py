"""Paper: what trading the signals would have made after costs, and the switch that stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from nicegui import ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page import money_tables as tables
from crypto_bot.adapters.web.page import paper_figures as figures
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.equity_chart import equity_options
from crypto_bot.adapters.web.page.figures import (
    Chart,
    Choices,
    button,
    empty_state,
    html,
    html_panel,
    panel,
)
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.kill_switch import Switch
from crypto_bot.adapters.web.page.markup import pieces
from crypto_bot.adapters.web.page.money_charts import (
    calendar_options,
    excursion_options,
    excursion_words,
    results_options,
)
from crypto_bot.adapters.web.page.sentences import trades_sentence
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.paper_report import (
    AccountReport,
    ClosedTrade,
    DayResult,
    KillSwitch,
    MoneyParts,
    Refusal,
)
from crypto_bot.ports import PaperTrading

PATH = "/paper"
_REFUSALS = 12
_PAGE_TRADES = 25
_PARTS = ("coin", "source", "side", "hour", "time held", "exit")


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The account's figures, its curve, what it holds, what it held, what it refused."""
    paper = board.paper
    names = [each.name for each in await asyncio.to_thread(paper.accounts)] if paper else []
    if paper is None or not names:
        how = "Start the engine with --paper 1: it trades every signal that passes the rules."
        empty_state("Paper trading is off", how)
        return
    name, part = asked.get("account", ""), asked.get("by", "")
    shown = name if name in names else names[0], part if part in _PARTS else _PARTS[0]
    view = _View(board, paper, viewer, names, shown)
    await view.renew()
    board.changed.subscribe(view.renew)


class _Read(NamedTuple):
    """What the view reads of the chosen account, and of all."""

    accounts: Sequence[AccountReport]
    refusals: Sequence[Refusal]
    switch: KillSwitch
    days: Sequence[DayResult]
    parts: MoneyParts
    trades: Sequence[ClosedTrade]


class _View:
    """Made once, then filled again and again."""

    def __init__(
        self,
        board: Board,
        paper: PaperTrading,
        viewer: Viewer,
        names: Sequence[str],
        shown: tuple[str, str],
    ) -> None:
        self._board, self._paper, self._viewer = board, paper, viewer
        self._chosen, self._part = shown
        self._skip = 0
        self._switch = Switch(paper, viewer, self.renew)
        with ui.element("div").classes("filters paper-head"):
            Choices("Account", zip(names, names, strict=True), self._chosen, self._choose)
            self._market = ui.label().classes("muted grow")
            self._switch.button()
        self._verdict = html("panel verdict-line")
        self._strip = html("strip paper-strip")
        with ui.element("div").classes("split"):
            with ui.element("div").classes("stack"):
                with panel("Equity over drawdown", "against the same money in equal parts"):
                    self._curve = Chart("No curve yet: a point is kept at every cycle.", 360)
                self._positions = html_panel("Open positions", kind="scrolls")
                self._bridge = html_panel("From calls to money", kind="scrolls")
                self._money()
            with ui.element("div").classes("stack"):
                self._rules = html_panel("Rules", "signals refused")
                self._refusals = html_panel("Newest refusals", viewer.zone_label)

    def _money(self) -> None:
        """What was earned, in parts, and the trades one by one."""
        with panel("Results by day", "change of equity, UTC, open positions included"):
            self._calendar = Chart("No day yet: a point of equity is kept at every cycle.", 150)
            self._months = html("scrolls")
        with panel("Closed trades in parts", "95% interval of the mean; hours are UTC, of entry"):
            Choices("Part", zip(_PARTS, _PARTS, strict=True), self._part, self._choose_part)
            self._groups = html("scrolls")
        with ui.element("div").classes("halves"):
            with panel("Results in R", "closed trades, after costs"):
                self._results = Chart("No trade has ended yet.", 240)
            with panel("Best and worst on the way", "newest 200 trades, bp of the entry"):
                self._excursions = Chart("No trade has ended yet.", 240)
                self._medians = ui.label().classes("muted legend")
        with panel("Trades", "newest first; net is after fees and funding"):
            with ui.element("div").classes("filters"):
                self._newer = button("Newer", lambda: self._turn(-_PAGE_TRADES), "switch")
                self._older = button("Older", lambda: self._turn(_PAGE_TRADES), "switch")
                self._counted = ui.label().classes("muted grow")
                self._csv = ui.link("CSV", "").classes("switch").props("download")
            self._trades = html("scrolls")

    async def _choose(self, account: str) -> None:
        self._chosen, self._skip = account, 0
        self._say()
        await self.renew()

    async def _choose_part(self, part: str) -> None:
        self._part = part
        self._say()
        await self.renew()

    async def _turn(self, by: int) -> None:
        self._skip = max(0, self._skip + by)
        await self.renew()

    def _say(self) -> None:
        """Puts what is chosen into the address."""
        asked = {"account": self._chosen, "by": self._part}
        ui.navigate.history.replace(f"{shown_at(PATH)}?{urlencode(asked)}")

    async def renew(self) -> None:
        """Reads the accounts and puts in what was read."""
        paper, chosen, skip = self._paper, self._chosen, self._skip

        def read() -> _Read:
            return _Read(
                paper.accounts(),
                paper.refusals(chosen, _REFUSALS),
                paper.kill_switch(),
                paper.days(chosen),
                paper.parts(chosen),
                paper.trades(chosen, skip, _PAGE_TRADES),
            )

        self._show(await asyncio.to_thread(read))

    def _show(self, found: _Read) -> None:
        account = next(each for each in found.accounts if each.name == self._chosen)
        viewer = self._viewer
        market = "long only" if account.market == "spot" else "both ways, with funding"
        as_of = f"{formats.moment(account.at_ms, viewer.zone)} {viewer.zone_label}"
        cost = f"a round trip costs {account.round_trip_bps.normalize():f} bp"
        self._market.set_text(f"{account.market}, {market}; {cost}; as of {as_of}")
        self._verdict.set_content(pieces.sentence(trades_sentence(account)))
        self._strip.set_content(figures.strip(account, found.days))
        utc = viewer.zone_name == "UTC"
        curve = equity_options(viewer.palette, account, found.switch, utc=utc)
        self._curve.show(curve, empty=len(account.curve) < 2)
        now_ms = self._board.now_ms()
        self._positions.set_content(figures.positions_table(account.open_positions, now_ms))
        self._bridge.set_content(tables.bridge_table(account))
        self._show_money(found)
        self._show_trades(found.trades, account.statistics.trades)
        self._rules.set_content(figures.refusals_table(account))
        self._refusals.set_content(figures.newest_refusals(found.refusals, viewer))
        held = sum(len(each.open_positions) for each in found.accounts)
        self._switch.show(found.switch, held)

    def _show_money(self, found: _Read) -> None:
        palette, parts = self._viewer.palette, found.parts
        self._calendar.show(calendar_options(palette, found.days), empty=not found.days)
        self._months.set_content(tables.months_table(found.days))
        self._groups.set_content(tables.groups_table(self._part, parts.by[self._part]))
        empty = not parts.by["side"]
        self._results.show(results_options(palette, parts), empty=empty)
        self._excursions.show(
            excursion_options(palette, parts.excursions), empty=not parts.excursions
        )
        self._medians.set_text(excursion_words(parts.excursions) if parts.excursions else "")

    def _show_trades(self, trades: Sequence[ClosedTrade], total: int) -> None:
        self._trades.set_content(figures.trades_table(trades, self._viewer))
        last = self._skip + len(trades)
        self._newer.set_visibility(self._skip > 0)
        self._older.set_visibility(last < total)
        shown = f"{self._skip + 1} to {last} of {formats.number(total)}" if trades else ""
        self._counted.set_text(shown)
        self._csv.props["href"] = f"/paper.csv?{urlencode({'account': self._chosen})}"
