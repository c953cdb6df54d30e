"""A view as a page of its own, and what a person sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from html.parser import HTMLParser

from nicegui import ElementFilter, ui
from nicegui.testing import User, UserInteraction, user_simulation

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.frame import View, framed
from crypto_bot.adapters.web.page.viewer import Viewer

HOSTILE = "<img src=x onerror=alert(1)>'\""
Build = Callable[[Board, Viewer, Mapping[str, str]], Awaitable[None]]


@asynccontextmanager
async def shown(board: Board, build: Build, **asked: str) -> AsyncIterator[User]:
    """A person who has opened the view at the address that says `asked`."""

    async def root() -> None:
        await board.newest()
        viewer = Viewer()
        here = View("/", "Here", build)
        with framed(board, viewer, [here], here):
            await build(board, viewer, asked)

    async with user_simulation(root=root) as user:
        await user.open("/")
        yield user


@contextmanager
def inside(user: User) -> Iterator[None]:
    assert user.client is not None
    with user.client:
        yield


def markup(user: User) -> str:
    """All that is shown as HTML."""
    with inside(user):
        return "".join(element.content for element in ElementFilter(kind=ui.html))


class Harmless(HTMLParser):
    """Fails where markup has a picture, a script, or an attribute that is run."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"img", "script"}
        assert not [name for name, _ in attrs if name.startswith("on")]


def button(user: User, text: str, index: int = 0) -> ui.element:
    """The button with a label of that text, of several the one at `index`."""
    with inside(user):
        found = [
            each
            for each in ElementFilter(kind=ui.element)
            if each.tag == "button"
            and any(getattr(child, "text", None) == text for child in each.default_slot.children)
        ]
    return found[index]


def press(user: User, text: str, index: int = 0) -> None:
    UserInteraction(user, {button(user, text, index)}, None).trigger("click")


def charts(user: User) -> list[ui.echart]:
    with inside(user):
        return list(ElementFilter(kind=ui.echart))


async def until(condition: Callable[[], bool]) -> None:
    """Pages read in threads of their own; this waits for what they show then."""
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - the page knows of no test that waits
            await asyncio.sleep(0.01)
