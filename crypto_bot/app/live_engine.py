"""The live engine: connects to the market, recovers, and runs a round at every close."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Container, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.app.input_refresh import InputRefresh, series_of_models
from crypto_bot.app.market import Market, open_market
from crypto_bot.app.outlook_rounds import OutlookRounds
from crypto_bot.app.paper import PaperService
from crypto_bot.app.past import Past
from crypto_bot.app.rounds import AFTER_CLOSE_MS, Rounds, Tally
from crypto_bot.app.schedule import CandleCloseTrigger, cancellable
from crypto_bot.app.settings import Settings
from crypto_bot.app.wiring import build_catch_up, model_registry
from crypto_bot.domain.errors import MarketDataError, StoreError
from crypto_bot.engine.catch_up import CatchUp
from crypto_bot.engine.health import Health, HealthReport, Loading, assess
from crypto_bot.models.memory import give_back
from crypto_bot.models.registry import ModelRegistry
from crypto_bot.ports import Clock, Commit, SignalSink

_WATCH_S = 5
_MINUTE_S = 60
_HOUR_S = 3600
_LOADING_S = 2.0
_REOPEN_MS = 5_000
_STOP_S = 0.5
_INPUTS_S = 30.0
"""How long a start waits for what its inputs bring; no time where no model reads any."""

_log = structlog.get_logger()


class LiveEngine:
    """From the market to the committed signals, until it is cancelled."""

    def __init__(
        self,
        settings: Settings,
        symbols: Sequence[str],
        registry: ModelRegistry | None,
        machine: SystemClock,
        past: Past | None = None,
    ) -> None:
        """`past`: what is settled before the market opens."""
        self._settings = settings
        self._symbols = symbols
        self._registry = registry
        self.challengers = model_registry(settings, challengers=True) if registry else None
        self.registries = registry, self.challengers
        self._machine = machine
        self._timeframe = settings.timeframe
        self._past = past
        self._market: Market | None = None
        self._started_ms = self.now_ms()
        self._unreached_ms: int | None = None
        self._unreached: str | None = None
        self._rounds: Rounds | None = None
        self._catch_up: CatchUp | None = None
        self._outlook: OutlookRounds | None = None
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        wanted = partial(series_of_models, settings, symbols)
        self._inputs = InputRefresh(settings, symbols, wanted, machine)

    def now_ms(self) -> int:
        """Time of the market's clock; until it is open the machine's, or the end of its past."""
        return (self._market.clock if self._market else self._past or self._machine).now_ms()

    def newest_ms(self) -> int:
        """The open of the newest closed candle by that clock."""
        return self._timeframe.last_closed(self.now_ms())

    def exchange_url(self) -> str | None:
        """Where the exchange is, if not at its own address: that of one that was started here."""
        process = self._market.process if self._market else None
        return process.url if process else self._settings.exchange.url

    def health(self) -> HealthReport:
        """The current health; never blocks."""
        if self._rounds:
            health = self._rounds.health
        else:
            loading = self._past.loading() if self._past and not self._market else None
            health = Health(
                self._started_ms,
                exchange_down_since_ms=self._unreached_ms,
                exchange_problem=self._unreached,
                loading=loading,
            )
        patience_ms = int(self._settings.exchange.grace_s * 1000) + self._timeframe.ms // 4
        return assess(health, self.now_ms(), self._timeframe, patience_ms)

    async def run(
        self,
        database: Database,
        metrics: Metrics,
        sinks: Sequence[SignalSink],
        paper: PaperService,
        observe: Callable[[Commit], None],
        *,
        outlook: OutlookRounds,
        upkeep: Callable[[Database, Clock], Coroutine[None, None, None]],
    ) -> None:
        """Opens the market, recovers, catches up and continues; one round where `once` is set.

        `upkeep` goes on beside. Raises ConfigError, and StoreError or ExchangeUnavailable, from
        which a restart recovers.
        """
        market = await self._opened(database, sinks, paper)
        self._market, self._outlook = market, outlook
        await self._reach(market, await asyncio.to_thread(self._archived, database))
        self._inputs.start()
        await asyncio.to_thread(self._inputs.first_round, _INPUTS_S)
        tally = Tally()
        self._catch_up = build_catch_up(
            *(self._settings, self._symbols, market.clock, database),
            feed=market.feed,
            timer=self._machine.seconds,
            sinks=(*sinks, paper, tally),
            observe=observe,
            registry=self._registry,
            challengers=self.challengers,
        )
        rounds = self._rounds = Rounds(self._timeframe, market, self._catch_up, metrics, tally)
        await rounds.recover()
        with _logged(lambda: rounds.health.loading):
            await rounds.once()
        if self._settings.once:
            await outlook.once(market)
            await paper.once(market)
            return
        _freeze()
        runs = paper.run(market), outlook.run(market), upkeep(database, market.clock)
        beside = [*map(asyncio.create_task, runs)]
        try:
            await self._follow(rounds, market, beside)
        finally:
            for task in beside:
                task.cancel()

    async def _opened(
        self, database: Database, sinks: Sequence[SignalSink], paper: PaperService
    ) -> Market:
        """The market, once its past is settled. Raises ConfigError, ExchangeUnavailable."""
        if self._past is not None:
            with _logged(self._past.loading):
                await asyncio.to_thread(self._past.wait)
            for sink in sinks:  # what they show is stored now
                sink.committed((), ())
        await paper.show()
        return await asyncio.to_thread(self._open_market, database)

    def _open_market(self, database: Database) -> Market:
        """A simulated market continues where the stored candles end."""
        newest = self._archived(database).values()
        resume_ms = self._timeframe.close_of(max(newest)) if newest else None
        return open_market(self._settings, self._symbols, resume_ms)

    def _archived(self, database: Database) -> dict[str, int]:
        return SqlCandleArchive(database, self._timeframe).newest_opens()

    def stop(self) -> None:
        """Ends the rounds within half a second; the next start does not depend on it."""
        self._inputs.stop()
        if self._past is not None:
            self._past.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._catch_up is not None:
            self._catch_up.stop(_STOP_S)
        if self._outlook is not None:
            self._outlook.stop(_STOP_S)

    async def close(self) -> None:
        """Closes the market."""
        if self._market is not None:
            await self._market.close()

    async def _follow(
        self, rounds: Rounds, market: Market, beside: Sequence[asyncio.Task[None]]
    ) -> None:
        """Runs a round at every close until cancelled, or until one `beside` it fails.

        Raises StoreError, and ExchangeUnavailable where a simulated exchange ended.
        """
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fail(error: BaseException | None) -> None:
            if error is not None and not failed.done():
                failed.set_exception(error)

        def ended(task: asyncio.Task[None]) -> None:
            fail(None if task.cancelled() else task.exception())

        async def run() -> None:
            try:
                market.require_exchange()
                await rounds.run()
            except (StoreError, MarketDataError) as error:
                fail(error)

        async def watch() -> None:
            """Runs a round that the scheduler missed (suspended machine, changed clock)."""
            if rounds.is_due() or market.feed.down_since_ms is not None:
                await run()

        for task in beside:
            task.add_done_callback(ended)
        trigger = CandleCloseTrigger(self._timeframe, market.clock, AFTER_CLOSE_MS)
        # If a round takes longer than a candle, the next one finds it running and returns.
        add = self._scheduler.add_job
        add(cancellable(run), trigger, misfire_grace_time=None, max_instances=2)
        add(cancellable(watch), "interval", seconds=_WATCH_S, misfire_grace_time=None)
        correct = partial(_correct_clock, market)
        add(cancellable(correct), "interval", seconds=_HOUR_S)
        doubted = partial(correct, doubted=True)
        add(cancellable(doubted), "interval", seconds=_MINUTE_S)
        add(give_back, "interval", seconds=_HOUR_S)
        self._scheduler.start()
        first = asyncio.create_task(run())  # lasts as long as an exchange is down
        first.add_done_callback(ended)
        try:
            await failed
        finally:
            first.cancel()

    async def _reach(self, market: Market, known: Container[str]) -> None:
        """Opens the feed; waits while the exchange is down or no coin trades, unless `once` is set.

        The exchange may have delisted coins that are `known`. Raises ConfigError, and
        MarketDataError where there is nothing to wait for.
        """
        while True:
            try:
                await market.feed.open(self._symbols, known)
                await market.correct_clock()
            except MarketDataError as error:
                if self._settings.once:
                    raise
                market.require_exchange()
                self._unreached_ms = self._unreached_ms or market.clock.now_ms()
                self._unreached = self._unreached or str(error)
                _log.warning("exchange.unreachable", reason=str(error))
                await market.clock.sleep(_REOPEN_MS)
            else:
                if market.trust.offset_ms:
                    _log.info("clock.corrected", offset_ms=market.trust.offset_ms)
                return


def _freeze() -> None:
    """Objects loaded so far stay; freezing them makes later garbage collections short."""
    gc.collect()
    give_back()
    gc.freeze()


async def _correct_clock(market: Market, *, doubted: bool = False) -> None:
    """Measures the clock anew, or only where it is `doubted`."""
    if doubted and market.trust.problem is None:
        return
    with suppress(MarketDataError):  # the feed reports outages; there is another time
        await market.correct_clock()


@contextmanager
def _logged(loading: Callable[[], Loading | None]) -> Iterator[None]:
    """A line of log as it goes on, about every two seconds."""
    logging = asyncio.create_task(_log_loading(loading))
    try:
        yield
    finally:
        logging.cancel()


async def _log_loading(loading: Callable[[], Loading | None]) -> None:
    """Logs how far the first round is, while it changes, until it is cancelled."""
    known = None
    while True:
        now = loading()
        if now is not None and now[:-1] != known:
            _log.info("engine.loading", **now._asdict())
            known = now[:-1]
        await asyncio.sleep(_LOADING_S)
