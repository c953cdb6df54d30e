"""What a snapshot is made of: the store, the models and paper trading, read after a cycle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crypto_bot.adapters.web.page.training_table import RunLine
from crypto_bot.backtesting.kept import KeptBacktests
from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.paper_report import AccountReport, KillSwitch
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.role_change import RoleChange
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import (
    TRAIN,
    Jobs,
    LoggedSignal,
    LogLine,
    ModelCatalog,
    OutlookLog,
    PaperTrading,
    PredictionQueries,
    SettingLine,
    StoredSignal,
)
from crypto_bot.reports.live_record import Headline
from crypto_bot.statistics.breakdown import Line

LAST_RESULTS = 10
_LINE_BARS = 32
_REVISED_BARS = 4
"""So far back a candle that was shown may be another now: the engine reads three again."""
_OPEN_CALLS = 16
"""Calls without an outcome that are read for each coin: those whose candles are a gap get none."""


@dataclass(kw_only=True, eq=False)
class Sources:
    """What the engine follows, by which clock and at what cost, and where the page reads it.

    `health` and `quotes` (none: pages show the newest close) must not block. Without `paper` no
    trades are made on paper.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    now_ms: Callable[[], int]
    cost_bps: float
    speed: float = 1.0
    """Seconds of its clock in a second of a person."""
    badge: str = ""
    """What its data are, where they are not of now, in a few words; `about` says more."""
    about: str = ""
    queries: PredictionQueries
    catalog: ModelCatalog
    health: Callable[[], HealthReport]
    paper: PaperTrading | None = None
    quotes: Callable[[], Mapping[str, Quote]] = dict
    training: Callable[[], Sequence[RunLine]] = tuple
    outlook: Sequence[OutlookLog] = ()
    """The daily answers of each horizon."""
    jobs: Jobs | None = None
    """What may be started beside the engine."""
    backtests: KeptBacktests | None = None
    """Those that were run on its database."""
    alarms: Callable[[], Sequence[Alarm]] = tuple
    """What of the models has drifted, as it stands."""
    role_changes: Callable[[], Sequence[RoleChange]] = tuple
    """Of the models, the newest first."""
    unwatched: Callable[[], Sequence[str]] = tuple
    """Coins whose model does not know what its inputs were like, whose drift is not seen."""
    log_lines: Callable[[], Sequence[LogLine]] = tuple
    """The newest of the engine's log, the newest last."""
    setting_lines: Sequence[SettingLine] = ()

    @property
    def train_command(self) -> str:
        """What a person enters for what *Train now* starts."""
        return self.jobs.command(TRAIN, {}) if self.jobs else "crypto-bot train all"


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
    quote: Quote | None = None


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
    runs: Sequence[RunLine] = ()
    train_command: str = ""


def read(known: Sources, headline: Headline, before: Readings | None = None) -> Readings:
    """Everything, as the store has it now. Raises StoreError.

    What `before` holds is read again only as far as it may have changed since.
    """
    held = {coin.symbol: coin for coin in before.coins} if before else {}
    latest = {each.signal.symbol: each for each in known.queries.latest_predictions()}
    newest_ms = max((each.signal.candle_open_ms for each in latest.values()), default=0)
    models = {entry.symbol: entry for entry in known.catalog.entries()}
    calls = _open_calls(known, headline.open_since_ms, newest_ms)
    candles = _candles(known, latest, held)
    since_ms = before.record.open_since_ms if before else newest_ms - DAY_MS
    trades = _trades(known, held, since_ms)
    coins = [
        CoinReading(
            symbol=symbol,
            candles=candles[symbol],
            latest=latest.get(symbol),
            call=calls.get(symbol),
            trades=trades[symbol],
            record=headline.by_coin.get(symbol),
            model=models.get(symbol),
        )
        for symbol in known.symbols
    ]
    return _of_now(known, coins, headline, known.catalog.note)


def repriced(known: Sources, before: Readings) -> Readings:
    """`before` at the prices, the health and the accounts of now; the store is not read."""
    return _of_now(known, before.coins, before.record, before.models_note)


