"""Paper: what trading the signals would have made after costs, and the switch that stops it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from nicegui import ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page import paper_tables as tables
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.equity_chart import equity_options
from crypto_bot.adapters.web.page.figures import Chart, Choices, empty_state, panel, styled
from crypto_bot.adapters.web.page.kill_switch import Switch
from crypto_bot.adapters.web.page.paper_strip import strip
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.paper_report import AccountReport, KillSwitch, Refusal

PATH = "/paper"
_REFUSALS = 12


class _State(NamedTuple):
    """What is read at once."""

    accounts: Sequence[AccountReport]
    refusals: Sequence[Refusal]
    """Of the chosen account."""
    switch: KillSwitch
    chosen: int


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The account's figures, its curve, what it holds, what it held, what it refused."""
    styled()
    name = asked.get("account", "")

    def read() -> _State:
        accounts = board.paper.accounts()
        names = [account.name for account in accounts]
        chosen = names.index(name) if name in names else 0
        refusals = board.paper.refusals(names[chosen], _REFUSALS) if names else []
        return _State(accounts, refusals, board.paper.kill_switch(), chosen)

    state = await board.read(read)
    if not state.accounts:
        how = "Start the engine with --paper 1: it trades every signal that passes the rules."
        empty_state("Paper trading is off", how)
        return

    async def renew() -> None:
        view.show(await board.read(read))

    async def choose(account: str) -> None:
        nonlocal name
        name = account
        ui.navigate.history.replace(f"{PATH}?{urlencode({'account': account})}")
        await renew()

    view = _View(board, viewer, state, choose, renew)
    view.show(state)
    board.changed.subscribe(renew)


class _View:
    """Made once, then filled again and again."""

    def __init__(
        self,
        board: Board,
        viewer: Viewer,
        state: _State,
        choose: Callable[[str], Awaitable[None]],
        renew: Callable[[], Awaitable[None]],
    ) -> None:
        self._board = board
        self._viewer = viewer
        self._switch = Switch(board, viewer, renew)
        with ui.element("div").classes("filters paper-head"):
            names = [account.name for account in state.accounts]
            options = [(name, name) for name in names]
            self._names = Choices("Account", options, names[state.chosen], choose)
            self._market = ui.label().classes("muted grow")
            self._switch.button()
        self._strip = ui.html(sanitize=False).classes("strip paper-strip")
        with ui.element("div").classes("split"):
            with ui.element("div").classes("stack"):
                with panel("Equity over drawdown", "against the same money in equal parts"):
                    self._curve = Chart("No curve yet: a point is kept at every cycle.", 360)
                with panel("Open positions"):
                    self._positions = ui.html(sanitize=False).classes("scrolls freezes")
                with panel("Trades", "newest first; net is after fees and funding"):
                    self._trades = ui.html(sanitize=False).classes("scrolls")
            with ui.element("div").classes("stack"):
                with panel("Rules", "signals refused"):
                    self._rules = ui.html(sanitize=False)
                with panel("Newest refusals", viewer.zone_label):
                    self._refusals = ui.html(sanitize=False)

    def show(self, state: _State) -> None:
        """Puts what was read in."""
        account = state.accounts[state.chosen]
        viewer = self._viewer
        self._names.show(account.name)
        market = "long only" if account.market == "spot" else "both ways, with funding"
        self._market.set_text(
            f"{account.market}, {market}; as of {formats.moment(account.at_ms, viewer.zone)} "
            f"{viewer.zone_label}"
        )
        self._strip.set_content(strip(account))
        utc = viewer.zone_name == "UTC"
        self._curve.show(
            equity_options(viewer.palette, account, state.switch, utc=utc),
            empty=len(account.curve) < 2,
        )
        now_ms = self._board.now_ms()
        self._positions.set_content(tables.positions_table(account.open_positions, now_ms))
        self._trades.set_content(tables.trades_table(account.closed_trades, viewer))
        self._rules.set_content(tables.refusals_table(account))
        self._refusals.set_content(tables.newest_refusals(state.refusals, viewer))
        held = sum(len(each.open_positions) for each in state.accounts)
        self._switch.show(state.switch, held)
