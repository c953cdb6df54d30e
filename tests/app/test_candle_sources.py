"""Whatever an exchange or a file gives, the store holds sound, closed candles of that coin."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, starmap
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.bad_rows import BadRows
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.candle_transfer import ImportReport, Rules, import_folder
from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.candle import Candle, faults
from crypto_bot.domain.errors import MarketDataError
from crypto_bot.domain.plausibility import distance
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.candle_intake import CandleIntake
from crypto_bot.engine.revisions import Revisions
from simulated_exchange.generated import GeneratedMarket
from tests.adapters.exchange.conftest import HandClock

TF = Timeframe.parse("15m")
T0 = 1_764_547_200_000
COIN, OTHER = "ETHUSDT", "BTCUSDT"
BEFORE, ROUNDS = 100, 4
MARKET = GeneratedMarket((COIN, OTHER), TF.ms, seed=3)
TRUTH: dict[str, dict[int, Candle]] = {
    coin: {
        each.open_ms: each
        for each in starmap(
            Candle, MARKET.candles(coin, T0 - BEFORE * TF.ms, T0 + 2 * ROUNDS * TF.ms)
        )
    }
    for coin in (COIN, OTHER)
}
NOTHING: tuple[object, ...] = (None, "NaN", "", "x", "-1", "0", "1e400", [])


class Wrong(NamedTuple):
    """What is wrong with a reply; numbers count its rows from the newest, which is the open one."""

    unit: float = 1.0
    shift_ms: int = 0
    order: str = "sorted"
    twice: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    foreign: tuple[int, ...] = ()
    """Rows with the prices of another coin."""
    all_foreign: bool = False
    """Also its ticker, as long as any of the turns is."""
    empty: bool = False
    volume: float = 1.0
    values: Mapping[int, tuple[int, object]] = {}
    """By row: the column, and what stands there."""

    def applied(self, rows: list[list[Any]]) -> list[list[Any]]:
        """`rows`, ascending, as this reply or file has them."""
        found: list[list[Any]] = []
        if self.empty:
            return found
        for number, (open_ms, *prices, volume) in zip(range(len(rows))[::-1], rows, strict=True):
            is_foreign = number in self.foreign or self.all_foreign
            row = [open_ms, *(TRUTH[OTHER][open_ms][1:5] if is_foreign else prices)]
            row.append(volume * self.volume)
            if number in self.values:
                column, value = self.values[number]
                row[column] = value
            row[0] = int((open_ms + self.shift_ms) * self.unit)
            found += [row] * ((number not in self.lost) + (number in self.twice))
        if self.order == "newest first":
            return found[::-1]
        return found[1:] + found[:1] if self.order == "mixed" else found


_few = st.sets(st.integers(0, 7), max_size=2).map(lambda found: tuple(sorted(found)))
WRONGS = st.builds(
    Wrong,
    unit=st.sampled_from([1.0] * 12 + [0.001, 1000.0, 1e6]),
    shift_ms=st.sampled_from([0] * 12 + [1, TF.ms // 2, 40 * TF.ms]),
    order=st.sampled_from(["sorted"] * 3 + ["newest first", "mixed"]),
    twice=st.one_of(st.just(()), _few),
    lost=st.one_of(st.just(()), _few),
    foreign=st.one_of(st.just(()), st.just(()), _few),
    all_foreign=st.sampled_from([False] * 5 + [True]),
    empty=st.sampled_from([False] * 7 + [True]),
    volume=st.sampled_from([1.0, 1.0, 0.5]),
    values=st.one_of(
        st.just({}),
        st.dictionaries(
            st.integers(0, 7),
            st.tuples(st.integers(1, 5), st.sampled_from(NOTHING)),
            max_size=2,
        ),
    ),
)

FOREIGN = Wrong(all_foreign=True)


def require_true(found: Sequence[Candle], now_ms: int) -> None:
    """Sound, closed, on the grid, and of that coin."""
    assert faults(found, TF) == []
    for candle in found:
        assert candle.open_ms + TF.ms <= now_ms
        true = TRUTH[COIN][candle.open_ms]
        assert max(map(distance, candle[1:5], true[1:5])) < 1e-6, candle
        assert candle.volume in {true.volume, true.volume / 2, 0.0}


class Exchange:
    """Replies as ccxt receives them; all that it does with them is real."""

    def __init__(self) -> None:
        self.clock = HandClock(T0)
        self.wrong(Wrong())
        self.feed = CcxtFeed(Line("binance", self.clock, max_attempts=2), TF)

    async def open(self) -> None:
        client = await self.feed.line.reach()
        client._ccxt.fetch = self._fetch  # the last step before the network
        await self.feed.open([COIN, OTHER])

    def wrong(self, *wrongs: Wrong) -> None:
        """From now on the replies with candles have these faults by turns."""
        self._wrongs, self._turns = wrongs, cycle(wrongs)

    async def _fetch(self, url: str, *_rest: Any, **_options: Any) -> Any:
        path, _, query = url.partition("?")
        asked = dict(each.split("=") for each in query.split("&") if each)
        if path.endswith("exchangeInfo"):
            return {"symbols": [self._listed(coin) for coin in TRUTH]}
        last_ms = TF.open_of(self.clock.at_ms)
        if "ticker" in path:
            ticker = OTHER if any(each.all_foreign for each in self._wrongs) else COIN
            return {"symbol": COIN, "lastPrice": str(TRUTH[ticker][last_ms].open)}
        since_ms = int(asked.get("startTime", T0))
        opens = range(since_ms, last_ms + 1, TF.ms)[: int(asked["limit"])]
        return next(self._turns).applied([list(TRUTH[COIN][at]) for at in opens])

    def _listed(self, coin: str) -> dict[str, Any]:
        entry = {"symbol": coin, "baseAsset": coin[:3], "quoteAsset": "USDT", "filters": []}
        return entry | {"status": "TRADING", "permissionSets": [["SPOT"]]}


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def exchange(runner: asyncio.Runner) -> Iterator[Exchange]:
    made = Exchange()
    runner.run(made.open())
    yield made
    runner.run(made.feed.close())


@pytest.fixture(scope="module")
def archive() -> Iterator[SqlCandleArchive]:
    database = Database.open("sqlite://")
    yield SqlCandleArchive(database, TF)
    database.close()


async def round_of(
    exchange: Exchange, archive: SqlCandleArchive, intake: CandleIntake, bar: int
) -> str | None:
    """As the engine brings the coin up to date; why it is not, where that is so."""
    exchange.clock.at_ms = T0 + bar * TF.ms + 1_000
    until_ms = T0 + (bar - 1) * TF.ms
    since_ms = archive.newest_opens()[COIN] + TF.ms
    if since_ms > until_ms:
        return None
    try:
        arrived = await intake.collect(COIN, since_ms, until_ms)
    except MarketDataError as error:
        return str(error)
    archive.add({COIN: arrived.candles}, arrived.gaps)
    intake.judge.learn(COIN, arrived.candles)
    revisions = Revisions(archive, exchange.clock)
    revisions.take({COIN: arrived})
    revisions.store()
    return None if arrived.complete else arrived.why or f"{COIN} is late"


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.lists(WRONGS, min_size=1, max_size=3), min_size=ROUNDS, max_size=ROUNDS))
@example([[FOREIGN]] * 2 + [[Wrong(empty=True), FOREIGN]] * 2)
def test_of_an_exchange_only_its_true_candles_are_stored(
    runner: asyncio.Runner, exchange: Exchange, archive: SqlCandleArchive, rounds: list[list[Wrong]]
) -> None:
    exchange.feed.line.bad_rows = BadRows()
    archive.remove(COIN, range(T0 - BEFORE * TF.ms, T0 + 2 * ROUNDS * TF.ms, TF.ms))
    past = [each for at, each in TRUTH[COIN].items() if at < T0]
    archive.add({COIN: past})
    intake = CandleIntake(TF, exchange.feed, exchange.clock, grace_ms=0, poll_ms=1_000)
    intake.judge.learn(COIN, past)
    with capture_logs() as events:
        for bar, wrongs in enumerate(rounds, start=1):
            exchange.wrong(*wrongs)
            why = runner.run(round_of(exchange, archive, intake, bar))
            assert why is None or COIN in why, "every refusal is named"
            for revised in (False, True):
                require_true(archive.read(COIN, 0, EVER_MS, revised=revised), exchange.clock.at_ms)
        exchange.wrong(Wrong())
        assert runner.run(round_of(exchange, archive, intake, ROUNDS + 1)) is None
    stored = archive.read(COIN, T0, EVER_MS, revised=True)
    gaps = {gap.open_ms for gap in archive.gaps(0)}
    opens = {each.open_ms for each in stored}
    assert opens | gaps == {T0 + bar * TF.ms for bar in range(ROUNDS + 1)}
    assert gaps <= {event.get("open_ms") for event in events} | _excused(rounds)


def _excused(rounds: Sequence[Sequence[Wrong]]) -> set[int]:
    """Candles that a reply did not have, or had with the prices of another coin."""
    return {
        T0 + (bar - number) * TF.ms
        for bar, wrongs in enumerate(rounds, start=1)
        for wrong in wrongs
        for number in (*wrong.lost, *wrong.foreign)
    }


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(WRONGS, min_size=1, max_size=2), st.booleans())
@example([Wrong(twice=(2,), foreign=(2,))], True)  # a foreign row that is there twice
def test_of_a_file_only_true_candles_are_stored(
    tmp_path_factory: pytest.TempPathFactory,
    archive: SqlCandleArchive,
    wrongs: list[Wrong],
    skip_bad: bool,
) -> None:
    """With two, the halves of the file differ, also in their unit."""
    archive.remove(COIN, range(T0 - BEFORE * TF.ms, T0 + 2 * ROUNDS * TF.ms, TF.ms))
    archive.add({COIN: [each for at, each in TRUTH[COIN].items() if at < T0]})
    now_ms = T0 + 2 * ROUNDS * TF.ms + 1_000
    rows = [list(each) for at, each in sorted(TRUTH[COIN].items()) if at >= T0]
    parts = [rows] if len(wrongs) == 1 else [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    given_ = [row for wrong, part in zip(wrongs, parts, strict=True) for row in wrong.applied(part)]
    path = tmp_path_factory.getbasetemp() / f"{COIN}.csv"
    lines = (",".join("" if cell is None else str(cell) for cell in row) for row in given_)
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    (report,) = import_folder(archive, Path(path), TF, None, Rules(now_ms, skip_bad=skip_bad))
    require_true(archive.read(COIN, 0, EVER_MS), now_ms)
    if wrongs == [Wrong()]:
        assert report.stored == len(rows) - 1
    if report.stored < report.rows or report.problem is not None:
        assert refusal(report), "every refusal is named"


def refusal(report: ImportReport) -> str:
    kinds = [f"{fault.count} x {fault.kind}" for fault in report.faults]
    return report.problem or ", ".join(kinds)
