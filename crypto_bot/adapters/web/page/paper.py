"""Paper: what trading the signals would have made after costs, and the switch that stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from nicegui import ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page import paper_figures as figures
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.equity_chart import equity_options
from crypto_bot.adapters.web.page.figures import (
    Chart,
    Choices,
    empty_state,
    html,
    html_panel,
    panel,
)
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.kill_switch import Switch
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.paper_report import AccountReport, KillSwitch, Refusal
from crypto_bot.ports import PaperTrading

PATH = "/paper"
_REFUSALS = 12


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The account's figures, its curve, what it holds, what it held, what it refused."""
    paper = board.paper
    names = [each.name for each in await asyncio.to_thread(paper.accounts)] if paper else []
    if paper is None or not names:
        how = "Start the engine with --paper 1: it trades every signal that passes the rules."
        empty_state("Paper trading is off", how)
        return
    name = asked.get("account", "")
    view = _View(board, paper, viewer, names, name if name in names else names[0])
    await view.renew()
    board.changed.subscribe(view.renew)


class _View:
    """Made once, then filled again and again."""

    def __init__(
        self, board: Board, paper: PaperTrading, viewer: Viewer, names: Sequence[str], chosen: str
    ) -> None:
        self._board, self._paper, self._viewer = board, paper, viewer
        self._chosen = chosen
        self._switch = Switch(paper, viewer, self.renew)
        with ui.element("div").classes("filters paper-head"):
            Choices("Account", zip(names, names, strict=True), chosen, self._choose)
            self._market = ui.label().classes("muted grow")
            self._switch.button()
        self._strip = html("strip paper-strip")
        with ui.element("div").classes("split"):
            with ui.element("div").classes("stack"):
                with panel("Equity over drawdown", "against the same money in equal parts"):
                    self._curve = Chart("No curve yet: a point is kept at every cycle.", 360)
                self._positions = html_panel("Open positions", kind="scrolls")
                self._trades = html_panel(
                    "Trades", "newest first; net is after fees and funding", kind="scrolls"
                )
            with ui.element("div").classes("stack"):
                self._rules = html_panel("Rules", "signals refused")
                self._refusals = html_panel("Newest refusals", viewer.zone_label)

    async def _choose(self, account: str) -> None:
        self._chosen = account
        ui.navigate.history.replace(f"{shown_at(PATH)}?{urlencode({'account': account})}")
        await self.renew()

    async def renew(self) -> None:
        """Reads the accounts and puts in what was read."""
        paper, chosen = self._paper, self._chosen

        def read() -> tuple[list[AccountReport], list[Refusal], KillSwitch]:
            return paper.accounts(), paper.refusals(chosen, _REFUSALS), paper.kill_switch()

        self._show(*await asyncio.to_thread(read))

    def _show(
        self, accounts: Sequence[AccountReport], refusals: Sequence[Refusal], switch: KillSwitch
    ) -> None:
        account = next(each for each in accounts if each.name == self._chosen)
        viewer = self._viewer
        market = "long only" if account.market == "spot" else "both ways, with funding"
        as_of = f"{formats.moment(account.at_ms, viewer.zone)} {viewer.zone_label}"
        self._market.set_text(f"{account.market}, {market}; as of {as_of}")
        self._strip.set_content(figures.strip(account))
        utc = viewer.zone_name == "UTC"
        curve = equity_options(viewer.palette, account, switch, utc=utc)
        self._curve.show(curve, empty=len(account.curve) < 2)
        now_ms = self._board.now_ms()
        self._positions.set_content(figures.positions_table(account.open_positions, now_ms))
        self._trades.set_content(figures.trades_table(account.closed_trades, viewer))
        self._rules.set_content(figures.refusals_table(account))
        self._refusals.set_content(figures.newest_refusals(refusals, viewer))
        held = sum(len(each.open_positions) for each in accounts)
        self._switch.show(switch, held)
