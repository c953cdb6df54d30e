"""Queries of committed data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Source
from crypto_bot.ports.signals import StoredSignal


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
    `brier` is the sum of (confidence - correct)^2. Of the episodes (`statistics.episodes`) that
    began on the day, `won` are those that returned more than their cost, `won_bps` and `net_bps`
    the returns after costs of these and of all.
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
    no_calls: int
    """NO_TRADE of labels that have no such class; in none of the other counts."""
    episodes: int
    won: int
    won_bps: float
    net_bps: float


class ResolvedCall(NamedTuple):
    """A live call with its outcome and stop; late ones and those without a side are excluded."""

    source: str
    symbol: str
    model_version: str | None
    candle_open_ms: int
    horizon_ms: int
    """Maximum time from the close of its candle to its outcome."""
    pred: str
    label: str
    """The side that the class of its outcome stands for, as `pred` has it."""
    begins: bool
    """Whether it is the first call of an episode."""
    p_short: float
    p_no_trade: float
    p_long: float
    return_bps: float
    cost_bps: float
    """Cost of a round trip."""
    entry: float
    stop_loss: float | None
    atr: float | None


class PredictionQueries(Protocol):
    """Queries of one timeframe. Safe to call from any thread."""

    def latest_predictions(self) -> list[StoredSignal]:
        """The newest signal of each symbol that has one, by symbol."""

    def latest_prediction(self, symbol: str) -> StoredSignal | None:
        """The newest signal of `symbol`."""

    def performance_rows(
        self, symbol: str | None, source: Source | None, since_ms: int | None
    ) -> list[DayRecord]:
        """The live record by source, symbol and day, ascending by day.

        None leaves a filter out; `since_ms` is the first candle open that counts.
        """

    def resolved_calls(self, since_ms: int, until_ms: int) -> list[ResolvedCall]:
        """The live labelled calls of candles that opened in `[since_ms, until_ms)`, by candle."""

    def oldest_open(self, since_ms: int) -> int | None:
        """The first candle from `since_ms` on with a call that will still get its outcome.

        A call whose horizon is over by more than a day, as far as the log reaches, gets none: its
        candles are a gap. None without such a call.
        """

    def log_page(
        self, wanted: LogFilter, before: LogPosition | None, limit: int
    ) -> list[LoggedSignal]:
        """At most `limit` lines after `before`, by (candle_open_ms, symbol) descending."""

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        """The newest `limit` stored candles of `symbol`, ascending."""

    def candles_since(self, symbols: Sequence[str], since_ms: int) -> dict[str, list[Candle]]:
        """The stored candles of `symbols` that open from `since_ms` on, ascending, where any do."""

    def candles_between(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """The stored candles of `symbol` that open in `[since_ms, until_ms)`, ascending."""

    def oldest_candle(self, symbol: str) -> int | None:
        """The open of the first stored candle of `symbol`."""
