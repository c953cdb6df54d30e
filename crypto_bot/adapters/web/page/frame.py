"""What stands around every view: names of the views, next close, age of the data, clock, banner.

Only instants are sent, in the market's time; the browser counts (`ticker.js`), so a page whose
server is gone ages all the same and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from nicegui import ui

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.cells import mark
from crypto_bot.adapters.web.page.palette import Theme
from crypto_bot.adapters.web.page.viewer import Viewer

ASSETS = "/assets/page"


class Place(NamedTuple):
    """Where a view is found, and what it is called."""

    path: str
    name: str


@contextmanager
def framed(board: Board, viewer: Viewer, places: Sequence[Place], here: Place) -> Iterator[None]:
    """The frame with `here` marked among `places`; the view is built inside."""
    ui.add_head_html(
        f"<script>document.documentElement.dataset.theme='{viewer.theme.value}'</script>"
        f'<link rel="stylesheet" href="{ASSETS}/style.css">'
        f'<script src="{ASSETS}/ticker.js" defer></script>'
    )
    ui.dark_mode(viewer.theme is Theme.DARK)
    ui.query("html").props("lang=en")
    with ui.header(wrap=False).classes("frame"):
        ui.html(_bar(board, viewer, places, here), sanitize=False).classes("bar")
        beat = ui.element("div").classes("beat").props("hidden")
    news = ui.label().classes("unseen").props("aria-live=polite role=status")
    told = board.snapshot.news

    def tick() -> None:
        snapshot = board.snapshot
        beat.props(
            f"data-now={board.now_ms()} data-at={board.good_ms()} data-next={board.next_close_ms()}"
            f" data-bar={board.timeframe.ms} data-speed={board.speed:g}"
            f' data-calls="{snapshot.longs}▲ {snapshot.shorts}▼"'
        )

    def tell() -> None:
        nonlocal told
        if board.snapshot.news != told:
            told = board.snapshot.news
            news.set_text(told)

    tick()
    board.beaten.subscribe(tick)
    board.changed.subscribe(tell)
    with ui.element("section").classes("view").props('id=content tabindex=-1 aria-label="View"'):
        yield


def _bar(board: Board, viewer: Viewer, places: Sequence[Place], here: Place) -> str:
    """Markup of constants alone; nothing in it was written by others."""
    links = "".join(
        f'<a href="{place.path}"{_CURRENT if place == here else ""}>{place.name}</a>'
        for place in places
    )
    badges = "".join(f'<span class="badge">{badge}</span>' for badge in board.badges)
    other = "Light" if viewer.theme is Theme.DARK else "Dark"
    zone = "UTC" if viewer.zone_name == "UTC" else "local"
    return (
        '<a class="skip" href="#content">Skip to the content</a>'
        '<a class="name" href="/">Signal engine</a>'
        f'<nav aria-label="Views">{links}</nav><span class="badges">{badges}</span>'
        '<span class="fact"><span class="word">Next close</span> '
        '<b class="left" role="timer" aria-live="off">–</b></span>'
        '<span class="fact">Data <b class="age">–</b></span>'
        '<span class="fact hours"><b class="clock">–</b></span>'
        f'<button class="switch zone" data-zone="{zone}" title="UTC or the time of this browser">'
        f"{zone}</button>"
        f'<button class="switch theme" data-theme-to="{other.lower()}">{other}</button>'
        '<button class="switch keys" title="Keys" aria-label="Keys">?</button>'
        '<div class="elapsed" aria-hidden="true"></div>'
        f'<div class="banner" role="alert" hidden>{mark("warning")}<span></span></div>'
        f'<dialog class="help" aria-label="Keys"><h2>Keys</h2><dl>{_KEYS}</dl>'
        '<form method="dialog"><button class="switch">Close</button></form></dialog>'
    )


_CURRENT = ' aria-current="page"'
_KEYS = "".join(
    f"<dt>{''.join(f'<kbd>{key}</kbd>' for key in keys.split())}</dt><dd>{does}</dd>"
    for keys, does in (
        ("j k", "next and previous line"),
        ("Enter", "opens the line"),
        ("/", "to the search field"),
        ("1 … 6", "the views"),
        ("?", "this list"),
    )
)
