"""Paper trading beside the engine: runs after commits, polls prices, checks the stop file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from crypto_bot.adapters.store.connection import folder_beside
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.instruments import SqlInstruments
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.paper_tape import SqlPaperTape
from crypto_bot.app.market import Market
from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import MarketDataError, StoreError
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper_report import (
    AccountReport,
    ClosedTrade,
    DayResult,
    KillSwitch,
    MoneyParts,
    Refusal,
)
from crypto_bot.domain.quote import Instrument, OrderBook, Quote
from crypto_bot.engine.paper.trading import PaperTrading
from crypto_bot.ports import PaperSink, PriceFeed, StoredSignal

_MIN_POLL_S = 0.5
"""Minimum real time between two polls, however fast the market's clock runs."""
_RETRY_S = 5.0
_AFTER_CYCLE_S = 0.2
"""Delay after a commit, so that the cycle and its sinks finish first."""

_log = structlog.get_logger()


class PaperService:
    """A sink of the engine that never blocks it; implements `ports.PaperTrading`."""

    def __init__(
        self,
        settings: Settings,
        symbols: Sequence[str],
        database: Database,
        now_ms: Callable[[], int],
        sinks: Sequence[PaperSink],
    ) -> None:
        self._settings = settings.paper
        self._instruments = SqlInstruments(database)
        self._trading = trading(settings, symbols, database, now_ms, sinks)
        self._stop_file = stop_file(settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakeup = asyncio.Event()
        self._at_open = settings.paper.fills == "candles"
        self._is_funded = settings.exchange.market_type == "swap" and not self._at_open
        self._is_down = False
        self._quotes: Mapping[str, Quote] = {}
        self._refused: frozenset[str] = frozenset()
        self._listed: dict[str, Instrument] = {}
        """What the traders look up: what is listed, and was when it was last looked up."""

    def quotes(self) -> Mapping[str, Quote]:
        """The newest quotes by symbol; empty while no account needs them."""
        return self._quotes

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """Called from the thread of the cycle."""
        self._trading.committed(signals, outcomes)
        self._wake()

    async def show(self) -> None:
        """Restores the accounts for display before the market is open."""
        if self._settings.enabled:
            await asyncio.to_thread(self._trading.recover, at_open=self._at_open, instruments={})

    async def once(self, market: Market) -> None:
        """Recovers and runs the complete bars. Raises StoreError."""
        if self._settings.enabled:
            await self._recover(market)
            await asyncio.to_thread(self._trading.advance)

    async def run(self, market: Market) -> None:
        """Runs until cancelled. Raises StoreError; after other errors it recovers and continues."""
        if not self._settings.enabled:
            return
        self._loop = asyncio.get_running_loop()
        await self._recover(market)
        self._wakeup.set()
        while True:
            try:
                await self._step(market)
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - the job's edge: a bug must not end the daemon
                _log.exception("paper.failed")
                await asyncio.sleep(_RETRY_S)
                await self._recover(market)

    def accounts(self) -> list[AccountReport]:
        return self._trading.accounts()

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        return self._trading.refusals(account, limit)

    def trades(self, account: str, skip: int, limit: int) -> list[ClosedTrade]:
        return self._trading.trades(account, skip, limit)

    def days(self, account: str) -> tuple[DayResult, ...]:
        return self._trading.days(account)

    def parts(self, account: str) -> MoneyParts:
        return self._trading.parts(account)

    def kill_switch(self) -> KillSwitch:
        return self._trading.kill_switch()

    def stop(self, by: str, reason: str) -> KillSwitch:
        switch = self._trading.stop(by, reason)
        self._wake()
        return switch

    def resume(self, by: str) -> KillSwitch:
        """Also deletes the stop file, which would stop trading again."""
        self._stop_file.unlink(missing_ok=True)
        switch = self._trading.resume(by)
        self._wake()
        return switch

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wakeup.set)

    async def _recover(self, market: Market) -> None:
        if not self._listed:
            self._listed.update(await asyncio.to_thread(self._instruments.all))
        await self._learn(market.prices)
        await asyncio.to_thread(
            self._trading.recover,
            at_open=self._at_open,
            instruments=self._listed,
            funded=self._is_funded,
        )

    async def _learn(self, prices: PriceFeed) -> None:
        """Takes in the coins that are listed by now, and steps that were changed."""
        listed = prices.instruments()
        if listed.items() - self._listed.items():
            self._listed.update(listed)
            await asyncio.to_thread(self._instruments.put, listed.values())

    async def _step(self, market: Market) -> None:
        """Handles commits, then prices, then waits for the next commit or poll."""
        if self._wakeup.is_set():
            await asyncio.sleep(_AFTER_CYCLE_S)
            self._wakeup.clear()
            if self._is_funded:
                await self._pay_funding(market)
            await self._learn(market.prices)
            await asyncio.to_thread(self._trading.advance)
        await asyncio.to_thread(self._check_stop_file)
        if not self._at_open and await asyncio.to_thread(self._trading.needs_quotes):
            await self._poll(market.prices)
        else:
            self._quotes = {}
        pause_s = max(_MIN_POLL_S, market.clock.real_seconds(int(self._settings.poll_s * 1000)))
        try:
            async with asyncio.timeout(pause_s):
                await self._wakeup.wait()
        except TimeoutError:
            return

    async def _poll(self, prices: PriceFeed) -> None:
        try:
            quotes = await prices.quotes()
            if quotes.keys() - self._listed:
                await self._learn(prices)
            wanted = await asyncio.to_thread(self._trading.wanted, quotes)
            books = await asyncio.gather(*(self._book(prices, symbol) for symbol in sorted(wanted)))
        except MarketDataError as error:
            self._quotes = {}
            self._log_outage(str(error))
            return
        self._log_outage(None)
        known = {book.symbol: book for book in books if book is not None}
        refused = await asyncio.to_thread(self._trading.observe, quotes, known)
        for symbol in sorted(refused.keys() - self._refused):
            _log.warning("quote.refused", symbol=symbol, reason=refused[symbol])
        self._refused = frozenset(refused)
        self._quotes = {symbol: each for symbol, each in quotes.items() if symbol not in refused}

    async def _book(self, prices: PriceFeed, symbol: str) -> OrderBook | None:
        """None if the exchange gives none: the quote and assumed slippage are used instead."""
        try:
            return await prices.book(symbol)
        except MarketDataError:
            return None

    async def _pay_funding(self, market: Market) -> None:
        """Pays funding owed since each contract was opened or funded; retried after a failure."""
        now_ms = market.clock.now_ms()
        for symbol, since_ms in self._trading.held_contracts().items():
            try:
                due = await market.prices.funding(symbol, since_ms + 1, now_ms)
            except MarketDataError as error:
                self._log_outage(str(error))
                return
            if due:
                await asyncio.to_thread(self._trading.pay_funding, due)

    def _log_outage(self, reason: str | None) -> None:
        if reason is not None and not self._is_down:
            _log.warning("quotes.failed", reason=reason)
        self._is_down = reason is not None

    def _check_stop_file(self) -> None:
        if self._stop_file.exists() and not self._trading.kill_switch().on:
            self._trading.stop("file", f"{self._stop_file} exists")
            self._wake()


