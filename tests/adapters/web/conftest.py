"""An API over a real SQLite file with a few committed signals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web import EventStream, Metrics, create_app
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Declined, Pred, Probabilities, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import Health, HealthReport, assess
from crypto_bot.ports import StoredSignal
from tests.adapters.web.page.made_figures import MadeCatalog, card, entry
from tests.adapters.web.sockets import client
from tests.domain.paper_accounts import signal

QUARTER = Timeframe.parse("15m")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
OPEN_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z


class Engine:
    """Health as held by the daemon, at a moment that a test sets."""

    now_ms = OPEN_MS + QUARTER.ms
    health = Health(started_ms=OPEN_MS)

    def report(self) -> HealthReport:
        return assess(self.health, self.now_ms, QUARTER, patience_ms=245_000)

    def ran(self) -> None:
        """One cycle has been committed."""
        self.health = replace(self.health, last_cycle_ms=self.now_ms, last_open_ms=OPEN_MS)


_MADE = card()
assert _MADE.metrics is not None
CARD = _MADE._replace(
    gates=(Gate("direction_auc", True, 0.51, 0.505, "direction AUC .51"),),
    last_open_ms=OPEN_MS - QUARTER.ms,
    trained_with=("BTCUSDT", "ETHUSDT"),
    metrics=_MADE.metrics._replace(
        skill_prior=Interval(0.02, 0.018, 0.023), direction_auc_together=Interval(0.53, 0.52)
    ),
)


def make_signal(symbol: str = "BTCUSDT", bar: int = 0, pred: Pred = Pred.LONG) -> StoredSignal:
    """A signal of `symbol` on the `bar`-th candle: RSI_MA for a trade, else HOLD."""
    is_hold = pred is Pred.NO_TRADE
    made = signal(
        symbol,
        bar,
        pred,
        atr=2.0,
        probabilities=Probabilities(0.22, 0.41, 0.37),
        source=Source.HOLD if is_hold else Source.RSI_MA,
        reasons=("no rule answered",) if is_hold else ("RSI 24.1 is below 30",),
        declined=(Declined(Source.ML_PER_COIN_V1, "no model has been published"),),
        expected_bps=None if is_hold else 14.2,
        cost_bps=10.0,
    )
    return StoredSignal(made, QUARTER.close_of(made.candle_open_ms) + 2113, late=False)


def make_outcome(of: StoredSignal, *, correct: bool = True) -> Outcome:
    """An outcome of that signal, four candles later."""
    called = of.signal.pred
    other = Pred.SHORT if called is not Pred.SHORT else Pred.LONG
    settled_ms = of.signal.candle_open_ms + 5 * QUARTER.ms
    ended = (Status.TP1, 104.0, 400.0) if correct else (Status.SL, 96.0, -400.0)
    label = called if correct else other
    return Outcome(of.signal.id, settled_ms, *ended, 410.0, -20.0, label, label, correct)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'api.db'}")
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> SqlPredictionStore:
    return SqlPredictionStore(database, QUARTER)


@pytest.fixture
def archive(database: Database) -> SqlCandleArchive:
    made = SqlCandleArchive(database, QUARTER)
    made.add(
        {
            "BTCUSDT": [
                Candle(OPEN_MS + bar * QUARTER.ms, 100.0, 101.0 + bar, 99.0, 100.5, 3.0)
                for bar in range(8)
            ]
        }
    )
    return made


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def metrics(engine: Engine) -> Metrics:
    return Metrics(engine.report)


@pytest.fixture
def stream() -> EventStream:
    return EventStream(memory=64, heartbeat_s=0.05)


@pytest.fixture
def catalog() -> MadeCatalog:
    """A served model of BTCUSDT and none of other coins."""
    return MadeCatalog([entry("BTCUSDT", CARD), *map(entry, SYMBOLS[1:])])


@pytest.fixture
def make_app(
    database: Database, engine: Engine, metrics: Metrics, stream: EventStream, catalog: MadeCatalog
) -> Callable[..., FastAPI]:
    def make(**known: Any) -> FastAPI:
        usual: dict[str, Any] = {
            "queries": SqlPredictionQueries(database, QUARTER),
            "catalog": catalog,
            "coverage": Coverage(SYMBOLS, QUARTER),
            "health": engine.report,
            "metrics": metrics,
            "stream": stream,
            "now_ms": lambda: engine.now_ms,
            "host": "127.0.0.1",
        }
        return create_app(**usual | known)

    return make


@pytest.fixture
async def api(make_app: Callable[..., FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with client(make_app()) as opened:
        yield opened
