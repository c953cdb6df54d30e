"""A view as a page of its own, and what a person sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

from nicegui import ElementFilter, ui
from nicegui.testing import User

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.frame import Place, framed
from crypto_bot.adapters.web.page.viewer import Viewer

HERE = Place("/", "Here")
HOSTILE = "<img src=x onerror=alert(1)>"
Build = Callable[[Board, Viewer, Mapping[str, str]], Awaitable[None]]


def page(board: Board, build: Build, **asked: str) -> Callable[[], Awaitable[None]]:
    async def root() -> None:
        await board.newest()
        viewer = Viewer()
        with framed(board, viewer, [HERE], HERE):
            await build(board, viewer, asked)

    return root


@contextmanager
def inside(user: User) -> Iterator[None]:
    assert user.client is not None
    with user.client:
        yield


def markup(user: User) -> str:
    """All that is shown as HTML."""
    with inside(user):
        return "".join(element.content for element in ElementFilter(kind=ui.html))


async def until(condition: Callable[[], bool]) -> None:
    """Pages read in threads of their own; this waits for what they show then."""
    async with asyncio.timeout(20.0):
        while not condition():  # noqa: ASYNC110 - the page knows of no test that waits
            await asyncio.sleep(0.01)
