"""What stands around every view: names of the views, next close, age of the data, clock, banner.

Only instants are sent, in the market's time; the browser counts (`ticker.js`), so a page whose
server is gone ages all the same and shows that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from markupsafe import Markup
from nicegui import ui

from crypto_bot.adapters.web.login import COOKIE as LOGIN_COOKIE
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.figures import html
from crypto_bot.adapters.web.page.palette import Theme
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.adapters.web.proxies import prefix_of
from crypto_bot.adapters.web.templating import render
from crypto_bot.engine.health import Status
from crypto_bot.reports.glossary import TERMS

ASSETS = "/assets/page"


def shown_at(path: str) -> str:
    """`path` of this server as the browser of this page asks for it; see `Prefixed`."""
    return prefix_of(ui.context.client.request.headers) + path


class View(NamedTuple):
    """A view, where it is found and what it is called; it answers at the `further` addresses too.

    `build` makes it inside the frame; `asked` holds the parameters of the address.
    """

    path: str
    name: str
    build: Callable[[Board, Viewer, Mapping[str, str]], Awaitable[None]]
    further: tuple[str, ...] = ()
    names_itself: bool = False
    """Whether it has a heading of its own; otherwise its name is one that is read out."""


@contextmanager
def framed(board: Board, viewer: Viewer, views: Sequence[View], here: View) -> Iterator[None]:
    """The frame with `here` marked among `views`; the view is built inside."""
    assets = shown_at(ASSETS)
    ui.add_head_html(
        f'<script src="{assets}/theme.js" data-theme="{viewer.theme.value}"'
        f' data-directions="{viewer.directions.value}"'
        f"{' data-chosen' if viewer.chose_theme else ''}></script>"
        f'<link rel="stylesheet" href="{assets}/style.css">'
        f'<link rel="stylesheet" href="{assets}/figures.css">'
        f'<script src="{assets}/ticker.js" defer></script>'
    )
    ui.dark_mode(viewer.theme is Theme.DARK)
    ui.query("html").props("lang=en")
    with ui.header(wrap=False).classes("frame"):
        html("bar", _bar(board, viewer, views, here))
        starting = ui.label().classes("starting")
        beat = ui.element("div").classes("beat").props("hidden")
    news = ui.label().classes("unseen news").props("aria-live=polite role=status")
    announced = board.snapshot.news

    def tick() -> None:
        snapshot = board.snapshot
        report = board.health()
        is_starting = report.status is Status.STARTING
        speed = 1.0 if is_starting else board.speed
        loading = report.health.loading
        starting.set_text(f"Starting: {loading.words}" if loading else "Starting")
        starting.set_visibility(is_starting)
        beat.props(
            f"data-now={board.now_ms()} data-at={board.good_ms()} data-next={board.next_close_ms()}"
            f" data-bar={board.timeframe.ms} data-speed={speed:g}"
            f' data-calls="{snapshot.longs}▲ {snapshot.shorts}▼"'
        )

    def announce() -> None:
        nonlocal announced
        if board.snapshot.news != announced:
            announced = board.snapshot.news
            news.set_text(announced)

    tick()
    board.beaten.subscribe(tick)
    board.changed.subscribe(announce)
    with ui.element("section").classes("view").props('id=content tabindex=-1 aria-label="View"'):
        if not here.names_itself:
            html("unseen", here.name, tag="h1")
        yield


def _bar(board: Board, viewer: Viewer, views: Sequence[View], here: View) -> Markup:
    return render(
        "bar.html",
        views=views,
        here=here,
        badge=board.badge,
        about=board.about,
        paper=board.paper is not None,
        zone="UTC" if viewer.zone_name == "UTC" else "local",
        theme=viewer.theme.value if viewer.chose_theme else "",
        directions=viewer.directions.value,
        other="Light" if viewer.theme is Theme.DARK else "Dark",
        keys=(*_KEYS, (f"1 … {len(views)}", "the views")),
        terms=TERMS,
        logged_in=LOGIN_COOKIE in ui.context.client.request.cookies,
    )


_KEYS = (
    ("j k", "next and previous line"),
    ("Enter", "opens the line, in the search field the first"),
    ("n p", "next and previous panel"),
    ("/", "finds a coin"),
    ("?", "this box"),
)
