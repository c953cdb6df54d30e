"""Rounds of catching up: one at every close, more while candles are owed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.app.market import Market
from crypto_bot.domain.errors import MarketDataError, StoreError
from crypto_bot.domain.instant import MINUTE_MS, instant
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.catch_up import CatchUp, Round
from crypto_bot.engine.health import Health
from crypto_bot.ports import StoredSignal

AFTER_CLOSE_MS = 1_000
"""Exchanges complete a candle shortly after its close."""
_RETRY_MS = 15_000
_LOOK_UP_MS = 5 * MINUTE_MS
"""Between two requests for the list of markets, which is long."""

_log = structlog.get_logger()


class Tally:
    """A sink that counts the served calls and outcomes of a round."""

    def __init__(self) -> None:
        self._preds: Counter[Pred] = Counter()
        self._ended: Counter[bool | None] = Counter()

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """Counts them."""
        self._preds.update(each.signal.pred for each in signals)
        self._ended.update(each.correct for each in outcomes)

    def taken(self) -> dict[str, int]:
        """The counts since they were last taken, by name."""
        preds, ended = self._preds, self._ended
        self._preds, self._ended = Counter(), Counter()
        return {
            "longs": preds[Pred.LONG],
            "shorts": preds[Pred.SHORT],
            "outcomes": ended.total(),
            "right": ended[True],
        }


class Rounds:
    """Runs `catch_up` until nothing is owed; never two at once. `tally` is a sink of it."""

    def __init__(
        self,
        timeframe: Timeframe,
        market: Market,
        catch_up: CatchUp,
        metrics: Metrics,
        tally: Tally,
    ) -> None:
        self._timeframe = timeframe
        self._market = market
        self._catch_up = catch_up
        self._metrics = metrics
        self._tally = tally
        self._running = asyncio.Lock()
        self._until_ms = 0
        self._looked_up_ms = 0
        self._health = Health(started_ms=market.clock.now_ms())
        self._owed: frozenset[str] = frozenset()
        self._held: frozenset[str] = frozenset()

    @property
    def health(self) -> Health:
        """Health after the last round, with the current state of the exchange."""
        return replace(
            self._health,
            exchange_down_since_ms=self._market.feed.down_since_ms,
            exchange_problem=self._market.feed.line.dispatcher.problem,
            clock_problem=self._market.trust.problem,
            loading=self._catch_up.loading() if self._health.last_open_ms is None else None,
        )

    async def recover(self) -> None:
        """Rebuilds the engine's memory from the store. Raises StoreError."""
        await asyncio.to_thread(self._catch_up.recover, self._last_closed())

    async def once(self) -> Round:
        """One round up to the newest closed candle. Raises StoreError."""
        started_ms = self._market.clock.now_ms()
        until_ms = self._last_closed()
        done = await self._catch_up.to(until_ms)
        self._until_ms = until_ms
        self._log_doubts(done)
        self._update_health(done, until_ms)
        if done.revised:
            count = sum(done.revised.values())
            self._metrics.candles_revised(count)
            _log.info("candles.revised", n=count, symbols=sorted(done.revised)[:8])
        if done.bars:
            self._log_round(done, self._market.clock.now_ms() - started_ms)
        return done

    async def run(self) -> None:
        """Runs rounds until no candle is owed or the next close is near; no-op while running.

        Raises StoreError. Any other exception is logged, and the memory is rebuilt.
        """
        if self._running.locked():
            return
        async with self._running:
            while True:
                try:
                    owed = (await self.once()).owed
                except StoreError:
                    raise
                except Exception:  # noqa: BLE001 - the job's edge: a bug must not end the daemon
                    _log.exception("cycle.failed", until=instant(self._last_closed()))
                    await self.recover()
                    owed = {"engine": "the cycle failed"}
                if not owed and not self.is_due():
                    return
                if owed:
                    await self._look_up()
                await self._pause(owed)

    def is_due(self) -> bool:
        """Whether a candle has closed since the last round."""
        return self._last_closed() > self._until_ms

    def until_due_s(self) -> float:
        """Real seconds until the next candle has closed; 0 where one has."""
        clock = self._market.clock
        next_ms = self._timeframe.close_of(self._last_closed() + self._timeframe.ms)
        if self.is_due():
            return 0.0
        return max(0.0, clock.real_seconds(next_ms + AFTER_CLOSE_MS - clock.now_ms()))

    async def _look_up(self) -> None:
        """Asks now and then whether the coins still trade, for those that bring no candles."""
        now_ms = self._market.clock.now_ms()
        if 0 <= now_ms - self._looked_up_ms < _LOOK_UP_MS:
            return
        self._looked_up_ms = now_ms
        with suppress(MarketDataError):  # the feed reports outages
            await self._market.feed.line.refresh()

    async def _pause(self, owed: dict[str, str]) -> None:
        """Waits for the exchange or the retry interval, but not beyond the next close."""
        if self.is_due():
            return
        clock = self._market.clock
        next_ms = self._until_ms + 2 * self._timeframe.ms + AFTER_CLOSE_MS
        wait_ms = next_ms - clock.now_ms()
        if owed and self._market.feed.down_since_ms is not None:
            up = asyncio.create_task(self._market.feed.wait_until_up())
            await asyncio.wait({up}, timeout=clock.real_seconds(max(0, wait_ms)))
            up.cancel()
        else:
            await clock.sleep(min(_RETRY_MS, max(0, wait_ms)))

    def _last_closed(self) -> int:
        return self._timeframe.last_closed(self._market.clock.now_ms() - AFTER_CLOSE_MS)

    def _update_health(self, done: Round, until_ms: int) -> None:
        """Updates the health, and logs coins that fell behind, once for each change."""
        behind = self._catch_up.behind(until_ms)
        oldest_ms = until_ms - (max(behind.values(), default=1) - 1) * self._timeframe.ms
        now_ms = self._market.clock.now_ms()
        # After a restart the store may hold everything already: there is nothing to wait for.
        is_first = self._health.last_cycle_ms is None and not behind
        self._health = replace(
            self._health,
            last_cycle_ms=now_ms if done.bars or is_first else self._health.last_cycle_ms,
            last_open_ms=done.newest_ms or (until_ms if is_first else self._health.last_open_ms),
            owed_candles=sum(behind.values()),
            oldest_owed_open_ms=oldest_ms if behind else None,
            halted=(
                *filter(None, map(self._market.feed.halted, sorted(behind))),
                *(each.reason for each in done.doubts if each.became == "held"),
            ),
        )
        owed = frozenset(done.owed)
        if owed and owed != self._owed:
            symbols = sorted(owed)
            self._metrics.candles_failed(len(symbols))
            reason = done.owed[symbols[0]]
            _log.warning("candles.failed", n=len(symbols), symbols=symbols[:8], reason=reason)
        self._owed = owed

    def _log_doubts(self, done: Round) -> None:
        """Logs candles of which the prices were doubted; of a coin that is held once."""
        for symbol, became, reason in done.doubts:
            if became != "held" or symbol not in self._held:
                _log.warning(f"candles.{became}", symbol=symbol, reason=reason)
        self._held = frozenset(each.symbol for each in done.doubts if each.became == "held")

    def _log_round(self, done: Round, round_ms: int) -> None:
        """Logs the round; `round_ms` includes waiting for candles, by the engine's clock."""
        self._metrics.cycle_finished(done.cycle_s)
        _log.info(
            "cycle.finished",
            candle=instant(done.newest_ms or 0),
            tf=self._timeframe.name,
            signals=done.signals,
            bars=done.bars,
            **self._tally.taken(),
            cycle_ms=round(done.cycle_s * 1000, 1),
            round_s=round(round_ms / 1000, 1),
            owed=len(done.owed),
        )
        # A replay faster than time has less of it for a round than the market that it shows.
        took_s = self._market.clock.real_seconds(round_ms)
        if done.bars == 1 and took_s > self._timeframe.ms / 4000:
            _log.warning(
                "cycle.slow",
                round_s=round(took_s, 1),
                advice="a round takes over a quarter of the timeframe: use fewer coins or a longer "
                "timeframe",
            )
