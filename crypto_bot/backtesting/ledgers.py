"""Paper accounts over history: the traders of live paper trading, filled at the next open.

Assumptions, those of `paper.fills = "candles"`: a signal is filled at the open of the next candle
after half a spread and slippage; within a candle the stop comes first, unless `inside` shows the
order; a candle that opens beyond a level fills at its open; funding is paid at the settled rates
where they are known, else at the rate of the account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crypto_bot.domain.candle import Candle, Inside, nothing_inside
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.market import Bar
from crypto_bot.domain.paper import Market, Plan
from crypto_bot.domain.paper_report import AccountReport, KillSwitch
from crypto_bot.domain.quote import Funding, Instrument
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.paper.price_memory import PriceMemory
from crypto_bot.engine.paper.reports import report as account_report
from crypto_bot.engine.paper.statistics import statistics
from crypto_bot.engine.paper.trader import PaperBar, PaperTrader
from crypto_bot.ports import StoredSignal

_RUNNING = KillSwitch(on=False)


@dataclass(eq=False, kw_only=True)
class Ledgers:
    """The accounts of `plans`, all of them on the same signals and candles.

    Give `begin` the first bar with signals, then `take` each later one. `fundings`: settled rates
    of perpetual contracts, in any order. `opens_ms`: the bar at whose close an account gets its
    deposit, where that is not the first. `inside`: the shorter candles of a candle, see `Past`.
    """

    plans: Sequence[Plan]
    timeframe: Timeframe
    symbols: Sequence[str]
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    fundings: Iterable[Funding] = ()
    opens_ms: Mapping[str, int] = field(default_factory=dict)
    inside: Inside = nothing_inside

    def __post_init__(self) -> None:
        self.traders = [
            PaperTrader(
                *(plan, self.timeframe, self.symbols, self.instruments),
                at_open=True,
                assumes_funding=plan.market is Market.PERP,
                inside=self.inside,
            )
            for plan in self.plans
        ]
        self.events: dict[str, list[Event]] = {plan.name: [] for plan in self.plans}
        self.refused: dict[str, dict[str, str]] = {plan.name: {} for plan in self.plans}
        """The signals that each account has refused, by id, with the rule."""
        self._calls: Sequence[StoredSignal] = ()
        self._due: dict[int, list[Funding]] = {}
        for each in sorted(self.fundings, key=lambda funding: funding.due_ms):
            # Paid with the bar in whose time (open, close] it falls due.
            self._due.setdefault(self.timeframe.open_of(each.due_ms - 1), []).append(each)

    def begin(
        self, open_ms: int, past: Mapping[str, Sequence[Candle]], calls: Sequence[StoredSignal]
    ) -> None:
        """Deposits at the close of the bar `open_ms`, whose `calls` the next bar fills.

        `past`: the newest candles of each coin up to that bar, as the correlations read them.
        """
        bar = {s: each[-1] for s, each in past.items() if each and each[-1].open_ms == open_ms}
        memory = PriceMemory(self.timeframe)
        memory.load(past)
        for trader in self.traders:
            trader.memory = memory
            self._open(trader, Bar(open_ms, bar))
        self._calls = calls

    def take(self, bar: Bar, calls: Sequence[StoredSignal]) -> None:
        """Runs the bars up to `bar`, those without a candle too; `calls` are of its close."""
        step_ms = self.timeframe.ms
        for trader in self.traders:
            if not trader.is_open:
                trader.memory.take(bar.open_ms, bar.candles)
                self._open(trader, bar)
                continue
            waiting = self._calls
            for open_ms in range(trader.cursor_ms + step_ms, bar.open_ms + 1, step_ms):
                candles = bar.candles if open_ms == bar.open_ms else {}
                due = self._due.get(open_ms, ())
                trader.run(PaperBar(open_ms, waiting, candles, {}, due), _RUNNING)
                waiting = ()
            self._written(trader)
        self._calls = calls

    def reports(self) -> list[AccountReport]:
        """The accounts as of the newest bar."""
        return [self.report(trader) for trader in self.traders]

    def report(self, trader: PaperTrader) -> AccountReport:
        """One of them."""
        book, curve, name = trader.book, trader.curve, trader.plan.name
        found = statistics(book.account, book.closed, curve.points, curve.deepest)
        at_ms = self.timeframe.close_of(trader.cursor_ms)
        return account_report(trader, found, Counter(self.refused[name].values()), at_ms)

    def _written(self, trader: PaperTrader) -> None:
        if trader.book.has_writes:
            writes = trader.book.take_writes()
            self.events[writes.account] += writes.events
            rules = {refusal.prediction_id: refusal.rule for refusal in writes.refusals}
            self.refused[writes.account].update(rules)

    def _open(self, trader: PaperTrader, bar: Bar) -> None:
        if bar.open_ms >= self.opens_ms.get(trader.plan.name, bar.open_ms):
            trader.marks = trader.memory.prices()
            trader.open(bar.open_ms, bar.candles)
