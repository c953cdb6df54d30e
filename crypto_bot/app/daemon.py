"""The long-running program: the web server first, then the engine, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

import structlog
from fastapi import FastAPI

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.service import ServiceSocket
from crypto_bot.adapters.store.commit_history import SqlCommitHistory
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.application import create_app
from crypto_bot.adapters.web.event_stream import EventStream
from crypto_bot.adapters.web.gauges import ModelGauges, NoticeCounters, OwnGauge, PaperGauges
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.adapters.web.page.board import Board, Market
from crypto_bot.adapters.web.page.mount import mount_page
from crypto_bot.adapters.web.server import WebServer, bind
from crypto_bot.app.live_engine import LiveEngine
from crypto_bot.app.logging import SignalLog
from crypto_bot.app.notices import Notices
from crypto_bot.app.paper import PaperLog, PaperRoom
from crypto_bot.app.settings import Settings, load_symbols
from crypto_bot.app.supervision import supervised
from crypto_bot.app.wiring import check_device, model_registry
from crypto_bot.ml.catalog import PublishedCatalog, SwitchedOff
from crypto_bot.ports import ModelCatalog

_EVENTS = 1024
"""Remembered for clients that reconnect: four hours of 32 coins at 15 minutes."""

_log = structlog.get_logger()


class Daemon:
    """One engine on one database. Raises ConfigError from its constructor and from `run`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._timeframe = settings.timeframe
        self._symbols = load_symbols(settings.symbols_file)
        check_device(settings)
        machine = SystemClock()
        self._registry = model_registry(settings) if settings.use_ml else None
        self._engine = LiveEngine(settings, self._symbols, self._registry, machine)
        self._metrics = Metrics(self._engine.health)
        self._notices = Notices(settings.notify, machine)
        self._service = ServiceSocket(os.environ, os.getpid())
        self._stream = EventStream(epoch=machine.now_ms(), memory=_EVENTS)

    async def run(self) -> int:
        """Serves until SIGTERM or SIGINT, or for one round where `once` is set.

        Raises ConfigError, and StoreError: a restart is the recovery.
        """
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        api = self._settings.api
        listener = bind(api.host, api.port)
        database = Database.open(self._settings.database_url, as_engine=True)
        try:
            self._measure(database)
            self._stream.recall(SqlCommitHistory(database, self._timeframe))
            paper = PaperRoom(
                *(self._settings, self._symbols, database, self._engine.now_ms),
                sinks=(PaperLog(), self._stream, self._notices),
            )
            self._metrics.add(PaperGauges(paper))
            server = WebServer(self._application(database, paper), listener, self._stream)
            await server.start()
            url = f"http://{api.host}:{server.port}"
            _log.info("engine.started", url=url, tf=self._timeframe.name)
            self._notices.started(len(self._symbols), self._timeframe.name, url)
            watches = self._watches(paper)
            sinks = (SignalLog(), self._metrics, self._stream, self._notices, self._board)
            work = self._engine.run(database, self._metrics, sinks, paper)
            engine = asyncio.create_task(work)
            stop = asyncio.create_task(stopped.wait())
            await asyncio.wait({engine, stop}, return_when=asyncio.FIRST_COMPLETED)
            for watch in watches:
                watch.cancel()
            await self._end(engine, server)
        finally:
            database.close()
        return 0

    def _measure(self, database: Database) -> None:
        """What /metrics tells beside what the engine counts."""
        size = "database_size_bytes", "The database on the disk"
        self._metrics.add(OwnGauge(*size, lambda: database.size_bytes))
        listeners = "stream_listeners", "Clients of /api/stream"
        self._metrics.add(OwnGauge(*listeners, lambda: self._stream.listeners))
        self._metrics.add(NoticeCounters(self._notices.counts))
        self._metrics.add(ModelGauges(lambda: self._notices.models))
        newest = 2 * self._settings.engine.horizon_bars * len(self._symbols)
        queries = SqlPredictionQueries(database, self._timeframe)
        self._metrics.restore(queries.prediction_log(None, None, None, None, newest)[::-1])

    def _watches(self, paper: PaperRoom) -> list[asyncio.Task[None]]:
        """Of the engine's health: for people, and for the service manager."""
        health, now_ms = self._engine.health, self._engine.now_ms
        watch = self._notices.watch(health, self._catalog(), paper, now_ms)
        supervision = supervised(self._service, health, now_ms, self._timeframe)
        return [asyncio.create_task(watch), asyncio.create_task(supervision)]

    def _application(self, database: Database, paper: PaperRoom) -> FastAPI:
        api = self._settings.api
        queries = SqlPredictionQueries(database, self._timeframe)
        catalog = self._catalog()
        app = create_app(
            queries=queries,
            catalog=catalog,
            symbols=self._symbols,
            timeframe=self._timeframe,
            health=self._engine.health,
            metrics=self._metrics,
            stream=self._stream,
            paper=paper,
            host=api.host,
            token=None if api.token is None else api.token.get_secret_value(),
        )
        self._board = Board(
            self._market(), queries=queries, catalog=catalog, health=self._engine.health
        )
        mount_page(app, self._board)
        return app

    def _market(self) -> Market:
        """What the page says of the market it shows."""
        is_sim = self._settings.exchange.id == "sim"
        return Market(
            symbols=self._symbols,
            timeframe=self._timeframe,
            now_ms=self._engine.now_ms,
            cost_bps=self._settings.decision.cost_bps,
            speed=self._settings.sim.speed if is_sim else 1.0,
            sample=is_sim,
        )

    def _catalog(self) -> ModelCatalog:
        if self._registry is None:
            return SwitchedOff()
        return PublishedCatalog(
            self._registry,
            self._symbols,
            lambda: self._timeframe.last_closed(self._engine.now_ms()),
        )

    async def _end(self, engine: asyncio.Task[None], server: WebServer) -> None:
        """Stops within 2 s; nothing here must be done for the next start to be right."""
        self._service.stopping()
        failure = engine.exception() if engine.done() else None
        self._notices.ending(None if failure is None else str(failure))
        self._engine.stop()
        engine.cancel()
        await server.stop()
        await self._engine.close()
        await self._notices.close()
        _log.info("engine.stopped")
        with suppress(asyncio.CancelledError):
            await engine
