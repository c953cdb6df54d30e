"""Files of other programs as they are brought in, and what `candles check` says of a database."""

import asyncio
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe
from tests.adapters.exchange.on_sim import set_on
from tests.app.conftest import Run
from tests.conftest import Start

pytestmark = pytest.mark.usefixtures("empty_folder")
M15 = Timeframe.parse("15m")
T = TypeVar("T")
DATABASE = ("--tf", "15m", "--database_url", "sqlite:///t.db")
HEAD = "timestamp,open,high,low,close,volume\n"


def newest_open_ms() -> int:
    """Of the candle that is being formed."""
    return M15.open_of(SystemClock().now_ms())


def write(path: Path, opens: list[int], price: float = 100.0) -> None:
    path.parent.mkdir(exist_ok=True)
    rows = (f"{at},{price},{price + 1},{price - 1},{price},3\n" for at in opens)
    path.write_text(HEAD + "".join(rows))


def stored(read: Callable[[SqlCandleArchive], T]) -> T:
    database = Database.open("sqlite:///t.db")
    try:
        return read(SqlCandleArchive(database, M15))
    finally:
        database.close()


def rows(archive: SqlCandleArchive) -> dict[str, list[int]]:
    return {
        symbol: [each.open_ms for each in archive.read(symbol, 0, EVER_MS)]
        for symbol in archive.newest_opens()
    }


@pytest.mark.parametrize("per_ms", [1000, 10**6, 1, 0.001])
def test_a_csv_of_any_unit_is_read_but_for_its_open_candle(run: Run, per_ms: float) -> None:
    opens = [newest_open_ms() - bar * M15.ms for bar in range(20)]
    write(Path("in/BTCUSDT.csv"), [int(at * per_ms) for at in opens])  # the newest first
    code, printed = run("candles", "import", "in", *DATABASE)
    assert (code, printed) == (0, "BTCUSDT: 19 of 19 rows stored, the open candle left out\n")
    assert stored(rows) == {"BTCUSDT": opens[:0:-1]}
    assert run("candles", "check", *DATABASE)[0] == 0


def test_a_database_with_impossible_rows_is_checked_and_mended(run: Run) -> None:
    last_ms = newest_open_ms() - M15.ms
    sound = Candle(last_ms, 100.0, 101.0, 99.0, 100.0, 3.0)
    found = [sound, sound._replace(open_ms=last_ms * 1000), sound._replace(open_ms=-5)]
    stored(lambda archive: archive.add({"BTCUSDT": found, "ETHUSDT": [sound]}))
    code, printed = run("candles", "check", *DATABASE)
    assert code == 1
    assert "BTCUSDT: 2 impossible rows, the first: -5 ms is before 2009" in printed
    assert "ETHUSDT:" not in printed
    code, printed = run("candles", "check", "--remove", "1", *DATABASE)
    assert (code, stored(rows)) == (0, {"BTCUSDT": [last_ms], "ETHUSDT": [last_ms]})
    assert "Traceback" not in printed


def test_stored_candles_are_replaced_on_demand(run: Run) -> None:
    since_ms = newest_open_ms() - 400 * M15.ms
    quarters = [since_ms + bar * M15.ms for bar in range(80)]
    write(Path("a/BTCUSDT.csv"), quarters)
    assert run("candles", "import", "a", *DATABASE)[0] == 0
    write(Path("b/BTCUSDT.csv"), quarters[::4])  # hours under the name of quarters
    code, printed = run("candles", "import", "b", *DATABASE)
    assert code == 1
    assert "its candles are 60 minutes apart, not 15m" in printed
    write(Path("c/BTCUSDT.csv"), quarters[40:], price=200.0)
    code, printed = run("candles", "import", "c", *DATABASE)
    assert code == 1
    assert "would change 40 stored candles: --replace 1 does so" in printed
    code, printed = run("candles", "import", "c", "--replace", "1", *DATABASE)
    assert (code, printed) == (
        0,
        "BTCUSDT: 40 of 40 rows stored, 40 changed stored candles\n",
    )


def test_a_file_with_the_prices_of_another_coin_is_refused(run: Run) -> None:
    """By the candles before it, stored or in the file; sound rows may be taken from it."""
    opens = [newest_open_ms() - bar * M15.ms for bar in range(80, 0, -1)]
    write(Path("a/BTCUSDT.csv"), opens[:40])
    assert run("candles", "import", "a", *DATABASE)[0] == 0
    write(Path("b/BTCUSDT.csv"), opens[40:], price=3_000.0)
    code, printed = run("candles", "import", "b", *DATABASE)
    assert (code, "BTCUSDT: 40 x foreign_price, first rows 0, 1, 2" in printed) == (1, True)
    sound, foreign = Path("a/BTCUSDT.csv").read_text(), Path("b/BTCUSDT.csv").read_text()
    Path("b/BTCUSDT.csv").write_text(sound + foreign.removeprefix(HEAD))
    code, printed = run("candles", "import", "b", "--skip_bad", *DATABASE)
    assert (code, "40 of 80 rows stored" in printed) == (0, True)
    assert stored(rows) == {"BTCUSDT": opens[:40]}


