"""What the core needs from the world, as protocols that the adapters answer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.log import LogFilter, ScoredCall, TradeRecord
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.notice import Notice
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper_report import (
    AccountReport,
    ClosedTrade,
    EquityPoint,
    KillSwitch,
    Refusal,
)
from crypto_bot.domain.quote import Funding, Instrument, OrderBook, Quote
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Call, Probabilities, Signal, Source


class Clock(Protocol):
    """The only one who knows the time. A simulated market has a clock that runs faster."""

    def now_ms(self) -> int:
        """UTC milliseconds, by the exchange's reckoning."""
        ...

    def real_seconds(self, duration_ms: int) -> float:
        """How long `duration_ms` of this clock lasts for a person."""
        ...

    async def sleep(self, duration_ms: int) -> None:
        """Waits `duration_ms` of this clock."""
        ...


class CandleFeed(Protocol):
    """Closed candles from an exchange."""

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """Candles of `symbol` whose open lies in `[since_ms, until_ms]`, ascending and sound.

        One or more requests; the open candle is never among them; missing ones are simply absent.
        Raises ExchangeUnavailable, RateLimited or BadCandles after the feed's own retries, and
        another MarketDataError where the exchange refuses, e.g. a coin that is no longer traded.
        """
        ...


class Gap(NamedTuple):
    """A candle that the exchange never had, as far as it says itself."""

    symbol: str
    open_ms: int


class CandleArchive(Protocol):
    """Closed candles and confirmed gaps of one timeframe, kept."""

    def add(self, candles: Mapping[str, Sequence[Candle]], gaps: Iterable[Gap] = ()) -> None:
        """Stores all of it in one transaction; adding twice is harmless. Raises StoreError."""
        ...

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """Stored candles with open in `[since_ms, until_ms]`, ascending."""
        ...

    def newest_opens(self) -> dict[str, int]:
        """The newest candle or confirmed gap of each symbol that has one."""
        ...

    def gaps(self, since_ms: int) -> list[Gap]:
        """Confirmed gaps with open at or after `since_ms`."""
        ...


class StoredSignal(NamedTuple):
    """A signal as it was committed: with its time and whether it came late."""

    signal: Signal
    created_ms: int
    late: bool


class Settled(NamedTuple):
    """The labelled outcomes of a source that one close decided, over all coins."""

    source: Source
    settled_ms: int
    tally: Tally


