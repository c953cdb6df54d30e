"""A board over a real SQLite file, and models with given verdicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.domain.quote import Quote
from crypto_bot.engine.health import Health
from tests.adapters.web import conftest
from tests.adapters.web.page.made_figures import MadeCatalog, board_of, card, entry
from tests.adapters.web.page.made_log import NEWEST_MS, QUARTER, SYMBOLS

NOW_MS = QUARTER.close_of(NEWEST_MS) + 60_000


class Engine(conftest.Engine):
    """One that has had its newest cycle, a minute after the close."""

    now_ms = NOW_MS
    health = Health(
        started_ms=NOW_MS - 3_600_000, last_cycle_ms=NOW_MS - 58_000, last_open_ms=NEWEST_MS
    )

    def starts(self) -> None:
        self.health = Health(started_ms=self.now_ms - 30_000)

    def closes(self, newest_ms: int) -> None:
        """The candle `newest_ms` has its signals, a minute after its close."""
        self.now_ms = QUARTER.close_of(newest_ms) + 60_000
        self.health = replace(self.health, last_open_ms=newest_ms)

    def loses_the_exchange(self, at_ms: int) -> None:
        self.health = replace(self.health, exchange_down_since_ms=at_ms)


@pytest.fixture
def engine() -> Engine:
    return Engine()


MakeBoard = Callable[..., Board]


@pytest.fixture
def make_board(database: Database, engine: Engine) -> MakeBoard:
    def make(
        symbols: tuple[str, ...] = SYMBOLS,
        quotes: dict[str, Quote] | None = None,
        **verdicts: str,
    ) -> Board:
        """A model for each coin in `verdicts`, none for the others."""
        catalog = MadeCatalog(entry(name, card(each)) for name, each in verdicts.items())
        known: dict[str, Any] = {"catalog": catalog, "quotes": lambda: dict(quotes or {})}
        known |= {"symbols": symbols, "health": engine.report}
        return board_of(database, lambda: engine.now_ms, **known)

    return make
