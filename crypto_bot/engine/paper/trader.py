"""One paper account: follows signals, manages its positions, obeys its risk rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from crypto_bot.domain.candle import Candle, Inside, nothing_inside
from crypto_bot.domain.entry import Entry, Offer, entry
from crypto_bot.domain.exits import GONE, KILLED, Exit, along_candle, at_quote, decimal
from crypto_bot.domain.fills import Costs, assumed_instrument, forced_price, market_price
from crypto_bot.domain.ledger import Position
from crypto_bot.domain.paper import Market, Plan
from crypto_bot.domain.paper_report import EquityPoint, KillSwitch
from crypto_bot.domain.quote import Funding, Instrument, OrderBook, Quote
from crypto_bot.domain.risk import Forbidden, RiskState, forbidden
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.paper.book import PaperBook
from crypto_bot.engine.paper.equity_curve import EquityCurve
from crypto_bot.engine.paper.price_memory import WINDOW_BARS, PriceMemory
from crypto_bot.ports import StoredSignal

FUNDING_MS = 8 * 3_600_000
_GONE_BARS = WINDOW_BARS - 1
"""Without a candle for so long a coin has left. Its last close is still remembered."""


class PaperBar(NamedTuple):
    """One bar of an account: the signals of the previous close, and the bar's candles."""

    open_ms: int
    signals: Sequence[StoredSignal]
    candles: Mapping[str, Candle]
    missed: Mapping[str, Sequence[Candle]]
    """Earlier candles of held coins that arrived late; ascending."""
    fundings: Sequence[Funding] = ()
    """Settled rates that fell due in the bar, where they are known when it is run."""


