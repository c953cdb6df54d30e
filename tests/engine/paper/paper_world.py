"""A generated market in a real database, for tests of paper accounts."""

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.paper_tape import SqlPaperTape
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.paper import Plan
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.paper.trading import PaperTrading
from crypto_bot.ports import StoredSignal
from tests.domain.paper_accounts import T0, TF_MS, D, instrument, signal

M15 = Timeframe.parse("15m")
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")


class RecordingSink:
    """A sink that records what it receives."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.refusals: list[Refusal] = []

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:
        self.events += events
        self.refusals += refusals


class World:
    """Commits candles and signals as the engine does; its clock is set by hand."""

    def __init__(self, *plans: Plan, symbols: Sequence[str] = SYMBOLS, url: str = "sqlite://"):
        self.database = Database.open(url)
        self.symbols = tuple(symbols)
        self.plans = plans
        self.archive = SqlCandleArchive(self.database, M15)
        self.predictions = SqlPredictionStore(self.database, M15)
        self.store = SqlPaperStore(self.database, M15)
        self.now_ms = T0
        self.reported = RecordingSink()
        self.instruments = {symbol: instrument(symbol) for symbol in symbols}

    def start(self, *, at_open: bool = True, funded: bool = False) -> PaperTrading:
        """A new process on the same database."""
        self.paper = PaperTrading(
            self.plans,
            M15,
            self.symbols,
            store=self.store,
            tape=SqlPaperTape(self.database, M15),
            now_ms=lambda: self.now_ms,
            late_after_ms=TF_MS // 4,
            sanity_band=D("0.05"),
            sinks=[self.reported],
        )
        self.paper.recover(at_open=at_open, instruments=self.instruments, funded=funded)
        return self.paper

    def close(
        self, bar: int, candles: Mapping[str, Candle], **calls: StoredSignal
    ) -> list[StoredSignal]:
        """Commits the candles and signals of a bar; coins without a call get NO_TRADE."""
        self.archive.add({symbol: [candle] for symbol, candle in candles.items()})
        signals = [calls.get(symbol) or made(symbol, bar, Pred.NO_TRADE) for symbol in candles]
        self.predictions.commit(signals, [])
        self.now_ms = max(self.now_ms, T0 + (bar + 1) * TF_MS + 2000)
        return signals

    def ran(self, bar: int, call: Pred | None = None) -> None:
        """A bar in which no price moves, with this call on AUSDT at its close."""
        calls = {} if call is None else {"AUSDT": made("AUSDT", bar, call)}
        self.close(bar, flat(bar), **calls)
        self.paper.advance()

    def moved(self, bar: int, *prices: float) -> None:
        """A bar in which AUSDT has these prices: open, high, low and close."""
        self.close(bar, {**flat(bar), "AUSDT": candle(bar, *prices)})
        self.paper.advance()

    def called(self, bar: int) -> StoredSignal:
        """A LONG of AUSDT at the close of this bar, as the engine commits and reports it."""
        call = made("AUSDT", bar)
        self.paper.committed(self.close(bar, flat(bar), AUSDT=call), [])
        self.paper.advance()
        return call

    def events(self, account: str = "main") -> list[Event]:
        return list(self.store.events(account))

    def contents(self) -> list[object]:
        """Everything that two processes on the same log must have in common."""
        found: list[object] = []
        for each in self.plans:
            found += self.events(each.name)
            found += self.store.points(each.name)
            found += self.store.refusals(each.name, 10**6)
        return found

    def summary(self, account: str = "main") -> list[tuple[str, str | None, str | None, str]]:
        return [(e.kind.value, e.symbol, e.reason, str(e.price)) for e in self.events(account)]


def made(symbol: str, bar: int, pred: Pred = Pred.LONG, **changed: Any) -> StoredSignal:
    late = changed.pop("late", False)
    after_ms = changed.pop("after_ms", 1500)
    of = signal(symbol, bar, pred, **changed)
    return StoredSignal(of, of.candle_open_ms + TF_MS + after_ms, late)


def flat(bar: int, symbols: Sequence[str] = SYMBOLS, price: float = 100.0) -> dict[str, Candle]:
    return {symbol: candle(bar, price, price, price, price) for symbol in symbols}


def candle(bar: int, opened: float, high: float, low: float, close: float) -> Candle:
    return Candle(T0 + bar * TF_MS, opened, high, low, close, 1.0)


def quote(symbol: str, bid: str, ask: str, at_ms: int) -> dict[str, Quote]:
    return {symbol: Quote(symbol, Decimal(bid), Decimal(ask), at_ms)}


class RandomMarket:
    """Random-walk prices and random signals, reproducible from a seed."""

    def __init__(self, seed: int, bars: int, symbols: Sequence[str] = SYMBOLS) -> None:
        rng = random.Random(seed)
        self.bars: list[tuple[dict[str, Candle], dict[str, StoredSignal]]] = []
        last = dict.fromkeys(symbols, 100.0)
        for bar in range(bars):
            candles, calls = {}, {}
            for symbol in symbols:
                opened = last[symbol]
                path = [opened * (1 + rng.gauss(0, 0.012)) for _ in range(3)]
                values = [round(each, 2) for each in (opened, *path)]
                candles[symbol] = candle(bar, values[0], max(values), min(values), values[3])
                last[symbol] = values[3]
                pred = rng.choice([Pred.LONG, Pred.SHORT, Pred.NO_TRADE])
                atr = round(last[symbol] * rng.uniform(0.004, 0.02), 2)
                horizon = rng.choice([3, 8, 16])
                calls[symbol] = made(
                    *(symbol, bar, pred), entry=values[3], atr=atr, horizon_bars=horizon
                )
            self.bars.append((candles, calls))
