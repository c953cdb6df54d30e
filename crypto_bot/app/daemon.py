"""The daemon: starts the web server, then the engine, and runs until it is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import structlog

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.service import ServiceSocket
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.server import WebServer, bind
from crypto_bot.app.commands.flags import shared_environment
from crypto_bot.app.front import Front
from crypto_bot.app.job_kinds import job_kinds
from crypto_bot.app.jobs import JobRunner
from crypto_bot.app.live_engine import LiveEngine
from crypto_bot.app.logging import SignalLog
from crypto_bot.app.notices import Notices
from crypto_bot.app.outlook import outlook_engines
from crypto_bot.app.outlook_rounds import OutlookRounds
from crypto_bot.app.paper import PaperLog, PaperService
from crypto_bot.app.past import Past
from crypto_bot.app.settings import Settings
from crypto_bot.app.shipped_pool import publish_shipped_pool
from crypto_bot.app.supervision import supervised
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.upkeep import Upkeep
from crypto_bot.app.wiring import model_catalog, model_registry
from crypto_bot.domain.loopback import address_of

_log = structlog.get_logger()


class Daemon:
    """One engine on one database. Raises ConfigError from its constructor and from `run`."""

    def __init__(self, settings: Settings, past: Past | None = None) -> None:
        self._settings = settings
        self._timeframe = settings.timeframe
        self._symbols = load_symbols(settings.symbols_file)
        machine = self._machine = SystemClock()
        self._outlook = outlook_engines(settings)
        self._registry = model_registry(settings) if settings.use_ml else None
        if self._registry is not None:
            publish_shipped_pool(self._registry)
        self._engine = LiveEngine(settings, self._symbols, self._registry, machine, past)
        self._front = Front(settings, self._symbols, self._engine, self._outlook, past)
        self._notices = Notices(settings.notify, machine)
        self._jobs = JobRunner(
            partial(job_kinds, settings, self._engine.now_ms, self._engine.exchange_url),
            settings.models_dir / ".jobs",
            machine.now_ms,
            shared_environment(settings),
        )
        self._upkeep = Upkeep(
            *(settings, self._symbols, self._engine.registries),
            jobs=self._jobs,
            machine=machine,
            notify=self._notices.notify,
        )
        self._service = ServiceSocket(os.environ, os.getpid())

    async def run(self) -> int:
        """Serves until SIGTERM or SIGINT, or for one round where `once` is set.

        Raises ConfigError, and StoreError, from which a restart recovers.
        """
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        api = self._settings.api
        listener = bind(api.host, api.port)
        url, key = self._settings.database_url, self._settings.engine_key
        database = await asyncio.to_thread(Database.open, url, key, as_engine=True)
        with closing(listener), closing(database):
            if self._settings.store.vacuum:
                await asyncio.to_thread(database.compact)
            front, now_ms, health = self._front, self._engine.now_ms, self._engine.health
            models = self._registry, self._symbols, self._engine.newest_ms
            catalog = model_catalog(*models, self._engine.challengers)
            paper = PaperService(
                *(self._settings, self._symbols, database, now_ms),
                sinks=(PaperLog(), front.stream, self._notices),
            )
            await asyncio.to_thread(front.restore, database)
            shown = database, catalog, paper, self._notices
            app, board = front.application(*shown, upkeep=self._upkeep)
            server = WebServer(app, listener, front.stream)
            await server.start()
            url = f"http://{address_of(api.host)}:{server.port}"
            _log.info("engine.started", url=url, tf=self._timeframe.name, **self._state(database))
            self._notices.started(len(self._symbols), self._timeframe.name, url)
            watches = [
                asyncio.create_task(self._notices.watch(health, catalog, paper, now_ms)),
                asyncio.create_task(supervised(self._service, health, now_ms, self._timeframe)),
            ]
            run = self._engine.run(
                *(database, front.metrics, (SignalLog(), front.metrics, self._notices, board)),
                *(paper, front.stream.committed),
                outlook=self._outlook_rounds(database, board),
                upkeep=partial(self._upkeep.run, record=board.record),
            )
            engine = asyncio.create_task(run)
            stop = asyncio.create_task(stopped.wait())
            await asyncio.wait({engine, stop}, return_when=asyncio.FIRST_COMPLETED)
            for watch in watches:
                watch.cancel()
            await self._end(engine, server)
        return 0

    def _state(self, database: Database) -> dict[str, str]:
        """Where all that the engine keeps is; relative paths are those of `folder`."""
        models = str(self._settings.models_dir)
        return {"folder": str(Path.cwd()), "database": database.name, "models": models}

    def _outlook_rounds(self, database: Database, board: Board) -> OutlookRounds:
        metrics = self._front.metrics
        return OutlookRounds(
            engines=self._outlook,
            symbols=self._symbols,
            database=database,
            metrics=metrics,
            sinks=(SignalLog(), metrics, board),
            observe=self._front.stream.committed,
            timer=self._machine.seconds,
        )

    async def _end(self, engine: asyncio.Task[None], server: WebServer) -> None:
        """Stops within 2 s; the next start does not depend on any of this."""
        self._service.stopping()
        failure = engine.exception() if engine.done() else None
        self._notices.ending(None if failure is None else str(failure))
        self._jobs.close()
        self._engine.stop()
        engine.cancel()
        await server.stop()
        await self._engine.close()
        await self._notices.close()
        _log.info("engine.stopped")
        with suppress(asyncio.CancelledError):
            await engine
