"""Models: which may answer and why not, measured beside their baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from nicegui import events, ui

from crypto_bot.adapters.web.page import model_rows
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.curves_chart import curves_options
from crypto_bot.adapters.web.page.figures import Choices, panel, styled
from crypto_bot.adapters.web.page.markup import piece
from crypto_bot.adapters.web.page.training_table import RunLine, training_table
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.model_card import ModelEntry

PATH = "/models"
_CURVES_PX = 260
_Choice = Callable[[str | None], None]


class _Shown(NamedTuple):
    """What a person has chosen and opened."""

    verdict: str | None
    choose: _Choice
    opened: set[str]


class _Read(NamedTuple):
    """What is read at once."""

    entries: Sequence[ModelEntry]
    runs: Sequence[RunLine]


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """Chips with counts, then a group for each verdict; a line opens to its gates and curves."""
    styled()

    def read() -> _Read:
        return _Read(board.catalog.entries(), board.training())

    found = await board.read(read)
    chosen = asked.get("verdict")
    with ui.element("div").classes("stack"):
        with panel("Training runs", "those at work first") as runs:
            table = ui.html(sanitize=False).classes("scrolls")
        place = ui.element("div").classes("stack")
    opened: set[str] = set()

    def tell_runs() -> None:
        runs.set_visibility(bool(found.runs))
        table.set_content(training_table(found.runs, board.now_ms(), viewer))

    def fill() -> None:
        place.clear()
        with place:
            _view(board, viewer, found.entries, _Shown(chosen, choose, opened))

    def choose(verdict: str | None) -> None:
        nonlocal chosen
        chosen = verdict
        query = "" if verdict is None else f"?{urlencode({'verdict': verdict})}"
        ui.navigate.history.replace(PATH + query)
        fill()

    async def follow() -> None:
        nonlocal found
        before, found = found, await board.read(read)
        tell_runs()
        if found.entries != before.entries:
            fill()

    tell_runs()
    fill()
    board.changed.subscribe(follow)


def _view(
    board: Board,
    viewer: Viewer,
    entries: Sequence[ModelEntry],
    shown: _Shown,
) -> None:
    chosen, choose, opened = shown
    found = model_rows.groups(entries)
    if not entries:
        with ui.element("div").classes("panel empty"):
            ui.label("No models").classes("title")
            ui.label(board.catalog.note or "No coin is followed.")
            ui.label("Train them with crypto-bot train all; the rules answer meanwhile.")
        return
    _chips(found, chosen, len(entries), choose)
    for group in found:
        if chosen in {None, group.verdict}:
            with ui.element("section").classes("panel models") as box:
                box.props["aria-label"] = group.verdict
                ui.html(model_rows.heading(group), sanitize=False, tag="h2").classes("group")
                _head(group)
                for entry in group.entries:
                    _line(entry, board.now_ms(), viewer, opened)


def _chips(
    found: Sequence[model_rows.Group], chosen: str | None, total: int, choose: _Choice
) -> None:
    with ui.element("div").classes("filters"):
        options: list[tuple[str | None, str]] = [(None, f"All {total}")]
        options += [(each.verdict, f"{each.verdict} {len(each.entries)}") for each in found]
        Choices("Verdict", options, chosen, choose)
        ui.label(
            "Measured walk-forward on candles that the model had never seen; skill is that of the "
            "log loss against the label frequencies."
        ).classes("muted")


def _head(group: model_rows.Group) -> None:
    if group.verdict == model_rows.NONE:
        return
    ui.html(piece("models_head"), sanitize=False).classes("model head-line").props(
        "aria-hidden=true"
    )


def _line(entry: ModelEntry, now_ms: int, viewer: Viewer, opened: set[str]) -> None:
    details = ui.element("details")
    with details:
        with ui.element("summary").classes("model"):
            ui.html(model_rows.line(entry, now_ms), sanitize=False).classes("cells")
        inside = ui.element("div")

    def fill() -> None:
        with inside:
            ui.html(model_rows.opened(entry, viewer), sanitize=False)
            curves = entry.card.metrics.curves if entry.card and entry.card.metrics else ()
            if curves:
                with panel("Learning curves", "log loss in nats by epoch"):
                    ui.echart(curves_options(viewer.palette, dict(curves))).classes("chart").style(
                        f"height:{_CURVES_PX}px"
                    )

    def toggled(event: events.GenericEventArguments) -> None:
        is_open = bool(event.args)
        if not is_open:
            opened.discard(entry.symbol)
        elif entry.symbol not in opened:
            opened.add(entry.symbol)
            if not inside.default_slot.children:
                fill()

    if entry.symbol in opened:
        details.props("open")
        fill()
    details.on("toggle", toggled, js_handler="(event) => emit(event.target.open)")