def _of_now(
    known: Sources, coins: Sequence[CoinReading], record: Headline, models_note: str | None
) -> Readings:
    quotes, paper = known.quotes(), known.paper
    return Readings(
        now_ms=known.now_ms(),
        timeframe=known.timeframe,
        coins=[coin._replace(quote=quotes.get(coin.symbol)) for coin in coins],
        record=record,
        models_note=models_note,
        is_paper=paper is not None,
        accounts=paper.accounts() if paper else (),
        kill_switch=paper.kill_switch() if paper else KillSwitch(on=False),
        health=known.health(),
        runs=known.training(),
        train_command=known.train_command,
    )


def _candles(
    known: Sources, latest: Mapping[str, StoredSignal], held: Mapping[str, CoinReading]
) -> dict[str, Sequence[Candle]]:
    """A day of each coin before its newest signal, or more, and all since; few queries for all."""
    tf_ms = known.timeframe.ms
    span_ms = max(_LINE_BARS * tf_ms, DAY_MS)
    kept: dict[str, list[Candle]] = {}
    wanted: dict[int, list[str]] = defaultdict(list)
    for symbol in known.symbols:
        stored = latest.get(symbol)
        newest_ms = stored.signal.candle_open_ms if stored else known.now_ms() - tf_ms
        since_ms = again_ms = newest_ms - span_ms
        day = held[symbol].candles if symbol in held else ()
        if day:  # the newest may have been revised
            again_ms = max(since_ms, day[-1].open_ms - _REVISED_BARS * tf_ms)
        kept[symbol] = [each for each in day if since_ms <= each.open_ms < again_ms]
        wanted[again_ms].append(symbol)
    found: dict[str, Sequence[Candle]] = {}
    for again_ms, symbols in wanted.items():
        news = known.queries.candles_since(symbols, again_ms)
        found |= {symbol: kept[symbol] + news.get(symbol, []) for symbol in symbols}
    return found


def _trades(
    known: Sources, held: Mapping[str, CoinReading], since_ms: int
) -> dict[str, Sequence[LoggedSignal]]:
    """The newest settled trades of each coin: in one query those of candles from `since_ms` on.

    No older one has been settled since it was `held`, unless the coin was behind by then.
    """
    page = known.queries.log_page
    bars = max(0, known.now_ms() - since_ms) // known.timeframe.ms + 1
    wanted = LogFilter(since_ms=since_ms, ended=Ended.TRADE)
    news: dict[str, list[LoggedSignal]] = defaultdict(list)
    for line in page(wanted, None, bars * len(known.symbols)):
        news[line.stored.signal.symbol].append(line)
    found: dict[str, Sequence[LoggedSignal]] = {}
    for symbol in known.symbols:
        coin, lines = held.get(symbol), news[symbol]
        if len(lines) < LAST_RESULTS:
            if coin and coin.latest and coin.latest.signal.candle_open_ms >= since_ms:
                opens = ((each, each.stored.signal.candle_open_ms) for each in coin.trades)
                lines += [each for each, open_ms in opens if open_ms < since_ms]
            else:
                lines = page(LogFilter(symbol, ended=Ended.TRADE), None, LAST_RESULTS)
        found[symbol] = lines[:LAST_RESULTS]
    return found


def _open_calls(known: Sources, since_ms: int, newest_ms: int) -> dict[str, LoggedSignal]:
    """The newest LONG or SHORT of each coin that waits for its outcome, however long."""
    limit = _OPEN_CALLS * len(known.symbols)
    lines = known.queries.log_page(LogFilter(since_ms=since_ms, ended=Ended.OPEN), None, limit)
    if len(lines) == limit:  # those of one coin may have left no place for another's
        for symbol in known.symbols:
            wanted = LogFilter(symbol, since_ms=since_ms, ended=Ended.OPEN)
            lines += known.queries.log_page(wanted, None, _OPEN_CALLS)
    calls: dict[str, LoggedSignal] = {}
    for line in lines:
        signal = line.stored.signal
        end_ms = signal.candle_open_ms + (signal.horizon_bars + 1) * known.timeframe.ms
        if end_ms > newest_ms:  # the horizon is not over
            calls.setdefault(signal.symbol, line)
    return calls