def test_names_of_files_are_understood_or_refused(run: Run) -> None:
    opens = [newest_open_ms() - bar * M15.ms for bar in range(40, 0, -1)]
    write(Path("in/BTCUSDT-15m-2026-01.csv"), opens[:20])
    write(Path("in/BTCUSDT-15m-2026-02.csv"), opens[20:])
    write(Path("in/SOL_USDT-15m.csv"), opens)
    write(Path("in/ethusdt.csv"), opens)
    assert run("candles", "import", "in", *DATABASE)[0] == 0
    assert stored(rows) == {"BTCUSDT": opens, "ETHUSDT": opens, "SOLUSDT": opens}
    write(Path("in/BTCUSDT (copy).csv"), opens)
    code, printed = run("candles", "import", "in", *DATABASE)
    assert code == 1
    assert "BTCUSDT (copy).csv: no name such as BTCUSDT.csv" in printed


@pytest.fixture
def exchange(start: Start) -> str:
    """A simulated exchange in real time, which the commands take for Binance."""
    flags = ("--speed", "1", "--symbols", "BTCUSDT,ETHUSDT", "--start", str(SystemClock().now_ms()))
    return str(start("-m", "simulated_exchange", *flags).event("sim.ready")["url"])


def test_a_history_goes_back_part_by_part_and_on_where_it_was(run: Run, exchange: str) -> None:
    Path("coins.json").write_text('["BTCUSDT", "ETHUSDT"]')
    at = ("--exchange", "binance", "--exchange_url", exchange, "--symbols_file", "coins.json")
    sync = ("candles", "sync", *at, *DATABASE, "--days")
    assert run(*sync, "3")[0] == 0
    code, printed = run(*sync, "40")
    assert (code, re.findall(r"\(\d of 2\)", printed)[-2:]) == (0, ["(1 of 2)", "(2 of 2)"])
    for opens in stored(rows).values():
        assert {b - a for a, b in pairwise(opens)} == {M15.ms}
        assert len(opens) in {40 * 96 + 1, 40 * 96 + 2}  # a candle may have closed since
    assert "history" not in run(*sync, "40")[1]


def test_no_history_is_taken_that_does_not_end_in_what_is_stored(
    run: Run, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_BOT_EXCHANGE__POLL_S", "0.2")
    Path("coins.json").write_text('["BTCUSDT", "ETHUSDT"]')
    at = ("--exchange", "binance", "--exchange_url", exchange, "--symbols_file", "coins.json")
    sync = ("candles", "sync", *at, *DATABASE, "--days")
    assert run(*sync, "3")[0] == 0
    before = stored(rows)
    asyncio.run(set_on(exchange, "quirks", price_factors={"BTCUSDT": 1.5}))
    code, printed = run(*sync, "10")
    assert (code, "BTCUSDT has closed at" in printed) == (1, True), printed
    after = stored(rows)
    assert len(after["BTCUSDT"]) - len(before["BTCUSDT"]) in {0, 1}  # one may have closed since
    assert len(after["ETHUSDT"]) // 96 == 10
    asyncio.run(set_on(exchange, "quirks"))
    assert run(*sync, "10")[0] == 0
    assert {len(opens) // 96 for opens in stored(rows).values()} == {10}


def test_a_span_is_compared_with_the_exchange(run: Run, exchange: str) -> None:
    Path("coins.json").write_text('["BTCUSDT", "ETHUSDT"]')
    at = ("--exchange", "binance", "--exchange_url", exchange, "--symbols_file", "coins.json")
    sync = ("candles", "sync", *at, *DATABASE)
    assert run(*sync, "--days", "3")[0] == 0
    code, printed = run(*sync, "--verify", "--days", "1")
    assert (code, printed.count("none differs")) == (0, 2), printed
    changed_ms = newest_open_ms() - 5 * M15.ms

    def spoil(archive: SqlCandleArchive) -> None:
        (true,) = archive.read("BTCUSDT", changed_ms, changed_ms)
        archive.add({"BTCUSDT": [true._replace(volume=true.volume + 1.0)]})
        archive.remove("ETHUSDT", [changed_ms])

    stored(spoil)
    code, printed = run(*sync, "--verify", "--days", "1")
    assert code == 1
    # A candle may close meanwhile.
    assert re.search("BTCUSDT: 9[56] candles compared, 1 differ, stored as revisions", printed)
    assert re.search("ETHUSDT: 9[56] candles compared, none differs, 1 are not stored", printed)
    _, printed = run(*sync, "--verify", "--days", "1")
    assert re.search("BTCUSDT: 9[56] candles compared, none differs", printed)
