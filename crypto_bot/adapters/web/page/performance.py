"""Performance: how good each source, coin and model has really been."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup
from nicegui import background_tasks, ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page import performance_tables as tables
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.figures import Chart, Choices, html, html_panel, panel
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.markup import drawings, pieces
from crypto_bot.adapters.web.page.performance_charts import (
    calibration_words,
    groups_options,
    loss_options,
    reliability_options,
)
from crypto_bot.adapters.web.page.sentences import verdict_sentence
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.signal import Pred
from crypto_bot.reports.live_record import (
    ModelsReport,
    PerformanceReport,
    Selection,
    SourceGroup,
    Window,
)

PATH = "/performance"
PATIENCE_S = 1.0
"""After a start the record is read for the first time: the page does not wait for longer."""


class Side(StrEnum):
    """Which calls count."""

    BOTH = "Both sides"
    LONG = "Long"
    SHORT = "Short"

    @property
    def pred(self) -> Pred | None:
        """None for both."""
        return {"Long": Pred.LONG, "Short": Pred.SHORT}.get(self.value)


class Filters(NamedTuple):
    """What is chosen above the figures, and in the address."""

    window: Window = Window.MONTH
    source: SourceGroup = SourceGroup.ALL
    side: Side = Side.BOTH

    @property
    def selection(self) -> Selection:
        """The calls that count."""
        return Selection(self.window, self.source, self.side.pred)

    @property
    def address(self) -> str:
        """Where this choice is found."""
        chosen = {key: each.name.lower() for key, each in self._asdict().items()}
        return f"{PATH}?{urlencode(chosen)}"


def filters_of(asked: Mapping[str, str]) -> Filters:
    """Of an address; what is not understood is as if it were not there."""
    found = {
        key: value
        for key, kind in (("window", Window), ("source", SourceGroup), ("side", Side))
        if (value := kind.__members__.get(asked.get(key, "").upper())) is not None
    }
    return Filters(**found)  # type: ignore[arg-type]  # each key has a member of its own kind


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """Filters, the verdict in a sentence, and the figures behind it."""
    filters = filters_of(asked)
    figures: _Figures

    async def read() -> tuple[PerformanceReport, ModelsReport]:
        version = board.snapshot.version
        report = await asyncio.to_thread(board.record.report, filters.selection, version)
        return report, await asyncio.to_thread(board.record.models, version)

    async def choose(name: str, option: StrEnum) -> None:
        nonlocal filters
        filters = filters._replace(**{name: option})  # type: ignore[arg-type]  # as above
        ui.navigate.history.replace(shown_at(filters.address))
        await show(read())

    async def show(reading: Awaitable[tuple[PerformanceReport, ModelsReport]]) -> None:
        figures.show(*await reading)

    reading = asyncio.create_task(read())
    _filters(filters, choose, board)
    figures = _Figures(board, viewer)
    await asyncio.wait({reading}, timeout=PATIENCE_S)
    if reading.done():
        figures.show(*reading.result())
    else:
        figures.verdict.set_content("Reading the record of 90 days for the first time …")
        background_tasks.create(show(reading), name="performance")
    board.changed.subscribe(lambda: show(read()))


def _filters(filters: Filters, choose: Callable[..., Awaitable[None]], board: Board) -> None:
    with ui.element("div").classes("filters").props('role=group aria-label="Which calls count"'):
        for name, chosen in filters._asdict().items():
            options = [(each, each.value) for each in type(chosen)]
            Choices(name, options, chosen, partial(choose, name))
        cost = formats.number(board.cost_bps, 1).removesuffix(".0")
        ui.label(
            "Consecutive calls of one side of a coin are one episode, with the result of the "
            f"first. A hit gained more than its cost, {cost} bp a round trip."
        ).classes("muted")


class _Figures:
    """What stands under the filters; made once, then filled again and again."""

    def __init__(self, board: Board, viewer: Viewer) -> None:
        self._board = board
        self._palette = viewer.palette
        self._utc = viewer.zone_name == "UTC"
        self.verdict = html("panel verdict-line")
        self.verdict.props("role=status aria-live=polite")
        with ui.element("div").classes("split") as self._all:
            with ui.element("div").classes("stack"):
                self._main()
            self._coins = html_panel("By coin", "by lower bound")
        self._all.set_visibility(False)

    def _main(self) -> None:
        self._sources = html_panel("Hit rate by source", "episodes, 95%, dashed = break-even")
        with ui.element("div").classes("halves"):
            with panel("Reliability", "95% intervals, calls per bin below"):
                self._reliability = Chart("No call in this selection has been resolved.", 400)
                self._calibration = html("legend")
            with panel("Log loss against baseline", "7 days rolling, lower is better"):
                self._loss = Chart("A curve takes 4 days of calls that come after others.", 400)
                ui.label(
                    "Baseline: label shares of the same source and coin over the 30 days before. "
                    "Band: 95%, blocks of days."
                ).classes("muted legend")
        with ui.element("div").classes("halves"):
            with panel("By hour", "hour of the candle, UTC"):
                self._hours = Chart("No call in this selection has been resolved.", 290)
            with ui.element("div").classes("stack"):
                self._volatility = html_panel(
                    "By volatility", "fifths of the episodes, quiet first"
                )
                self._confusion = html_panel("Called and observed", "all calls, share of each row")
        self._live = html_panel(
            "Models live, beside their tests",
            "log-loss skill against the baseline, 95%",
            kind="scrolls",
        )

    def show(self, report: PerformanceReport, models: ModelsReport) -> None:
        """Puts a report in; before the first one there are no figures to see."""
        palette = self._palette
        self._all.set_visibility(True)
        verdict = verdict_sentence(
            report.trades.record,
            report.trades.calls,
            "A call resolves at its stop, its target, or after its horizon; the next cycle runs at "
            f"the close of the {self._board.timeframe.name} candle. A longer window may hold some.",
        )
        self.verdict.set_content(pieces.sentence(verdict))
        self._sources.set_content(tables.source_table(report.by_source, report.random_side))
        self._coins.set_content(tables.coin_table(report.by_coin))
        self._volatility.set_content(tables.volatility_table(report.by_volatility))
        self._confusion.set_content(tables.confusion_table(report.confusion))
        self._reliability.show(
            reliability_options(palette, report.long, report.short),
            empty=not (report.long.bins or report.short.bins),
        )
        whose = "models" if report.predicted_by is SourceGroup.MODELS else "the rules' own record"
        self._calibration.set_content(_calibration(report, whose))
        self._loss.show(loss_options(palette, report.loss, utc=self._utc), empty=not report.loss)
        self._hours.show(
            groups_options(palette, report.by_hour, "hour", report.trades.break_even),
            empty=report.trades.n == 0,
        )
        self._live.set_content(tables.live_table(models, self._board.catalog.note))


def _calibration(report: PerformanceReport, whose: str) -> Markup:
    long, short = calibration_words(report.long), calibration_words(report.short)
    lines = (
        (drawings.mark("up", "long"), f"long: {long}"),
        (drawings.mark("down", "short"), f"short: {short}"),
    )
    return pieces.legend(lines) + pieces.tag(f"Probabilities of {whose}.", "muted")
