"""A feed with known candles, altered as a test wants; and the contents of a store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import starmap

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.backtest import replay_into
from crypto_bot.app.settings import Settings
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Signal
from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.generated import GeneratedMarket

M15 = Timeframe.parse("15m")
START = 1_760_000_400_000 // M15.ms * M15.ms
Truth = dict[str, list[Candle]]
Answers = Callable[[str, list[Candle]], list[Candle]]
Contents = tuple[list[Signal], list[Outcome | None]]


def true_candles(symbols: Sequence[str], bars_before: int, bars_after: int) -> Truth:
    """Around `START`."""
    market = GeneratedMarket(symbols, M15.ms, seed=3)
    first_ms, last_ms = START - bars_before * M15.ms, START + bars_after * M15.ms
    return {
        symbol: list(starmap(Candle, market.candles(symbol, first_ms, last_ms)))
        for symbol in symbols
    }


class Feed:
    """Passes the true candles through `answer`, which may leave some out or raise."""

    def __init__(self, truth: Truth, clock: ReplayClock, answer: Answers) -> None:
        self._truth = truth
        self.clock = clock
        self._answer = answer

    def halted(self, symbol: str) -> str | None:
        return None

    async def price(self, symbol: str) -> float:
        raise ExchangeUnavailable(symbol)

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        last_ms = min(until_ms, M15.last_closed(self.clock.now_ms()))
        found = [c for c in self._truth[symbol] if since_ms <= c.open_ms <= last_ms]
        return self._answer(symbol, found)


def honest(symbol: str, found: list[Candle]) -> list[Candle]:
    return found


@contextmanager
def opened() -> Iterator[Database]:
    """A database in memory."""
    database = Database.open("sqlite://")
    try:
        yield database
    finally:
        database.close()


def contents(database: Database) -> Contents:
    """Predictions without their time of making, and outcomes."""
    log = SqlPredictionQueries(database, M15).log_page(LogFilter(), None, 10**9)
    return [line.stored.signal for line in log], [line.outcome for line in log]


def undisturbed(settings: Settings, truth: Truth, until_ms: int) -> Contents:
    """What a replay of the truth leaves, from the first bar of the record of a start at `START`."""
    with opened() as source, opened() as target:
        archive = SqlCandleArchive(source, M15)
        archive.add(truth)
        since_ms = START - (settings.engine.record_bars - 1) * M15.ms
        replay_into(settings, tuple(truth), archive, target, since_ms=since_ms, until_ms=until_ms)
        return contents(target)
