"""Whatever fails in between, the store ends as if nothing had."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.wiring import build_catch_up
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable
from crypto_bot.domain.log import LogFilter
from crypto_bot.engine.catch_up import CatchUp
from crypto_bot.ports import SignalSink, StoredSignal
from tests.engine.true_market import (
    M15,
    START,
    Feed,
    Truth,
    contents,
    honest,
    opened,
    true_candles,
    undisturbed,
)

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
RECORD_BARS = 60
LAG_BARS = 24


@pytest.fixture(scope="module")
def truth() -> Truth:
    return true_candles(SYMBOLS, 6_200, 300)


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The record of a first start is longer than two lags."""
    engine = {"record_bars": RECORD_BARS, "record_lag_bars": LAG_BARS}
    return load({"use_ml": False, "engine": engine})


@pytest.fixture
def clock() -> ReplayClock:
    return closed(ReplayClock(), START)


@pytest.fixture
def database() -> Iterator[Database]:
    with opened() as found:
        yield found


def closed(clock: ReplayClock, open_ms: int) -> ReplayClock:
    """Sets `clock` to a second after the close of a candle."""
    clock.set(M15.close_of(open_ms) + 1_000)
    return clock


def engine(
    settings: Settings,
    database: Database,
    feed: Feed,
    until_ms: int = START,
    *,
    sinks: Sequence[SignalSink] = (),
    patience_s: float = 5.0,
) -> CatchUp:
    """An engine that has recovered what the database holds."""
    catch_up = build_catch_up(
        *(settings, SYMBOLS, feed.clock, database),
        feed=feed,
        timer=lambda: 0.0,
        sinks=sinks,
        patience_s=patience_s,
    )
    catch_up.recover(until_ms)
    return catch_up


async def test_an_undisturbed_run_equals_the_replay(
    settings: Settings, truth: Truth, clock: ReplayClock, database: Database
) -> None:
    catch_up = engine(settings, database, Feed(truth, clock, honest))
    assert catch_up.loading()[:3] == (0, len(SYMBOLS), 0)
    for bar in range(25):
        until_ms = START + bar * M15.ms
        closed(clock, until_ms)
        done = await catch_up.to(until_ms)
        assert not done.owed
        assert done.newest_ms == until_ms
    assert catch_up.loading()[:4] == (*2 * (len(SYMBOLS),), *2 * (RECORD_BARS + 24,))
    signals, outcomes = contents(database)
    assert len(signals) == (25 + RECORD_BARS - 1) * len(SYMBOLS)
    assert (signals, outcomes) == undisturbed(settings, truth, until_ms)
    assert any(outcomes)
    log = SqlPredictionQueries(database, M15).log_page(LogFilter(), None, 10**6)
    late = {line.stored.signal.candle_open_ms for line in log if line.stored.late}
    assert late == set(range(START - (RECORD_BARS - 1) * M15.ms, START, M15.ms))


class Faulty(Feed):
    """Fails, loses candles, and has nothing of the coins that are `down`."""

    def __init__(self, truth: Truth, clock: ReplayClock, rng: random.Random) -> None:
        super().__init__(truth, clock, self._answered)
        self.down: set[str] = set()
        self._rng = rng

    def of_bar(self, bar: int) -> None:
        """What fails from now on. Outages end before a coin is a lag behind the others."""
        if bar == 20:
            self.down = set(SYMBOLS)
        if bar in {28, 45}:
            self.down = set(self._rng.sample(SYMBOLS, 2))
        if bar in {35, 55}:
            self.down = set()

    def _answered(self, symbol: str, found: list[Candle]) -> list[Candle]:
        if symbol in self.down or self._rng.random() < 0.1:
            raise ExchangeUnavailable("made up")
        lost = {self._rng.randrange(len(found))} if found and self._rng.random() < 0.3 else set()
        return [candle for at, candle in enumerate(found) if at not in lost]


@pytest.mark.parametrize("seed", range(4))
async def test_faults_outages_and_restarts_change_nothing(
    settings: Settings, truth: Truth, clock: ReplayClock, database: Database, seed: int
) -> None:
    rng = random.Random(seed)
    await engine(settings, database, Feed(truth, clock, honest)).to(START)
    feed = Faulty(truth, clock, rng)
    for bar in range(1, 60):
        until_ms = START + bar * M15.ms
        closed(clock, until_ms)
        feed.of_bar(bar)
        if bar == 1 or rng.random() < 0.2:
            catch_up = engine(settings, database, feed, until_ms)
        await catch_up.to(until_ms)
    for _ in range(50):
        if not (await catch_up.to(until_ms)).owed:
            break
    assert catch_up.behind(until_ms) == {}
    assert contents(database) == undisturbed(settings, truth, until_ms)


class Slow(Feed):
    """Has nothing of one coin before `released`, from the candle `slow_ms` on."""

    def __init__(self, truth: Truth, clock: ReplayClock, slow_ms: int) -> None:
        super().__init__(truth, clock, honest)
        self.slow_ms = slow_ms
        self.released = asyncio.Event()

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        if symbol == "ETHUSDT" and until_ms >= self.slow_ms:
            await self.released.wait()
        return await super().candles(symbol, since_ms, until_ms)


class Progress:
    """Sets `current` when all coins but one have signals of the candle `open_ms`."""

    def __init__(self, open_ms: int) -> None:
        self.current = asyncio.Event()
        self._open_ms = open_ms
        self._loop = asyncio.get_running_loop()
        self._symbols: set[str] = set()

    def committed(self, signals: Sequence[StoredSignal], outcomes: object) -> None:
        self._symbols.update(
            each.signal.symbol for each in signals if each.signal.candle_open_ms == self._open_ms
        )
        if len(self._symbols) == len(SYMBOLS) - 1:
            self._loop.call_soon_threadsafe(self.current.set)


