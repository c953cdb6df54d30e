"""Models: which may answer and why not, measured beside their baselines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from nicegui import events, ui

from crypto_bot.adapters.web.page import model_rows
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.curves_chart import curves_options
from crypto_bot.adapters.web.page.figures import Choices, empty_state, html, panel
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.markup import pieces
from crypto_bot.adapters.web.page.training_table import RunLine, training_table
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.role_change import RoleChange

PATH = "/models"
_CURVES_PX = 260
_CHANGES = 12


class _Read(NamedTuple):
    """What is read at once."""

    entries: Sequence[ModelEntry]
    runs: Sequence[RunLine]
    alarms: Sequence[Alarm]
    unwatched: Sequence[str]
    changes: Sequence[RoleChange]


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """Chips with counts, then a group for each verdict; a line opens to its gates and curves."""

    def read() -> _Read:
        return _Read(
            *(board.catalog.entries(), board.training(), board.alarms(), board.unwatched()),
            board.role_changes(),
        )

    view = _View(board, viewer, await asyncio.to_thread(read), asked.get("verdict"))

    async def follow() -> None:
        view.show(await asyncio.to_thread(read))

    board.changed.subscribe(follow)


class _View:
    """The runs, then chips, then the models; lines that were opened stay open."""

    def __init__(self, board: Board, viewer: Viewer, found: _Read, chosen: str | None) -> None:
        self._board, self._viewer = board, viewer
        self._found, self._chosen = found, chosen
        self._opened: set[str] = set()
        with ui.element("div").classes("stack"):
            with panel("Training runs", "those at work first") as self._runs:
                self._table = html("scrolls")
            with panel("Drift", "what the models did not learn from") as self._drift:
                self._alarms = html("scrolls")
                self._unwatched = ui.label().classes("muted")
            with panel("Roles", "which model is served since when, and why") as self._roles:
                self._changes = html("scrolls")
            self._place = ui.element("div").classes("stack")
        self._show_runs()
        self._fill()

    def show(self, found: _Read) -> None:
        """Puts what was read in; models are made anew only where they differ."""
        before, self._found = self._found, found
        self._show_runs()
        if found.entries != before.entries:
            self._fill()

    def _show_runs(self) -> None:
        runs = self._found.runs
        self._runs.set_visibility(bool(runs))
        self._table.set_content(training_table(runs, self._board.now_ms(), self._viewer))
        alarms, unwatched = self._found.alarms, self._found.unwatched
        self._drift.set_visibility(bool(alarms or unwatched))
        self._alarms.set_visibility(bool(alarms))
        self._alarms.set_content(model_rows.ALARMS.of(alarms))
        changes = self._found.changes[:_CHANGES]
        self._roles.set_visibility(bool(changes))
        self._changes.set_content(model_rows.changes_of(changes, self._viewer))
        self._unwatched.set_text(model_rows.unwatched_words(unwatched))

    def _choose(self, verdict: str | None) -> None:
        self._chosen = verdict
        query = "" if verdict is None else f"?{urlencode({'verdict': verdict})}"
        ui.navigate.history.replace(shown_at(PATH) + query)
        self._fill()

    def _fill(self) -> None:
        self._place.clear()
        with self._place:
            if self._found.entries:
                self._groups(model_rows.groups(self._found.entries))
                return
            why = self._board.catalog.note or "No coin is followed."
            train = "Train them with crypto-bot train all; the rules answer meanwhile."
            empty_state("No models", why, train)

    def _groups(self, found: Mapping[str, Sequence[model_rows.Line]]) -> None:
        with ui.element("div").classes("filters"):
            options: list[tuple[str | None, str]] = [(None, f"All {len(self._found.entries)}")]
            counts = {name: sum(len(line.coins) for line in held) for name, held in found.items()}
            options += [(verdict, f"{verdict} {count}") for verdict, count in counts.items()]
            Choices("Verdict", options, self._chosen, self._choose)
            ui.label(
                "Measured walk-forward on candles that the model had never seen; skill is that of "
                "the log loss against the label frequencies."
            ).classes("muted")
        for verdict, lines in found.items():
            if self._chosen not in {None, verdict}:
                continue
            with ui.element("section").classes("panel models") as box:
                box.props["aria-label"] = verdict
                html("group", model_rows.heading(verdict, counts[verdict]), tag="h2")
                if verdict != model_rows.NONE:
                    heads = html("", pieces.models_head())
                    heads.classes("model head-line").props("aria-hidden=true")
                for line in lines:
                    self._line(line)

    def _line(self, held: model_rows.Line) -> None:
        entry = held.entry
        details = ui.element("details")
        with details:
            with ui.element("summary").classes("model"):
                html("cells", model_rows.closed(held, self._board.now_ms()))
            inside = ui.element("div")

        def toggled(event: events.GenericEventArguments) -> None:
            if not event.args:
                self._opened.discard(entry.symbol)
            elif entry.symbol not in self._opened:
                self._opened.add(entry.symbol)
                if not inside.default_slot.children:
                    self._open(held, inside)

        if entry.symbol in self._opened:
            details.props("open")
            self._open(held, inside)
        details.on("toggle", toggled, js_handler="(event) => emit(event.target.open)")

    def _open(self, held: model_rows.Line, inside: ui.element) -> None:
        entry = held.entry
        with inside:
            html("", model_rows.opened(held, self._viewer))
            curves = entry.card.metrics.curves if entry.card and entry.card.metrics else ()
            if curves:
                with panel("Learning curves", "log loss in nats by epoch"):
                    made = ui.echart(curves_options(self._viewer.palette, dict(curves)))
                    made.classes("chart").style(f"height:{_CURVES_PX}px")
