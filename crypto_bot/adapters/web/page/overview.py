"""Overview: what is on, and whether all is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from markupsafe import Markup
from nicegui import ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.coins_table import CoinsTable
from crypto_bot.adapters.web.page.figures import button, empty_state, html
from crypto_bot.adapters.web.page.log_rows import Ending, endings
from crypto_bot.adapters.web.page.markup import drawings, pieces
from crypto_bot.adapters.web.page.notices import Notice
from crypto_bot.adapters.web.page.snapshot import settled_ms
from crypto_bot.adapters.web.page.starting import start_job
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.ports import TRAIN, LoggedSignal


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The strip, the table of the coins, and the rail; the filter stands in the address."""
    snapshot = board.snapshot
    with ui.element("div").classes("strip"):
        strip = [html("card panel", pieces.card(card)) for card in snapshot.cards]
    with ui.element("div").classes("split"):
        with ui.element("div").classes("panel wide"):
            empty = empty_state(
                "No signal yet",
                "The first cycle runs once the candles are loaded, the next at every "
                f"{board.timeframe.name} close. Until then nothing is scored.",
                kind="empty",
            )
            empty.set_visibility(snapshot.scored == 0)
            coins = CoinsTable(snapshot.rows, asked.get("q", ""))
        with ui.element("div").classes("rail"):
            warnings = ui.element("div").classes("panel warnings")
            endings = html("panel endings", _endings(snapshot.endings, viewer))
            if board.about:
                ui.label(board.about).classes("muted small")
    with warnings:
        _warn(snapshot.notices, viewer, board)

    def push() -> None:
        nonlocal snapshot
        before, snapshot = snapshot, board.snapshot
        for drawn, card in zip(strip, snapshot.cards, strict=True):
            drawn.set_content(pieces.card(card))
        coins.show(snapshot.rows)
        empty.set_visibility(snapshot.scored == 0)
        endings.set_content(_endings(snapshot.endings, viewer))
        if (snapshot.notices, snapshot.scored == 0) != (before.notices, before.scored == 0):
            warnings.clear()
            with warnings:
                _warn(snapshot.notices, viewer, board)

    board.changed.subscribe(push)


def _warn(warnings: Sequence[Notice], viewer: Viewer, board: Board) -> None:
    with ui.element("div").classes("head"):
        ui.label("Needs attention").classes("title")
        ui.label(str(len(warnings) or "")).classes("muted")
    if not warnings and board.snapshot.scored == 0:
        ui.label("–")
    elif not warnings:
        ui.label("Nothing needs you.").classes("strong")
        ui.label("The feed is fresh and no model is stale or blocked.").classes("muted")
    for warning in warnings:
        with ui.element("div").classes("warning"):
            name, colour = ("blocked", "crit") if warning.is_critical else ("warning", "warn")
            html("", drawings.mark(name, colour), tag="span")
            with ui.element("div"):
                ui.label(formats.in_zone(warning.what, viewer.zone))
                ui.label(warning.next).classes("muted small")
                if warning.command:
                    _act(warning, board)


def _act(warning: Notice, board: Board) -> None:
    """The command of `warning` to copy, and a button that starts the training."""
    with ui.element("code").classes("command small"):
        ui.label(warning.command)
    with ui.element("div").classes("acts"):
        button("Copy", lambda: ui.clipboard.write(warning.command), "switch")
        if warning.trains and board.jobs is not None:
            button("Train now", partial(start_job, board.jobs, TRAIN, {}), "switch solid")


def _endings(settled: Sequence[LoggedSignal], viewer: Viewer) -> Markup:
    """The latest outcomes."""
    head = pieces.heading("Latest outcomes", viewer.zone_label)
    if not settled:
        then = "A call resolves at its stop, its target, or after its horizon."
        return head + pieces.nothing("No outcome yet", then)
    named = ((line, line.stored.signal.symbol) for line in settled)
    listed = (Ending(each, settled_ms(each), formats.coin(name), name) for each, name in named)
    return head + endings(listed, viewer)
