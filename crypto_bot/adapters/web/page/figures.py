"""The parts that the views with figures are made of: panels, choices, charts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

from nicegui import ui

from crypto_bot.adapters.web.page.axes import Options
from crypto_bot.reports.glossary import meaning

_Key = TypeVar("_Key", bound=Hashable)
_HEAD = """
<q-th :props="props" :title="props.col.title" :aria-sort="props.col.sortable ?
    props.col.__thClass.includes('sort-desc') ? 'descending' :
    props.col.__thClass.includes('sorted') ? 'ascending' : 'none' : undefined">
  <button v-if="props.col.sortable" type="button" class="sorts">{{ props.col.label }}</button>
  <span v-else :class="{unseen: props.col.hidden}">{{ props.col.label }}</span>
</q-th>
"""
"""Its click sorts; the button is there for the keyboard."""


def html(kind: str = "", content: str = "", tag: str = "div") -> ui.html:
    """An element of the classes `kind`; templates have escaped its content."""
    made = ui.html(content, sanitize=False, tag=tag).classes(kind)
    return made.props("tabindex=0") if "scrolls" in kind else made  # for the keyboard


@contextmanager
def panel(title: str, aside: str = "") -> Generator[ui.element]:
    """A box with a heading; `aside` stands at its right."""
    with ui.element("section").classes("panel").props(f'aria-label="{title}"') as box:
        with ui.element("div").classes("head"):
            ui.element("h2").classes("title").props["innerText"] = title
            ui.label(aside).classes("muted")
        yield box


def html_panel(title: str, aside: str = "", kind: str = "") -> ui.html:
    """A panel of one element, which is returned; `kind` are its classes."""
    with panel(title, aside):
        return html(kind)


def vue_table(
    columns: Sequence[Options], line: str, rows: Sequence[Options], key: str, props: str
) -> ui.table:
    """A table of `rows` that are drawn by the Vue template `line`.

    Vue escapes what stands in braces; `v-html` takes drawings alone. The label of a column, or its
    `term` where that is another, has an entry in the glossary.
    """
    columns = [{**each, "title": meaning(each.get("term") or each["label"])} for each in columns]
    made = ui.table(columns=columns, rows=list(rows), row_key=key, pagination=0)
    made.classes("coins").props(f"flat dense hide-pagination {props}").add_slot("body", line)
    made.add_slot("header-cell", _HEAD)
    return made


def empty_state(title: str, *lines: str, kind: str = "panel empty") -> ui.element:
    """What there is not, and what to expect or to do."""
    with ui.element("div").classes(kind) as made:
        ui.label(title).classes("title")
        for line in lines:
            ui.label(line)
    return made


def button(text: str, on_click: Callable[..., object], kind: str = "") -> ui.element:
    """A button of the classes `kind` with the label `text`."""
    made = ui.element("button").classes(kind).props("type=button")
    with made:
        ui.label(text)
    return made.on("click", on_click)


class Choices(Generic[_Key]):
    """Buttons of which one is pressed: `options` are what each stands for and its text."""

    def __init__(
        self,
        name: str,
        options: Iterable[tuple[_Key, str]],
        chosen: _Key,
        on_choice: Callable[[_Key], Awaitable[None] | None],
    ) -> None:
        self._buttons: dict[_Key, ui.element] = {}
        self._on_choice = on_choice
        with ui.element("div").classes("choices").props(f'role=group aria-label="{name}"'):
            for key, text in options:
                self._buttons[key] = button(text, partial(self._press, key))
        self.show(chosen)

    def show(self, chosen: _Key) -> None:
        """Presses the button of `chosen`."""
        for key, made in self._buttons.items():
            made.props(f"aria-pressed={'true' if key == chosen else 'false'}")

    def _press(self, key: _Key, _: object) -> Awaitable[None] | None:
        self.show(key)
        return self._on_choice(key)


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