class PaperLog:
    """Logs fills and refusals."""

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:
        """One line for each fill, and one for the refusals of each rule."""
        for event in events:
            if event.kind in {Kind.OPEN, Kind.CLOSE}:
                _log.info(
                    "paper.opened" if event.kind is Kind.OPEN else "paper.closed",
                    account=event.account,
                    symbol=event.symbol,
                    side=None if event.side is None else event.side.value,
                    reason=event.reason,
                    price=str(event.price),
                    amount=str(event.amount),
                )
        by_rule = Counter((refusal.account, refusal.rule) for refusal in refusals)
        for (account, rule), count in sorted(by_rule.items()):
            _log.info("paper.refused", account=account, rule=rule, n=count)


def trading(
    settings: Settings,
    symbols: Sequence[str],
    database: Database,
    now_ms: Callable[[], int],
    sinks: Sequence[PaperSink] = (),
) -> PaperTrading:
    """The accounts of the settings on `database`; call `recover` first."""
    return PaperTrading(
        settings.paper.plans(),
        settings.timeframe,
        symbols,
        store=SqlPaperStore(database, settings.timeframe),
        tape=SqlPaperTape(database, settings.timeframe),
        now_ms=now_ms,
        late_after_ms=settings.late_after_ms,
        sanity_band=settings.paper.sanity_band,
        sinks=sinks,
    )


def stop_file(settings: Settings) -> Path:
    """The file that stops paper trading while it exists."""
    if settings.paper.stop_file is not None:
        return settings.paper.stop_file
    return folder_beside(settings.database_url) / "PAPER_STOP"
