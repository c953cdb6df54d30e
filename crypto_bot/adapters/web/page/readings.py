"""What a snapshot is made of: the store, the models and paper trading, read after a cycle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.paper_report import AccountReport, KillSwitch, Refusal
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import (
    LoggedSignal,
    ModelCatalog,
    PaperTrading,
    PredictionQueries,
    StoredSignal,
)
from crypto_bot.reports.live_record import Headline, LiveRecord
from crypto_bot.statistics.breakdown import Line

LAST_RESULTS = 10
_LINE_BARS = 32
_OPEN_CALLS = 16
"""Calls without an outcome that are read for each coin: those whose candles are a gap get none."""


class NoPaper:
    """Paper trading that is off; see `ports.PaperTrading`."""

    def accounts(self) -> list[AccountReport]:
        return []

    def refusals(self, account: str, limit: int) -> list[Refusal]:  # noqa: ARG002 - the port's
        return []

    def kill_switch(self) -> KillSwitch:
        return KillSwitch(on=False)

    def stop(self, by: str, reason: str) -> KillSwitch:  # noqa: ARG002 - the port's
        return KillSwitch(on=False)

    def resume(self, by: str) -> KillSwitch:  # noqa: ARG002 - the port's
        return KillSwitch(on=False)


class CoinReading(NamedTuple):
    """One coin: its last day, its newest lines of the log, its record and its model."""

    symbol: str
    candles: Sequence[Candle]
    latest: StoredSignal | None
    call: LoggedSignal | None
    """The newest LONG or SHORT that waits for its outcome."""
    trades: Sequence[LoggedSignal]
    """The newest settled LONG and SHORT, the newest first."""
    record: Line | None
    model: ModelEntry | None
    quote: Quote | None


class Readings(NamedTuple):
    """All of it, as of `now_ms`."""

    now_ms: int
    timeframe: Timeframe
    coins: Sequence[CoinReading]
    record: Headline
    models_note: str | None
    is_paper: bool
    """Whether trades are made on paper at all."""
    accounts: Sequence[AccountReport]
    kill_switch: KillSwitch
    health: HealthReport


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads the store; one call at a time, from any thread.

    Raises StoreError.
    """

    queries: PredictionQueries
    record: LiveRecord
    catalog: ModelCatalog
    paper: PaperTrading
    symbols: Sequence[str]
    timeframe: Timeframe
    health: Callable[[], HealthReport]
    quotes: Callable[[], Mapping[str, Quote]]

    def read(self, now_ms: int, version: int) -> Readings:
        """Everything, as the store has it now; `version` counts the readings."""
        latest = {each.signal.symbol: each for each in self.queries.latest_predictions()}
        newest_ms = max((each.signal.candle_open_ms for each in latest.values()), default=0)
        record = self.record.headline(version)
        bars = max(_LINE_BARS, DAY_MS // self.timeframe.ms) + 1
        models = {entry.symbol: entry for entry in self.catalog.entries()}
        quotes = self.quotes()
        calls = self._open_calls(record.open_since_ms, newest_ms)
        coins = [
            CoinReading(
                symbol=symbol,
                candles=self.queries.candles(symbol, bars),
                latest=latest.get(symbol),
                call=calls.get(symbol),
                trades=self.queries.log_page(
                    LogFilter(symbol, ended=Ended.TRADE), None, LAST_RESULTS
                ),
                record=record.by_coin.get(symbol),
                model=models.get(symbol),
                quote=quotes.get(symbol),
            )
            for symbol in self.symbols
        ]
        return Readings(
            now_ms=now_ms,
            timeframe=self.timeframe,
            coins=coins,
            record=record,
            models_note=self.catalog.note,
            is_paper=not isinstance(self.paper, NoPaper),
            accounts=self.paper.accounts(),
            kill_switch=self.paper.kill_switch(),
            health=self.health(),
        )

    def repriced(self, known: Readings, now_ms: int) -> Readings:
        """`known` at the prices, the health and the accounts of now; the store is not read."""
        quotes = self.quotes()
        return known._replace(
            now_ms=now_ms,
            coins=[coin._replace(quote=quotes.get(coin.symbol)) for coin in known.coins],
            accounts=self.paper.accounts(),
            kill_switch=self.paper.kill_switch(),
            health=self.health(),
        )

    def _open_calls(self, since_ms: int, newest_ms: int) -> dict[str, LoggedSignal]:
        """The newest LONG or SHORT of each coin that waits for its outcome, however long."""
        limit = _OPEN_CALLS * len(self.symbols)
        lines = self.queries.log_page(LogFilter(since_ms=since_ms, ended=Ended.OPEN), None, limit)
        if len(lines) == limit:  # those of one coin may have left no place for another's
            for symbol in self.symbols:
                wanted = LogFilter(symbol, since_ms=since_ms, ended=Ended.OPEN)
                lines += self.queries.log_page(wanted, None, _OPEN_CALLS)
        calls: dict[str, LoggedSignal] = {}
        for line in lines:
            if is_open(line, newest_ms, self.timeframe):
                calls.setdefault(line.stored.signal.symbol, line)
        return calls


def is_open(line: LoggedSignal, newest_ms: int, timeframe: Timeframe) -> bool:
    """Whether the horizon of a call without an outcome is not over at the candle `newest_ms`."""
    signal = line.stored.signal
    return signal.candle_open_ms + (signal.horizon_bars + 1) * timeframe.ms > newest_ms