class Commits(Protocol):
    """Takes what a cycle brought."""

    def commit(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """One transaction. A signal or outcome that is stored already stays as it is."""
        ...


class PredictionStore(Commits, Protocol):
    """The prediction log with its outcomes: append-only, one row for each (symbol, tf, candle)."""

    def newest_opens(self) -> dict[str, int]:
        """Candle of the newest prediction of each symbol that has one."""
        ...

    def unsettled(self) -> list[Signal]:
        """Signals without an outcome, oldest first."""
        ...

    def tallies(self) -> dict[tuple[Source, str], Tally]:
        """The record of all labelled outcomes by (source, symbol)."""
        ...

    def settled_since(self, since_ms: int) -> list[Settled]:
        """Labelled outcomes with `settled_ms >= since_ms`, by time."""
        ...

    def first_bar(self, proposed_ms: int) -> int:
        """The first candle to have signals here; `proposed_ms` becomes it on the first call."""
        ...


class LoggedSignal(NamedTuple):
    """A line of the prediction log: a committed signal, and its outcome once it has one."""

    stored: StoredSignal
    outcome: Outcome | None


class LogPosition(NamedTuple):
    """A place in the prediction log: the line of `symbol` at this candle."""

    candle_open_ms: int
    symbol: str


class DayRecord(NamedTuple):
    """Sums over the labelled calls of one source on one coin whose candles opened on one UTC day.

    Late signals are not in it. `trades` counts LONG and SHORT, and `return_bps` is their sum;
    `brier` is the sum of (confidence - correct)^2.
    """

    source: Source
    symbol: str
    day: int
    """candle_open_ms // 86,400,000."""
    n: int
    hits: int
    trades: int
    return_bps: float
    confidence: float
    brier: float


class ResolvedCall(NamedTuple):
    """A labelled call, what came of it, and what it risked; late ones are never told."""

    source: str
    symbol: str
    model_version: str | None
    candle_open_ms: int
    pred: str
    label: str
    p_short: float
    p_no_trade: float
    p_long: float
    return_bps: float
    cost_bps: float
    """Of a round trip."""
    entry: float
    stop_loss: float | None
    atr: float | None


class PredictionQueries(Protocol):
    """Reads what was committed, of one timeframe. Safe to call from any thread."""

    def latest_predictions(self) -> list[StoredSignal]:
        """The newest signal of each symbol that has one, by symbol."""
        ...

    def latest_prediction(self, symbol: str) -> StoredSignal | None:
        """The newest signal of `symbol`."""
        ...

    def prediction_log(
        self,
        symbol: str | None,
        source: Source | None,
        since_ms: int | None,
        before: LogPosition | None,
        limit: int,
    ) -> list[LoggedSignal]:
        """At most `limit` lines, by (candle_open_ms, symbol) descending, strictly after `before`.

        None leaves a filter out; `since_ms` is the first candle open that may appear.
        """
        ...

    def performance_rows(
        self, symbol: str | None, source: Source | None, since_ms: int | None
    ) -> list[DayRecord]:
        """The live record by source, symbol and day, ascending by day. Filters as in the log."""
        ...

    def resolved_calls(self, since_ms: int) -> list[ResolvedCall]:
        """The live labelled calls of candles that opened at or after `since_ms`, by candle."""
        ...

    def log_page(
        self, wanted: LogFilter, before: LogPosition | None, limit: int
    ) -> list[LoggedSignal]:
        """At most `limit` lines, newest first, strictly after `before`; see `prediction_log`."""
        ...

    def trade_records(self, since_ms: int) -> list[TradeRecord]:
        """The record of LONG and SHORT by source, symbol and day, ascending by day.

        `since_ms` is the first candle open that counts.
        """
        ...

    def scored_calls(self, since_ms: int) -> list[ScoredCall]:
        """Labelled calls of calibrated models on candles from `since_ms` on, by candle."""
        ...

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        """The newest `limit` stored candles of `symbol`, ascending."""
        ...


class MarketViews(Protocol):
    """Measures coins: remembers as many candles as the rules need."""

    @property
    def history_bars(self) -> int:
        """How many candles before a bar its views can depend on."""
        ...

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Replaces what is remembered of `symbol` by `candles`, ascending."""
        ...

    def update(self, bar: Bar) -> dict[str, MarketView]:
        """Takes the candles of `bar` in and measures its coins. Opens must ascend for each coin."""
        ...


class CandleListener(Protocol):
    """Hears every candle that the views take, before the sources are asked."""

    @property
    def history_bars(self) -> int:
        """How many candles before a bar must be stored for what it makes of them."""
        ...

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Forgets what it knew of `symbol`; `candles`, ascending, are those taken so far."""
        ...

    def hear(self, bar: Bar) -> None:
        """Takes the candles of `bar`, which are stored, in."""
        ...


class ModelCallLog(Protocol):
    """The calls that models made, as they were committed."""

    def model_calls(
        self, symbol: str, model_version: str, since_ms: int
    ) -> list[tuple[int, Probabilities]]:
        """(candle open, probabilities) of every call of that model from `since_ms` on, by time."""
        ...


class SignalSource(Protocol):
    """One link of the fallback chain."""

    @property
    def source(self) -> Source:
        """The name under which its calls are stored."""
        ...

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        """One answer for each view, in order: a call, or the reason why it declines."""
        ...


class ModelSource(SignalSource, CandleListener, Protocol):
    """A source that hears candles, may look at a leading coin, and can compute ahead."""

    @property
    def leader(self) -> str | None:
        """The coin without whose candle of the same time its calls of the others are less."""
        ...

    def prepare(self) -> None:
        """Computes what the next close can be answered without; may be left out."""
        ...


class ModelCatalog(Protocol):
    """What is known of the coins' own models. Safe to call from any thread."""

    @property
    def note(self) -> str | None:
        """Why there is nothing in it; None where models are asked."""
        ...

    def entries(self) -> list[ModelEntry]:
        """One for each coin of the engine."""
        ...

    def entry(self, symbol: str) -> ModelEntry:
        """That of one coin of the engine."""
        ...


class SignalSink(Protocol):
    """Is told of what has been committed."""

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """Called after the commit, in the order of the commits. Must not raise or block."""
        ...


class PriceFeed(Protocol):
    """What an exchange deals at now. Raises MarketDataError as a `CandleFeed` does."""

    async def quotes(self) -> dict[str, Quote]:
        """The best prices of all the coins, in one request; a coin without a price is absent."""
        ...

    async def book(self, symbol: str) -> OrderBook:
        """The best levels of each side, a hundred at most."""
        ...

    async def funding(self, symbol: str, since_ms: int, until_ms: int) -> list[Funding]:
        """What became due in `[since_ms, until_ms]`, by time; none in a spot market."""
        ...

    def instruments(self) -> dict[str, Instrument]:
        """How finely each coin is counted, as the exchange said when it was opened."""
        ...


class PaperDesk(Protocol):
    """Paper trading as a person sees it. Safe to call from any thread."""

    def accounts(self) -> list[AccountReport]:
        """Every account; empty where paper trading is switched off."""
        ...

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        """The newest refusals of `account`, the newest first."""
        ...

    def kill_switch(self) -> KillSwitch:
        """As it stands."""
        ...

    def stop(self, by: str, reason: str) -> KillSwitch:
        """Closes every position at the next price and opens no more, until resumed."""
        ...

    def resume(self, by: str) -> KillSwitch:
        """Lets positions be opened again."""
        ...


class PaperWrites(NamedTuple):
    """What one step of a paper account brought; stored as a whole or not at all."""

    account: str
    events: list[Event]
    trades: list[ClosedTrade]
    refusals: list[Refusal]
    points: list[tuple[EquityPoint, Decimal]]
    """With the cash at that time."""
    seen: dict[str, int]
    """The newest candle that the position in each coin has been walked through."""


class PaperStore(Protocol):
    """The paper accounts of one timeframe: append-only but for `seen`. Raises StoreError."""

    def write(self, writes: Sequence[PaperWrites]) -> None:
        """One transaction. An event, refusal or point that is stored already stays as it is."""
        ...

    def events(self, account: str) -> Iterable[Event]:
        """The whole ledger, in its order."""
        ...

    def points(self, account: str) -> list[EquityPoint]:
        """Every point of the equity, by time."""
        ...

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        """The newest refusals, the newest first."""
        ...

    def refused(self, account: str) -> dict[str, int]:
        """How many signals each rule has refused."""
        ...

    def seen(self, account: str) -> dict[str, int]:
        """As it was written last."""
        ...

    def kill_switch(self) -> KillSwitch:
        """As it was set last, by whichever process."""
        ...

    def resumed_ms(self) -> int | None:
        """When a person resumed last."""
        ...

    def switch(self, to: KillSwitch, at_ms: int) -> None:
        """Adds a line to the log of the switch."""
        ...


class PaperTape(Protocol):
    """What the engine has committed, as paper trading reads it. Raises StoreError."""

    def first_ms(self) -> int | None:
        """The first candle that has signals."""
        ...

    def ready_ms(self, symbols: Sequence[str], patience_bars: int) -> int | None:
        """The newest candle up to which all coins have their signals.

        Coins that are further behind the newest than `patience_bars` are not waited for.
        """
        ...

    def trades(self, since_ms: int, until_ms: int) -> list[StoredSignal]:
        """The LONG and SHORT signals of candles that opened in `[since_ms, until_ms]`, by time."""
        ...

    def candles(
        self, symbols: Sequence[str], since_ms: int, until_ms: int
    ) -> dict[str, list[Candle]]:
        """Stored candles with open in `[since_ms, until_ms]` of each coin, ascending."""
        ...


class PaperSink(Protocol):
    """Is told of what paper accounts did, after it was stored."""

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:
        """From any thread, in order. Must not raise or block."""
        ...


class ChannelCounts(NamedTuple):
    """What became of the notices for one receiver since the start."""

    channel: str
    """Its number and its service; nothing of its address."""
    told: int
    dropped: int
    waiting: int
    is_up: bool
    """Whether it took the newest message, or none was sent yet."""


class Notifier(Protocol):
    """Tells people. Safe to call from any thread."""

    def tell(self, notice: Notice) -> None:
        """Takes `notice` to be passed on. Never raises, never waits."""
        ...

    def counts(self) -> list[ChannelCounts]:
        """One for each receiver."""
        ...


class Commit(NamedTuple):
    """What one cycle committed: its time, its signals and the outcomes that its candles decided."""

    at_ms: int
    signals: list[StoredSignal]
    outcomes: list[Outcome]


class CommitHistory(Protocol):
    """Reads what was committed when. Safe to call from any thread."""

    def newest_ms(self) -> int:
        """When the newest signal was made; 0 where there is none."""
        ...

    def commits(self, since_ms: int, until_ms: int, limit: int) -> list[Commit] | None:
        """Those made in `[since_ms, until_ms]`, by time; None where they have over `limit` signals.

        Of signals that were caught up on, those of the last 30 days before `since_ms`.
        """
        ...
