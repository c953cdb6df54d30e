"""The long-running engine: web server first, then recovery, then a round at every candle close."""

from __future__ import annotations

import asyncio
import gc
import signal
from contextlib import suppress
from datetime import UTC

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.application import create_app
from crypto_bot.adapters.web.event_stream import EventStream
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.adapters.web.server import WebServer, bind
from crypto_bot.app.logging import SignalLog
from crypto_bot.app.market import Market, open_market
from crypto_bot.app.progress import backfill
from crypto_bot.app.rounds import AFTER_CLOSE_MS, Rounds
from crypto_bot.app.schedule import CandleCloseTrigger
from crypto_bot.app.settings import Settings, load_symbols
from crypto_bot.app.wiring import build_core, check_device, model_registry
from crypto_bot.domain.errors import MarketDataError, StoreError
from crypto_bot.ml.catalog import PublishedCatalog, SwitchedOff
from crypto_bot.ports import ModelCatalog
from crypto_bot.services.candle_intake import CandleIntake
from crypto_bot.services.catch_up import CatchUp
from crypto_bot.services.health import Health, HealthReport, assess

_PATIENCE_S = 3.0
_WATCH_S = 5
_CLOCK_CHECK_S = 3600
_REOPEN_MS = 5_000
_STOP_S = 0.5
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
        self._machine = SystemClock()
        self._started_ms = self._machine.now_ms()
        self._registry = model_registry(settings) if settings.use_ml else None
        self._market: Market | None = None
        self._rounds: Rounds | None = None
        self._catch_up: CatchUp | None = None
        self._metrics = Metrics(self.health)
        self._stream = EventStream(epoch=self._started_ms, memory=_EVENTS)
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    def health(self) -> HealthReport:
        """As of now; never blocks."""
        health = self._rounds.health if self._rounds else Health(started_ms=self._started_ms)
        patience_ms = int(self._settings.exchange.grace_s * 1000) + self._timeframe.ms // 4
        return assess(health, self._now_ms(), self._timeframe, patience_ms)

    def _now_ms(self) -> int:
        return (self._market.clock if self._market else self._machine).now_ms()

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
            server = WebServer(self._application(database), listener, self._stream)
            await server.start()
            _log.info(
                "engine.started", url=f"http://{api.host}:{server.port}", tf=self._timeframe.name
            )
            engine = asyncio.create_task(self._engine(database))
            stop = asyncio.create_task(stopped.wait())
            await asyncio.wait({engine, stop}, return_when=asyncio.FIRST_COMPLETED)
            await self._end(engine, server)
        finally:
            database.close()
        return 0

    def _application(self, database: Database) -> FastAPI:
        api = self._settings.api
        return create_app(
            queries=SqlPredictionQueries(database, self._timeframe),
            catalog=self._catalog(),
            symbols=self._symbols,
            timeframe=self._timeframe,
            health=self.health,
            metrics=self._metrics,
            stream=self._stream,
            host=api.host,
            token=None if api.token is None else api.token.get_secret_value(),
        )

    def _catalog(self) -> ModelCatalog:
        if self._registry is None:
            return SwitchedOff()
        return PublishedCatalog(
            self._registry, self._symbols, lambda: self._timeframe.last_closed(self._now_ms())
        )

    async def _engine(self, database: Database) -> None:
        """Opens the market, recovers, catches up, and goes on until it is cancelled."""
        archive = SqlCandleArchive(database, self._timeframe)
        newest = archive.newest_opens().values()
        resume_ms = self._timeframe.close_of(max(newest)) if newest else None
        market = await asyncio.to_thread(open_market, self._settings, self._symbols, resume_ms)
        self._market = market
        await self._reach(market)
        rounds = self._rounds = self._joined(database, archive, market)
        await rounds.recover()
        with backfill(len(self._symbols)) as on_coin:
            await rounds.once(on_coin)
        if self._settings.once:
            return
        # What has been loaded stays: the collector need not go through it at some close to come.
        gc.collect()
        gc.freeze()
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                await rounds.run()
            except StoreError as error:
                if not failed.done():
                    failed.set_exception(error)

        async def watch() -> None:
            """A machine that slept, or whose clock was set, has missed its appointment."""
            if rounds.is_due():
                await run()

        trigger = CandleCloseTrigger(self._timeframe, market.clock, AFTER_CLOSE_MS)
        self._scheduler.add_job(run, trigger, misfire_grace_time=None)
        self._scheduler.add_job(watch, "interval", seconds=_WATCH_S, misfire_grace_time=None)
        self._scheduler.add_job(self._correct_clock, "interval", seconds=_CLOCK_CHECK_S)
        self._scheduler.start()
        await run()
        await failed

    def _joined(self, database: Database, archive: SqlCandleArchive, market: Market) -> Rounds:
        exchange = self._settings.exchange
        store = SqlPredictionStore(database, self._timeframe)
        sinks = (SignalLog(), self._metrics, self._stream)
        core = build_core(
            self._settings,
            self._symbols,
            market.clock,
            store,
            archive=archive,
            sinks=sinks,
            log=store,
            registry=self._registry,
        )
        intake = CandleIntake(
            self._timeframe,
            market.feed,
            market.clock,
            grace_ms=int(exchange.grace_s * 1000),
            poll_ms=int(exchange.poll_s * 1000),
        )
        self._catch_up = CatchUp(
            symbols=self._symbols,
            timeframe=self._timeframe,
            intake=intake,
            archive=archive,
            store=store,
            views=core.views,
            tracker=core.tracker,
            record=core.record,
            cycle=core.cycle,
            timer=self._machine.seconds,
            record_bars=self._settings.engine.record_bars,
            patience_s=_PATIENCE_S,
            models=core.models,
        )
        return Rounds(self._timeframe, market, self._catch_up, self._metrics)

    async def _reach(self, market: Market) -> None:
        """Opens the feed; an exchange that is down is waited for. Raises ConfigError."""
        while True:
            try:
                await market.feed.open(self._symbols)
                offset_ms = await market.correct_clock()
            except MarketDataError as error:
                _log.warning("exchange.unreachable", reason=str(error))
                await market.clock.sleep(_REOPEN_MS)
            else:
                if offset_ms is not None:
                    _log.info("clock.corrected", offset_ms=offset_ms)
                return

    async def _correct_clock(self) -> None:
        assert self._market is not None
        with suppress(MarketDataError):  # the feed tells of its outages; the next hour will do
            await self._market.correct_clock()

    async def _end(self, engine: asyncio.Task[None], server: WebServer) -> None:
        """Stops within 2 s; nothing here must be done for the next start to be right."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._catch_up is not None:
            self._catch_up.stop(_STOP_S)
        engine.cancel()
        await server.stop()
        if self._market is not None:
            await self._market.close()
        _log.info("engine.stopped")
        with suppress(asyncio.CancelledError):
            await engine