@pytest.mark.parametrize(
    ("slow_bar", "reached_bar"),
    [(0, LAG_BARS - RECORD_BARS), (1, 1)],
    ids=["first start", "live"],
)
async def test_a_slow_coin_holds_the_others_up_only_where_its_outcomes_count(
    settings: Settings,
    truth: Truth,
    clock: ReplayClock,
    database: Database,
    *,
    slow_bar: int,
    reached_bar: int,
) -> None:
    """In a first start the others run a lag ahead of its candles; live that is beyond now."""
    slow_ms = START + slow_bar * M15.ms
    feed, sink = Slow(truth, clock, slow_ms), Progress(START + reached_bar * M15.ms)
    catch_up = engine(settings, database, feed, sinks=[sink], patience_s=0.01)
    if slow_bar > 0:
        await catch_up.to(START)
    closed(clock, slow_ms)
    run = asyncio.create_task(catch_up.to(slow_ms))
    async with asyncio.timeout(120):
        await sink.current.wait()
    feed.released.set()
    assert not (await run).owed
    assert contents(database) == undisturbed(settings, truth, slow_ms)


async def test_a_confirmed_gap_has_no_signal_and_leaves_open_what_spans_it(
    settings: Settings, truth: Truth, clock: ReplayClock, database: Database
) -> None:
    hole_ms = START - 5 * M15.ms
    holed = {**truth, "BTCUSDT": [c for c in truth["BTCUSDT"] if c.open_ms != hole_ms]}
    assert not (await engine(settings, database, Feed(holed, clock, honest)).to(START)).owed
    assert [gap.open_ms for gap in SqlCandleArchive(database, M15).gaps(0)] == [hole_ms]
    assert contents(database) == undisturbed(settings, holed, START)
    open_ = SqlPredictionStore(database, M15).unsettled()
    assert any(s.symbol == "BTCUSDT" and s.candle_open_ms < hole_ms for s in open_)


async def test_a_coin_with_the_prices_of_another_is_held_alone_and_loses_nothing(
    settings: Settings, truth: Truth, clock: ReplayClock, database: Database
) -> None:
    """From one bar to another the exchange gives SOLUSDT for ETHUSDT, the history included."""
    wrong = range(3, 7)

    def mixed_up(symbol: str, found: list[Candle]) -> list[Candle]:
        bar = (M15.last_closed(clock.now_ms()) - START) // M15.ms
        if symbol != "ETHUSDT" or bar not in wrong:
            return found
        opens = {each.open_ms for each in found}
        return [each for each in truth["SOLUSDT"] if each.open_ms in opens]

    catch_up = engine(settings, database, Feed(truth, clock, mixed_up))
    for bar in range(10):
        until_ms = START + bar * M15.ms
        closed(clock, until_ms)
        if bar == 5:  # a restart in the midst
            catch_up = engine(settings, database, Feed(truth, clock, mixed_up), until_ms)
        done = await catch_up.to(until_ms)
        assert list(done.owed) == ["ETHUSDT"] * (bar in wrong)
        assert [(each.symbol, each.became) for each in done.doubts] == [("ETHUSDT", "held")] * (
            bar in wrong
        )
        assert not done.revised
    assert contents(database) == undisturbed(settings, truth, until_ms)


@pytest.mark.parametrize(
    "shares",
    [(0.5,), (0.5, 0.7, 0.9), (1.0, 1.0, 0.9), (0.8, 0.9, 0.9, 0.95)],
    ids=["once", "in three steps", "late and back", "later than it is looked at"],
)
async def test_a_volume_that_is_final_later_is_a_revision_and_changes_no_signal(
    settings: Settings,
    truth: Truth,
    clock: ReplayClock,
    database: Database,
    shares: Sequence[float],
) -> None:
    """A candle has each share of its volume for a bar, then all of it; restarts are no matter."""

    def at_age(candle: Candle, bars: int) -> Candle:
        share = shares[bars] if bars < len(shares) and candle.open_ms > START else 1.0
        low = candle.low * (0.99 + 0.01 * share)
        return candle._replace(volume=candle.volume * share, low=low)

    def provisional(_symbol: str, found: list[Candle]) -> list[Candle]:
        newest_ms = M15.last_closed(clock.now_ms())
        return [at_age(each, (newest_ms - each.open_ms) // M15.ms) for each in found]

    feed = Feed(truth, clock, provisional)
    catch_up = engine(settings, database, feed)
    revised, last = 0, 11
    for bar in range(last + 1):
        until_ms = START + bar * M15.ms
        closed(clock, until_ms)
        if bar == 6:
            catch_up = engine(settings, database, feed, until_ms)
        revised += sum((await catch_up.to(until_ms)).revised.values())
    steps = (*shares, 1.0)
    looks = [min(last - bar, 3, len(shares)) for bar in range(1, last + 1)]
    changes = [sum(a != b for a, b in pairwise(steps[: look + 1])) for look in looks]
    assert revised == len(SYMBOLS) * sum(changes)
    first = {symbol: [at_age(each, 0) for each in series] for symbol, series in truth.items()}
    assert contents(database) == undisturbed(settings, first, until_ms)
    now = SqlCandleArchive(database, M15).read("BTCUSDT", START, until_ms, revised=True)
    true = [each for each in truth["BTCUSDT"] if START <= each.open_ms <= until_ms]
    assert now[1:] == [at_age(each, look) for each, look in zip(true[1:], looks, strict=True)]