@dataclass(eq=False)
class PaperTrader:
    """`run` processes closed candles, `observe` quotes; new events wait in the book.

    With `at_open` signals are filled at the open of the next candle, and the ledger is a
    function of signals and candles alone. Otherwise they are filled from quotes, and the candles
    settle what the quotes did not show.
    """

    plan: Plan
    timeframe: Timeframe
    symbols: Sequence[str]
    instruments: Mapping[str, Instrument]
    at_open: bool
    assumes_funding: bool = True
    inside: Inside = nothing_inside

    def __post_init__(self) -> None:
        self.book = PaperBook(self.plan, self.timeframe)
        self.memory = PriceMemory(self.timeframe)
        self.curve = EquityCurve(self.plan.start, self.symbols)
        self.cursor_ms = -1
        """Open time of the newest bar that was run."""
        self.marks: dict[str, Decimal] = {}
        self._beyond = self.plan.costs._replace(half_spread_bps=Decimal(0))
        """Costs at a quote without an order book: no spread, only slippage."""

    @property
    def is_open(self) -> bool:
        """Whether the account has had its deposit."""
        return self.book.account.opened_ms is not None

    def open(self, cursor_ms: int, start: Mapping[str, Candle]) -> None:
        """Books the starting capital at the close of the bar `cursor_ms` with candles `start`."""
        self.book.deposit(self.timeframe.close_of(cursor_ms))
        self.cursor_ms = cursor_ms
        self.curve.begin(start)
        self._mark(cursor_ms)

    def restore(self, points: Sequence[EquityPoint], resumed_ms: int | None) -> None:
        """Restores the equity curve; the book and the memory must be restored before."""
        self.curve.restore(points, resumed_ms)
        if points:
            self.cursor_ms = points[-1].at_ms - self.timeframe.ms
        self.marks = self.memory.prices()

    def run(self, bar: PaperBar, switch: KillSwitch) -> None:
        """Processes a closed bar: entries, then exits along the candles, funding, and equity."""
        if self.at_open:
            self._enter_at_open(bar, switch.words(bar.open_ms))
        else:
            self._refuse_unquoted(bar)
        for symbol in sorted(self.book.account.positions):
            of_bar = [bar.candles[symbol]] if symbol in bar.candles else []
            self._walk(symbol, [*bar.missed.get(symbol, ()), *of_bar])
        self.memory.take(bar.open_ms, bar.candles)
        self.marks = self.memory.prices()
        self._leave_gone(bar.open_ms)
        self.pay_funding(bar.fundings)
        if self.assumes_funding:
            self.pay_assumed_funding(bar.open_ms, self.timeframe.close_of(bar.open_ms))
        self.cursor_ms = bar.open_ms
        self._mark(bar.open_ms)

    def observe(
        self,
        quotes: Mapping[str, Quote],
        books: Mapping[str, OrderBook],
        signals: Iterable[StoredSignal],
        *,
        switch: KillSwitch,
        now_ms: int,
    ) -> None:
        """Processes quotes: exits first, then entries on signals made before the quotes."""
        for symbol, quote in quotes.items():
            self.marks[symbol] = (quote.bid + quote.ask) / 2
        for symbol, position in sorted(self.book.account.positions.items()):
            quote_ = quotes.get(symbol)
            if quote_ is not None and quote_.at_ms > position.entry_ms:
                for exit_ in self.exits(position, quote_, switch):
                    self._close_at(exit_, position, self._beyond, books.get(symbol))
        for stored in ranked(signals):
            signal = stored.signal
            quote_ = quotes.get(signal.symbol)
            if quote_ is None or quote_.at_ms <= stored.created_ms or self.has_decided(stored):
                continue
            offer = self._offer(signal.pred, quote_, books.get(signal.symbol))
            self._decide(stored, offer, quote_.at_ms, switch.words(now_ms))

    def has_decided(self, stored: StoredSignal) -> bool:
        """Whether the account has followed or refused it."""
        return stored.signal.id in self.book.decided

    def exits(self, position: Position, quote: Quote, switch: KillSwitch) -> list[Exit]:
        """The exits due at `quote`; the whole position while the kill switch is on."""
        price = quote.bid if position.side is Pred.LONG else quote.ask
        if switch.words(quote.at_ms):
            return [Exit(KILLED, price, position.amount, quote.at_ms, maker=False)]
        return at_quote(position, price, quote.at_ms)

    def pay_funding(self, fundings: Iterable[Funding]) -> None:
        """Pays funding that was due while a position was held, each due time once."""
        for funding in fundings:
            position = self.book.account.positions.get(funding.symbol)
            if position is None or self.plan.market is Market.SPOT:
                continue
            if funding.due_ms > max(position.entry_ms, position.funded_ms):
                price = self.marks.get(funding.symbol, position.entry)
                self.book.pay_funding(position, funding, price)

    def pay_assumed_funding(self, since_ms: int, until_ms: int) -> None:
        """Pays the plan's assumed rate at each due time in `(since_ms, until_ms]`."""
        first_ms = (since_ms // FUNDING_MS + 1) * FUNDING_MS
        rate = self.plan.funding_bps.scaleb(-4)
        for due_ms in range(first_ms, until_ms + 1, FUNDING_MS):
            self.pay_funding(
                Funding(symbol, due_ms, rate) for symbol in sorted(self.book.account.positions)
            )

    def _leave_gone(self, open_ms: int) -> None:
        """Closes at their last close positions in coins that have left the exchange or the file."""
        oldest_ms = open_ms - _GONE_BARS * self.timeframe.ms
        for symbol, position in sorted(self.book.account.positions.items()):
            if self.book.seen.get(symbol, oldest_ms) <= oldest_ms:
                price = self.marks.get(symbol, position.entry)
                at_ms = self.timeframe.close_of(open_ms)
                self.book.close(position, Exit(GONE, price, position.amount, at_ms, maker=False))

    def _enter_at_open(self, bar: PaperBar, killed: str | None) -> None:
        if killed is not None:
            for symbol, position in sorted(self.book.account.positions.items()):
                if symbol in bar.candles:
                    price = decimal(bar.candles[symbol].open)
                    exit_ = Exit(KILLED, price, position.amount, bar.open_ms, maker=False)
                    self._close_at(exit_, position, self.plan.costs)
        for stored in ranked(bar.signals):
            signal = stored.signal
            candle = bar.candles.get(signal.symbol)
            if candle is None:
                no = Forbidden("price", "there is no candle after that of the signal")
                self.book.refuse(signal, no, bar.open_ms)
                continue
            opened = decimal(candle.open)
            instrument = self._instrument(signal.symbol, opened)
            buys = signal.pred is Pred.LONG
            price = market_price(opened, self.plan.costs, instrument, buys=buys)
            self._decide(stored, Offer(price, instrument), bar.open_ms, killed)

    def _refuse_unquoted(self, bar: PaperBar) -> None:
        """Refuses the signals of `bar` that had no quote in time."""
        for stored in bar.signals:
            if not self.has_decided(stored):
                reason = "the signal was late" if stored.late else "there was no quote in time"
                no = Forbidden("late" if stored.late else "price", reason)
                self.book.refuse(stored.signal, no, bar.open_ms)

    def _decide(self, stored: StoredSignal, offer: Offer, at_ms: int, killed: str | None) -> None:
        signal = stored.signal
        state = self._risk_state(at_ms, killed)
        # Correlations take longer than all other rules, which refuse most signals before them.
        if forbidden(self.plan, signal, state, late=stored.late) is None:
            state = state._replace(correlations=self._correlations(signal.symbol))
        made = entry(self.plan, signal, state, offer, late=stored.late)
        if isinstance(made, Entry):
            self.book.open(signal, made, at_ms, self.timeframe.open_of(at_ms) - self.timeframe.ms)
        else:
            self.book.refuse(signal, made, at_ms)

    def _risk_state(self, at_ms: int, killed: str | None) -> RiskState:
        account = self.book.account
        equity = account.equity(self.marks)
        return RiskState(
            account=account,
            at_ms=at_ms,
            timeframe_ms=self.timeframe.ms,
            equity=equity,
            exposure=account.exposure(self.marks),
            day_start=self.curve.day_start(at_ms),
            peak=max(self.curve.peak, equity),
            killed=killed,
            correlations={},
        )

    def _correlations(self, symbol: str) -> dict[str, float]:
        """Correlations with held coins, if there are enough positions for the rule to apply."""
        most, held = self.plan.rules.correlated_positions, self.book.account.positions
        if most is None or len(held) < most or symbol in held:
            return {}
        return self.memory.correlations(symbol, held)

    def _walk(self, symbol: str, candles: Iterable[Candle]) -> None:
        for candle in candles:
            position = self.book.account.positions.get(symbol)
            if position is None:
                return
            if candle.open_ms <= self.book.seen.get(symbol, -1):
                continue
            close_ms = self.timeframe.close_of(candle.open_ms)
            path = along_candle(
                *(position, candle, close_ms),
                plan=self.plan.exits,
                costs=self.plan.costs,
                instrument=self._instrument(symbol, position.entry),
                inside=partial(self.inside, symbol, candle),
            )
            for exit_ in path.exits:
                self.book.close(position, exit_)
            if path.stop is not None:
                self.book.move_stop(position, path.stop, close_ms)
            if symbol in self.book.account.positions:
                self.book.walked(symbol, candle.open_ms)

    def _close_at(
        self, exit_: Exit, position: Position, costs: Costs, book: OrderBook | None = None
    ) -> None:
        """A market order fills from the order book, or at the price after assumed `costs`."""
        if not exit_.maker:
            is_long = position.side is Pred.LONG
            instrument = self._instrument(position.symbol, position.entry)
            if book is not None and (levels := book.bids if is_long else book.asks):
                price = forced_price(
                    *(levels, exit_.amount, costs.cap_bps, instrument.tick), buys=not is_long
                )
            else:
                price = market_price(exit_.price, costs, instrument, buys=not is_long)
            exit_ = exit_._replace(price=price)
        self.book.close(position, exit_)

    def _offer(self, side: Pred, quote: Quote, book: OrderBook | None) -> Offer:
        buys = side is Pred.LONG
        best = quote.ask if buys else quote.bid
        instrument = self._instrument(quote.symbol, best)
        levels = () if book is None else (book.asks if buys else book.bids)
        if levels:
            return Offer(levels[0].price, instrument, levels)
        return Offer(market_price(best, self._beyond, instrument, buys=buys), instrument)

    def _mark(self, open_ms: int) -> None:
        equity = self.book.account.equity(self.marks)
        held = self.curve.held(self.marks)
        point = EquityPoint(self.timeframe.close_of(open_ms), equity, held)
        self.book.point(point)
        self.curve.add(point)

    def _instrument(self, symbol: str, price: Decimal) -> Instrument:
        """Tick and lot of the exchange, or likely ones for a coin of this price."""
        return self.instruments.get(symbol) or assumed_instrument(symbol, price)


def ranked(signals: Iterable[StoredSignal]) -> list[StoredSignal]:
    """Highest confidence first, because not all may be followed."""
    return sorted(signals, key=lambda each: (-each.signal.confidence, each.signal.symbol))
