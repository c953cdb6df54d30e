"""Paper trading: all accounts, driven by commits and quotes; stop and resume."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper import Market, Plan
from crypto_bot.domain.paper_report import (
    AccountReport,
    AccountStatistics,
    ClosedTrade,
    DayResult,
    KillSwitch,
    MoneyParts,
    Refusal,
)
from crypto_bot.domain.quote import Funding, Instrument, OrderBook, Quote
from crypto_bot.domain.sanity import SanityBand
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.paper.accounts import PaperAccounts
from crypto_bot.engine.paper.money import candles_of, day_results, money_parts
from crypto_bot.engine.paper.reports import report
from crypto_bot.engine.paper.statistics import statistics
from crypto_bot.engine.paper.trader import PaperTrader
from crypto_bot.ports import PaperSink, PaperStore, PaperTape, StoredSignal

_EXCURSIONS = 200
"""Newest trades whose candles are read."""
_PATIENCE_AT_OPEN = 96
_PATIENCE_AT_QUOTES = 1


@dataclass(eq=False)
class PaperTrading:
    """Answers `ports.PaperTrading`, and is a `ports.SignalSink`. Safe to call from any thread.

    It reads what the engine has committed from the store, so nothing is lost between the commit
    and the trade, whenever the process ends: `advance` runs every bar that is whole and
    not run yet. See `PaperTrader` for `at_open`.
    """

    plans: Sequence[Plan]
    timeframe: Timeframe
    symbols: Sequence[str]
    store: PaperStore
    tape: PaperTape
    now_ms: Callable[[], int]
    late_after_ms: int
    sanity_band: Decimal
    sinks: Sequence[PaperSink] = ()

    def __post_init__(self) -> None:
        self._sanity = SanityBand(self.sanity_band)
        self._accounts = PaperAccounts(
            self.timeframe, self.symbols, self.store, self.tape, self.sinks
        )
        self._lock = threading.Lock()
        self._at_open = True
        self._recent: dict[str, StoredSignal] = {}
        self._switch = KillSwitch(on=False)
        self._statistics: dict[str, tuple[tuple[int, int], AccountStatistics]] = {}
        self._reports: tuple[AccountReport, ...] = ()
        self._parts: dict[str, tuple[int, MoneyParts]] = {}
        """By account, with the number of trades that they are of."""

    def recover(
        self, *, at_open: bool, instruments: Mapping[str, Instrument], funded: bool = False
    ) -> None:
        """Rebuilds every account from the store; to be called first. Raises StoreError.

        `funded`: the exchange publishes its funding rates, see `pay_funding`.
        """
        with self._lock:
            self._at_open = at_open
            self._switch = self.store.kill_switch()
            self._accounts.restore(self.plans, instruments, at_open=at_open, funded=funded)
            for trader in self._accounts.traders:
                self._sanity.expect(trader.marks)
            now_ms = self.now_ms()
            # Without an open account: the signals that are not too late to be traded.
            since_ms = now_ms - self.late_after_ms - self.timeframe.ms
            opened = [each.cursor_ms for each in self._accounts.traders if each.is_open]
            if not at_open:
                self.committed(self.tape.trades(max(opened, default=since_ms), now_ms), ())
            self._report()

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 - a sink's
        """Keeps the signals that can be traded at the next quotes."""
        for stored in signals:
            if stored.signal.pred is not Pred.NO_TRADE and not stored.late:
                self._recent[stored.signal.id] = stored

    def advance(self) -> None:
        """Runs the complete bars that were not run yet. Raises StoreError."""
        with self._lock:
            self._read_switch()
            patience = _PATIENCE_AT_OPEN if self._at_open else _PATIENCE_AT_QUOTES
            ready_ms = self.tape.ready_ms(self.symbols, patience)
            if ready_ms is not None:
                self._accounts.run(ready_ms, self._switch)
                for trader in self._accounts.traders:
                    self._sanity.expect(trader.marks)
                self._report()

    def needs_quotes(self) -> bool:
        """Whether quotes are needed: a position is held, or may be opened."""
        with self._lock:
            held = any(trader.book.account.positions for trader in self._accounts.traders)
            return held or bool(self._open_signals())

    def wanted(self, quotes: Mapping[str, Quote]) -> set[str]:
        """Coins whose order book is needed at `quotes`. Raises StoreError."""
        with self._lock:
            self._read_switch()
            coins = {stored.signal.symbol for stored in self._open_signals()}
            for trader in self._accounts.traders:
                coins.update(self._market_exits(trader, quotes))
            return (coins & set(quotes)) | self._sanity.far(quotes)

    def observe(
        self, quotes: Mapping[str, Quote], books: Mapping[str, OrderBook]
    ) -> dict[str, str]:
        """Trades on one reading of quotes; why some were not believed, by symbol.

        Raises StoreError.
        """
        with self._lock:
            self._read_switch()
            accepted = self._sanity.accepted(quotes, books)
            signals = self._open_signals()
            for trader in self._accounts.traders:
                if trader.is_open:
                    trader.observe(
                        accepted, books, signals, switch=self._switch, now_ms=self.now_ms()
                    )
            self._accounts.write(self._accounts.traders)
            self._report()
            return self._sanity.refused

    def held_contracts(self) -> dict[str, int]:
        """Coins with an open contract, each with the time since which funding is owed."""
        since: dict[str, int] = {}
        with self._lock:
            for trader in self._accounts.traders:
                if trader.plan.market is Market.PERP:
                    for symbol, held in trader.book.account.positions.items():
                        at_ms = max(held.entry_ms, held.funded_ms)
                        since[symbol] = min(at_ms, since.get(symbol, at_ms))
        return since

    def pay_funding(self, fundings: Iterable[Funding]) -> None:
        """Books the `fundings` that were due, by time for each coin. Raises StoreError."""
        due = list(fundings)
        with self._lock:
            for trader in self._accounts.traders:
                trader.pay_funding(due)
            self._accounts.write(self._accounts.traders)
            self._report()

    def accounts(self) -> list[AccountReport]:
        return list(self._reports)

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        return self.store.refusals(account, limit)

    def trades(self, account: str, skip: int, limit: int) -> list[ClosedTrade]:
        closed = self._trader(account).book.closed
        end = max(0, len(closed) - skip)
        return closed[max(0, end - limit) : end][::-1]

    def days(self, account: str) -> tuple[DayResult, ...]:
        with self._lock:
            trader = self._trader(account)
            points, trades = list(trader.curve.points), list(trader.book.closed)
            equity = trader.book.account.equity(trader.marks)
        return day_results(points, equity, trades)

    def parts(self, account: str) -> MoneyParts:
        closed = list(self._trader(account).book.closed)
        known = self._parts.get(account)
        if known is None or known[0] != len(closed):
            newest = [(trade, self._candles(trade)) for trade in closed[-_EXCURSIONS:]]
            known = self._parts[account] = (len(closed), money_parts(closed, newest))
        return known[1]

    def kill_switch(self) -> KillSwitch:
        return self.store.kill_switch()

    def stop(self, by: str, reason: str) -> KillSwitch:
        now_ms = self.now_ms()
        self.store.switch(KillSwitch(on=True, since_ms=now_ms, by=by, reason=reason), now_ms)
        return self.store.kill_switch()

    def resume(self, by: str) -> KillSwitch:
        now_ms = self.now_ms()
        self.store.switch(KillSwitch(on=False, since_ms=now_ms, by=by), now_ms)
        return self.store.kill_switch()

    def _trader(self, account: str) -> PaperTrader:
        return next(each for each in self._accounts.traders if each.plan.name == account)

    def _candles(self, trade: ClosedTrade) -> list[Candle]:
        span = candles_of(trade, self.timeframe)
        return self.tape.candles([trade.symbol], *span).get(trade.symbol, [])

    def _read_switch(self) -> None:
        """Reads the kill switch, which another process may have turned."""
        switch = self.store.kill_switch()
        if switch != self._switch and not switch.on and switch.since_ms is not None:
            for trader in self._accounts.traders:
                trader.curve.resumed(switch.since_ms)
        self._switch = switch

    def _open_signals(self) -> list[StoredSignal]:
        """Signals recent enough to be traded that some account has not decided on."""
        now_ms = self.now_ms()
        for id_, stored in list(self._recent.items()):
            closed_ms = self.timeframe.close_of(stored.signal.candle_open_ms)
            if now_ms - closed_ms > self.late_after_ms:
                del self._recent[id_]
        traders = self._accounts.traders
        return [
            stored
            for stored in list(self._recent.values())
            if any(not trader.has_decided(stored) for trader in traders)
        ]

    def _market_exits(self, trader: PaperTrader, quotes: Mapping[str, Quote]) -> set[str]:
        """Coins that `trader` would close by market orders at `quotes`."""
        positions = trader.book.account.positions
        return {
            symbol
            for symbol, held in positions.items()
            if symbol in quotes
            and any(not e.maker for e in trader.exits(held, quotes[symbol], self._switch))
        }

    def _report(self) -> None:
        """Renews the account reports, then reports to the sinks what was stored."""
        now_ms = self.now_ms()
        self._reports = tuple(
            report(trader, self._measured(trader), self._accounts.refused[trader.plan.name], now_ms)
            for trader in self._accounts.traders
        )
        self._accounts.report()

    def _measured(self, trader: PaperTrader) -> AccountStatistics:
        """Statistics, computed again after a trade or a bar, not after every quote."""
        name, closed, points = trader.plan.name, trader.book.closed, trader.curve.points
        state = (len(closed), points[-1].at_ms if points else -1)
        known = self._statistics.get(name)
        if known is None or known[0] != state:
            found = statistics(trader.book.account, closed, points, trader.curve.deepest)
            known = (state, found)
            self._statistics[name] = known
        return known[1]
