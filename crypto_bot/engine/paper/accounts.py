"""All paper accounts of one prediction log: opened, restored, and run bar by bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.paper import Market, Plan
from crypto_bot.domain.paper_report import KillSwitch
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.paper.price_memory import WINDOW_BARS
from crypto_bot.engine.paper.trader import PaperBar, PaperTrader
from crypto_bot.ports import PaperSink, PaperStore, PaperTape, PaperWrites, StoredSignal

CHUNK_BARS = 96
"""Bars that are read, run and stored together while catching up."""
_REFUSALS = 1000


@dataclass(eq=False)
class PaperAccounts:
    """Every step is stored before the next one starts; a restart resumes from there."""

    timeframe: Timeframe
    symbols: Sequence[str]
    store: PaperStore
    tape: PaperTape
    sinks: Sequence[PaperSink]

    def __post_init__(self) -> None:
        self.traders: list[PaperTrader] = []
        self.refused: dict[str, dict[str, int]] = {}
        """How many signals each rule of each account has refused."""
        self._unreported: list[PaperWrites] = []

    def restore(
        self,
        plans: Sequence[Plan],
        instruments: Mapping[str, Instrument],
        *,
        at_open: bool,
        funded: bool,
    ) -> None:
        """Rebuilds every account from the store. Raises StoreError."""
        resumed_ms = self.store.resumed_ms()
        self.traders = []
        for plan in plans:
            trader = PaperTrader(
                *(plan, self.timeframe, self.symbols, instruments),
                at_open=at_open,
                assumes_funding=plan.market is Market.PERP and not funded,
            )
            self._restore(trader, resumed_ms)
            self.traders.append(trader)

    def run(self, ready_ms: int, switch: KillSwitch) -> None:
        """Runs every bar up to the one that opens at `ready_ms`. Raises StoreError."""
        for trader in self.traders:
            if not trader.is_open:
                self._open(trader, ready_ms)
        while behind := [each for each in self.traders if each.cursor_ms < ready_ms]:
            self._run_chunk(behind, ready_ms, switch)

    def write(self, traders: Sequence[PaperTrader]) -> None:
        """Stores new events in one transaction, to be reported later. Raises StoreError."""
        writes = [trader.book.take_writes() for trader in traders if trader.book.has_writes]
        if not writes:
            return
        self.store.write(writes)
        for each in writes:
            counts = self.refused.setdefault(each.account, {})
            for refusal in each.refusals:
                counts[refusal.rule] = counts.get(refusal.rule, 0) + 1
        self._unreported += writes

    def report(self) -> None:
        """Reports what was stored to the sinks, which may read the accounts at once."""
        unreported, self._unreported = self._unreported, []
        for each in unreported:
            if each.events or each.refusals:
                for sink in self.sinks:
                    sink.traded(each.events, each.refusals)

    def _restore(self, trader: PaperTrader, resumed_ms: int | None) -> None:
        name, tf_ms = trader.plan.name, self.timeframe.ms
        self.refused[name] = self.store.refused(name)
        refusals = self.store.refusals(name, _REFUSALS)
        trader.book.restore(self.store.events(name), self.store.seen(name), refusals)
        opened_ms = trader.book.account.opened_ms
        if opened_ms is None:
            return
        points = self.store.points(name)
        self._remember(trader, points[-1].at_ms - tf_ms)
        trader.curve.begin(self._bar(opened_ms - tf_ms))
        trader.restore(points, resumed_ms)

    def _open(self, trader: PaperTrader, ready_ms: int) -> None:
        """A new account starts now; one that also trades late signals starts with the log."""
        first_ms = self.tape.first_ms()
        assert first_ms is not None, "a bar is ready, so there are signals"
        cursor_ms = ready_ms if trader.plan.rules.late else first_ms
        self._remember(trader, cursor_ms)
        trader.marks = trader.memory.prices()
        trader.open(cursor_ms, self._bar(cursor_ms))
        self.write([trader])

    def _remember(self, trader: PaperTrader, cursor_ms: int) -> None:
        since_ms = cursor_ms - (WINDOW_BARS - 1) * self.timeframe.ms
        trader.memory.load(self.tape.candles(self._coins([trader]), since_ms, cursor_ms))

    def _coins(self, traders: Sequence[PaperTrader]) -> list[str]:
        """Those of the engine, and those held although they are no longer among them."""
        held = (symbol for each in traders for symbol in each.book.account.positions)
        return list(dict.fromkeys([*self.symbols, *held]))

    def _bar(self, open_ms: int) -> dict[str, Candle]:
        found = self.tape.candles(self.symbols, open_ms, open_ms)
        return {symbol: series[0] for symbol, series in found.items()}

    def _run_chunk(self, behind: Sequence[PaperTrader], ready_ms: int, switch: KillSwitch) -> None:
        """Runs the accounts furthest behind, up to the bar that the next account has reached."""
        tf_ms = self.timeframe.ms
        cursor_ms = min(trader.cursor_ms for trader in behind)
        group = [trader for trader in behind if trader.cursor_ms == cursor_ms]
        ahead = [trader.cursor_ms for trader in behind if trader.cursor_ms > cursor_ms]
        since_ms = cursor_ms + tf_ms
        until_ms = min(ready_ms, cursor_ms + CHUNK_BARS * tf_ms, *ahead)
        coins, candles = self._coins(group), dict[int, dict[str, Candle]]()
        for symbol, series in self.tape.candles(coins, since_ms, until_ms).items():
            for candle in series:
                candles.setdefault(candle.open_ms, {})[symbol] = candle
        signals: dict[int, list[StoredSignal]] = {}
        for stored in self.tape.trades(since_ms - tf_ms, until_ms - tf_ms):
            signals.setdefault(stored.signal.candle_open_ms + tf_ms, []).append(stored)
        for open_ms in range(since_ms, until_ms + 1, tf_ms):
            for trader in group:
                of_bar = (open_ms, signals.get(open_ms, []), candles.get(open_ms, {}))
                trader.run(PaperBar(*of_bar, self._missed(trader, open_ms)), switch)
        self.write(group)

    def _missed(self, trader: PaperTrader, open_ms: int) -> dict[str, list[Candle]]:
        """Candles of held coins from before this bar that were not processed yet."""
        missed: dict[str, list[Candle]] = {}
        for symbol in trader.book.account.positions:
            since_ms = trader.book.seen.get(symbol, open_ms) + self.timeframe.ms
            if since_ms < open_ms:
                until_ms = open_ms - self.timeframe.ms
                missed.update(self.tape.candles([symbol], since_ms, until_ms))
        return missed
