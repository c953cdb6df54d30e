"""What a snapshot is made of: the store, the models and the desk, read after a cycle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import Ended, LogFilter, ScoredCall, TradeRecord
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.paper_report import AccountReport, KillSwitch, Refusal
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import LoggedSignal, ModelCatalog, PaperTrading, PredictionQueries

RECORD_DAYS = 30
LOSS_DAYS = 7
LAST_RESULTS = 10
_LINE_BARS = 32


class NoPaper:
    """A desk where nothing is traded; see `ports.PaperTrading`."""

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
    latest: LoggedSignal | None
    call: LoggedSignal | None
    """The newest LONG or SHORT that is not settled."""
    trades: Sequence[LoggedSignal]
    """The newest settled LONG and SHORT, the newest first."""
    record: Sequence[TradeRecord]
    model: ModelEntry | None
    quote: Quote | None


class Readings(NamedTuple):
    """All of it, as of `now_ms`."""

    now_ms: int
    timeframe: Timeframe
    cost_bps: float
    coins: Sequence[CoinReading]
    scored: Sequence[ScoredCall]
    models_note: str | None
    is_paper: bool
    """Whether trades are made on paper at all."""
    accounts: Sequence[AccountReport]
    kill_switch: KillSwitch
    health: HealthReport


class Reader:
    """Reads what changed since it read last; one call at a time, from any thread.

    Raises StoreError.
    """

    def __init__(
        self,
        *,
        queries: PredictionQueries,
        catalog: ModelCatalog,
        paper: PaperTrading,
        symbols: Sequence[str],
        timeframe: Timeframe,
        cost_bps: float,
        health: Callable[[], HealthReport],
        quotes: Callable[[], Mapping[str, Quote]],
    ) -> None:
        self._queries = queries
        self._catalog = catalog
        self._paper = paper
        self._symbols = tuple(symbols)
        self._timeframe = timeframe
        self._cost_bps = cost_bps
        self._health = health
        self._quotes = quotes
        self._records = _Memory[TradeRecord](lambda row: row.day * DAY_MS, queries.trade_records)
        self._scored = _Memory[ScoredCall](lambda row: row.candle_open_ms, queries.scored_calls)

    def read(self, now_ms: int) -> Readings:
        """Everything, as the store has it now."""
        health = self._health()
        newest_ms = health.health.last_open_ms or self._timeframe.last_closed(now_ms)
        lines = self._newest_lines(newest_ms)
        final_ms = self._final_ms(health, newest_ms, lines)
        records: dict[str, list[TradeRecord]] = {}
        for row in self._records.since(_midnight(newest_ms - RECORD_DAYS * DAY_MS), final_ms):
            records.setdefault(row.symbol, []).append(row)
        models = {entry.symbol: entry for entry in self._catalog.entries()}
        quotes = self._quotes()
        coins = [
            self._coin(
                symbol,
                lines.get(symbol, []),
                records.get(symbol, []),
                models.get(symbol),
                quotes.get(symbol),
            )
            for symbol in self._symbols
        ]
        return Readings(
            now_ms=now_ms,
            timeframe=self._timeframe,
            cost_bps=self._cost_bps,
            coins=coins,
            scored=self._scored.since(newest_ms - LOSS_DAYS * DAY_MS, final_ms),
            models_note=self._catalog.note,
            is_paper=not isinstance(self._paper, NoPaper),
            accounts=self._paper.accounts(),
            kill_switch=self._paper.kill_switch(),
            health=health,
        )

    def repriced(self, known: Readings, now_ms: int) -> Readings:
        """`known` at the prices, the health and the accounts of now; the store is not read."""
        quotes = self._quotes()
        return known._replace(
            now_ms=now_ms,
            coins=[coin._replace(quote=quotes.get(coin.symbol)) for coin in known.coins],
            accounts=self._paper.accounts(),
            kill_switch=self._paper.kill_switch(),
            health=self._health(),
        )

    def _coin(
        self,
        symbol: str,
        lines: Sequence[LoggedSignal],
        record: Sequence[TradeRecord],
        model: ModelEntry | None,
        quote: Quote | None,
    ) -> CoinReading:
        bars = max(_LINE_BARS, DAY_MS // self._timeframe.ms) + 1
        newest = lines or self._queries.log_page(LogFilter(symbol), None, 1)
        return CoinReading(
            symbol=symbol,
            candles=self._queries.candles(symbol, bars),
            latest=newest[0] if newest else None,
            call=next((line for line in lines if is_open(line)), None),
            trades=self._queries.log_page(LogFilter(symbol, ended=Ended.TRADE), None, LAST_RESULTS),
            record=record,
            model=model,
            quote=quote,
        )

    def _newest_lines(self, newest_ms: int) -> dict[str, list[LoggedSignal]]:
        """What may still be open, of each coin, the newest first."""
        latest = self._queries.latest_predictions()
        horizon = max((stored.signal.horizon_bars for stored in latest), default=0)
        since_ms = newest_ms - horizon * self._timeframe.ms
        limit = (horizon + 2) * max(1, len(self._symbols))
        lines: dict[str, list[LoggedSignal]] = {}
        for line in self._queries.log_page(LogFilter(since_ms=since_ms), None, limit):
            lines.setdefault(line.stored.signal.symbol, []).append(line)
        return lines

    def _final_ms(
        self, health: HealthReport, newest_ms: int, lines: Mapping[str, Sequence[LoggedSignal]]
    ) -> int:
        """What was called before this candle has its outcome, if it will ever get one."""
        horizon = max((line[0].stored.signal.horizon_bars for line in lines.values()), default=0)
        behind_ms = health.health.oldest_owed_open_ms or newest_ms
        return min(behind_ms, newest_ms) - (horizon + 1) * self._timeframe.ms


_Row = TypeVar("_Row")


class _Memory(Generic[_Row]):
    """Rows of the past, kept; only what may still change is read again."""

    def __init__(self, at_ms: Callable[[_Row], int], read: Callable[[int], list[_Row]]) -> None:
        self._at_ms = at_ms
        self._read = read
        self._kept: list[_Row] = []
        self._from_ms: int | None = None
        self._until_ms = 0

    def since(self, since_ms: int, final_ms: int) -> list[_Row]:
        """Rows from `since_ms` on; those of days before `final_ms` will not change any more."""
        if self._from_ms is None or since_ms < self._from_ms:
            self._kept, self._until_ms = [], since_ms
        news = self._read(self._until_ms)
        self._from_ms = since_ms
        rows = [row for row in (*self._kept, *news) if self._at_ms(row) >= since_ms]
        self._until_ms = max(self._until_ms, _midnight(final_ms))
        self._kept = [row for row in rows if self._at_ms(row) < self._until_ms]
        return rows


def is_open(line: LoggedSignal) -> bool:
    """Whether it is a trade whose end is not known yet."""
    return line.outcome is None and line.stored.signal.pred is not Pred.NO_TRADE


def grouped(coins: Iterable[CoinReading]) -> list[TradeRecord]:
    """The records of all the coins."""
    return [row for coin in coins for row in coin.record]


def _midnight(at_ms: int) -> int:
    return at_ms - at_ms % DAY_MS
