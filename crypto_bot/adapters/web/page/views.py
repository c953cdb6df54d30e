"""The views of the page, in the order of their keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from crypto_bot.adapters.web.page import coin, log, models, overview, paper, performance
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.frame import Place
from crypto_bot.adapters.web.page.viewer import Viewer


class View(NamedTuple):
    """A view and the addresses it answers at; the first is where its name leads.

    `build` makes it inside the frame; `asked` holds what the address says.
    """

    place: Place
    build: Callable[[Board, Viewer, Mapping[str, str]], Awaitable[None]]
    further: tuple[str, ...] = ()


VIEWS = (
    View(Place("/", "Overview"), overview.build),
    View(Place("/coin", "Coin"), coin.build, ("/coin/{symbol}",)),
    View(Place(performance.PATH, "Performance"), performance.build),
    View(Place(models.PATH, "Models"), models.build),
    View(Place(paper.PATH, "Paper"), paper.build),
    View(Place("/log", "Log"), log.build),
)
