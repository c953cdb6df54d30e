"""The daily answers beside the live engine: a round for each horizon after the close of a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.app.market import Market
from crypto_bot.app.outlook import OutlookEngine
from crypto_bot.app.rounds import Rounds, Tally
from crypto_bot.app.wiring import build_catch_up
from crypto_bot.engine.catch_up import CatchUp
from crypto_bot.ports import Commit, SignalSink

_LOOK_S = 60.0
"""Real time between two looks at the folders of models, and at the clock."""

_log = structlog.get_logger()


@dataclass(eq=False, kw_only=True)
class OutlookRounds:
    """Runs `engines` on the market, the exchange line and the database of the live engine.

    Each is idle until a model of its horizon has been published. They do not wait for each other,
    and the live engine waits for none of them; `/healthz` speaks of that one alone.
    """

    engines: Sequence[OutlookEngine]
    symbols: Sequence[str]
    database: Database
    metrics: Metrics
    sinks: Sequence[SignalSink]
    observe: Callable[[Commit], None]
    timer: Callable[[], float]
    _open: list[CatchUp] = field(default_factory=list, init=False)

    async def run(self, market: Market) -> None:
        """Until it is cancelled. Raises StoreError."""
        able = [engine for engine in self.engines if _has_candles(engine, market)]
        await asyncio.gather(*(self._follow(engine, market) for engine in able))

    async def once(self, market: Market) -> None:
        """One round for each horizon that has a model. Raises StoreError."""
        for engine in self.engines:
            if engine.registry.has_models() and _has_candles(engine, market):
                await (await self._opened(engine, market)).once()

    def stop(self, wait_s: float) -> None:
        """Ends the rounds in progress after their current bar; waits at most `wait_s` for each."""
        for catch_up in self._open:
            catch_up.stop(wait_s)

    async def _follow(self, engine: OutlookEngine, market: Market) -> None:
        # Another process publishes the models.
        while not await asyncio.to_thread(engine.registry.has_models):  # noqa: ASYNC110 - see above
            await asyncio.sleep(_LOOK_S)
        rounds = await self._opened(engine, market)
        while True:
            await rounds.run()
            await asyncio.sleep(min(_LOOK_S, rounds.until_due_s()))

    async def _opened(self, engine: OutlookEngine, market: Market) -> Rounds:
        tally = Tally()
        catch_up = build_catch_up(
            *(engine.settings, self.symbols, market.clock, self.database.of(engine.key)),
            feed=CcxtFeed(market.feed.line, engine.timeframe),
            timer=self.timer,
            sinks=(*self.sinks, tally),
            observe=self.observe,
            registry=engine.registry,
            outlook=True,
        )
        self._open.append(catch_up)
        rounds = Rounds(engine.timeframe, market, catch_up, self.metrics, tally)
        await rounds.recover()
        await asyncio.to_thread(self._load, engine, market.clock.now_ms())
        _log.info("outlook.opened", engine=engine.key.name, horizon=engine.horizon)
        return rounds

    def _load(self, engine: OutlookEngine, now_ms: int) -> None:
        """Reads the models before the next close, which may be a day away: no page waits for it."""
        for symbol in self.symbols:
            engine.registry.find(symbol, engine.timeframe.last_closed(now_ms))


def _has_candles(engine: OutlookEngine, market: Market) -> bool:
    line, name = market.feed.line, engine.timeframe.name
    has = name in line.client.timeframes
    if not has:
        reason = f"{line.exchange_id} has no candles of {name}"
        _log.warning("outlook.unavailable", horizon=engine.horizon, reason=reason)
    return has
