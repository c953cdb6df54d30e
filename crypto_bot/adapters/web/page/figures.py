"""The parts that the views with figures are made of: panels, choices, charts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum

from nicegui import ui

from crypto_bot.adapters.web.page.axes import Options
from crypto_bot.adapters.web.page.frame import ASSETS


def styled() -> None:
    """Loads the style sheet of these parts; once for each page."""
    ui.add_head_html(f'<link rel="stylesheet" href="{ASSETS}/figures.css">')


@contextmanager
def panel(title: str, aside: str = "") -> Generator[ui.element]:
    """A box with a heading; `aside` stands at its right."""
    with ui.element("section").classes("panel").props(f'aria-label="{title}"') as box:
        with ui.element("div").classes("head"):
            ui.element("h2").classes("title").props["innerText"] = title
            ui.label(aside).classes("muted")
        yield box


def choices(
    name: str,
    options: Sequence[StrEnum],
    chosen: StrEnum,
    on_choice: Callable[..., Awaitable[None]],
) -> None:
    """Buttons of which one is pressed; `on_choice` is called with `name=option`."""
    buttons: dict[StrEnum, ui.element] = {}

    async def press(option: StrEnum) -> None:
        for each, button in buttons.items():
            button.props(f"aria-pressed={'true' if each is option else 'false'}")
        await on_choice(**{name: option})

    with ui.element("div").classes("choices").props(f'role=group aria-label="{name}"'):
        for option in options:
            button = ui.element("button").props(
                f"type=button aria-pressed={'true' if option is chosen else 'false'}"
            )
            with button:
                ui.label(option.value)
            button.on("click", lambda _, option=option: press(option))
            buttons[option] = button


class Chart:
    """A chart, or a sentence in its place while there is nothing to draw."""

    def __init__(self, nothing: str, height: int) -> None:
        self._nothing = ui.label(nothing).classes("empty muted")
        self._chart = ui.echart({}).classes("chart").style(f"height:{height}px")

    def show(self, options: Options, *, empty: bool) -> None:
        """Draws `options`. A chart that shows the same already is left alone."""
        self._nothing.set_visibility(empty)
        self._chart.set_visibility(not empty)
        if self._chart.options != options:
            self._chart.options.clear()
            self._chart.options.update(options)
            self._chart.update()
