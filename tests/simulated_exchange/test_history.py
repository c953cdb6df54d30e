"""The replayed market: what the files say, gaps and all."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from crypto_bot.adapters.store.candle_files import read_candles
from simulated_exchange.config import ConfigError, SimConfig
from simulated_exchange.history import HistoryMarket
from simulated_exchange.intervals import HOUR_MS, INTERVALS
from simulated_exchange.market import Candle, Listing
from simulated_exchange.opening import open_market
from simulated_exchange.tape import Tape
from tests.real_data import real_folder

M15_MS = INTERVALS["15m"]
START_MS = 1_700_000_100_000 // HOUR_MS * HOUR_MS


def rows(*bars: int) -> list[Candle]:
    return [
        Candle(START_MS + bar * M15_MS, 10.0 + bar, 12.5 + bar, 9.0 + bar, 11.0 + bar, 3.25)
        for bar in bars
    ]


def table(candles: list[Candle]) -> pa.Table:
    columns = list(zip(*candles, strict=True))
    return pa.table(dict(zip(("timestamp", *Candle._fields[1:]), columns, strict=True)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pa.parquet.write_table(table(rows(0, 1, 2, 3, 6, 7, 8)), tmp_path / "BTCUSDT.parquet")
    pa.csv.write_csv(table(rows(*range(2, 12))), tmp_path / "ETHUSDT.csv")
    return tmp_path


def test_files_are_replayed_and_gaps_stay_gaps(folder: Path) -> None:
    market = HistoryMarket(folder, ["BTCUSDT", "ETHUSDT"])
    assert market.step_ms == M15_MS
    until_ms = START_MS + 7 * M15_MS
    assert market.candles("BTCUSDT", START_MS + M15_MS, until_ms) == rows(1, 2, 3, 6, 7)
    assert market.candles("ETHUSDT", 0, START_MS + 3 * M15_MS) == rows(2, 3)
    assert market.last("BTCUSDT", 0, START_MS + 6 * M15_MS, 2).candles() == rows(3, 6)
    assert market.listing("BTCUSDT") == Listing(0, 2)
    assert market.shared_span == (START_MS + 2 * M15_MS, START_MS + 8 * M15_MS)


def test_decimals_are_read_as_the_nearest_floats(folder: Path) -> None:
    """Arrow's own cast of a quarter of these is off by the last bit."""
    prices = [round(0.0001 * step, 4) for step in range(3_001, 3_041)]
    made = [
        Candle(START_MS + at * M15_MS, each, each, each, each, 1.1)
        for at, each in enumerate(prices)
    ]
    columns = table(made)
    for place, name in enumerate(Candle._fields[1:], 1):
        written = [Decimal(str(each[place])) for each in made]
        columns = columns.set_column(place, name, pa.array(written, pa.decimal128(18, 4)))
    pa.parquet.write_table(columns, folder / "SOLUSDT.parquet")
    market = HistoryMarket(folder, ["SOLUSDT"])
    assert market.candles("SOLUSDT", START_MS, START_MS + 40 * M15_MS) == made
    assert market.listing("SOLUSDT") == Listing(4, 1)
    assert read_candles(folder / "SOLUSDT.parquet").close.tolist() == prices


def test_a_page_reaches_over_a_gap_and_hours_are_made_of_what_is_there(folder: Path) -> None:
    tape = Tape(HistoryMarket(folder, ["BTCUSDT"]))
    late_ms = START_MS + 20 * M15_MS
    page = tape.klines(
        "BTCUSDT", M15_MS, (START_MS + 3 * M15_MS, late_ms), 2, late_ms, newest=False
    )
    assert page.candles() == rows(3, 6)
    hours = tape.klines("BTCUSDT", HOUR_MS, (0, late_ms), 10, late_ms, newest=True).candles()
    assert hours == [
        Candle(START_MS, 10.0, 15.5, 9.0, 14.0, 13.0),
        Candle(START_MS + HOUR_MS, 16.0, 19.5, 15.0, 18.0, 6.5),
        Candle(START_MS + 2 * HOUR_MS, 18.0, 20.5, 17.0, 19.0, 3.25),
    ]


def test_in_a_gap_there_is_no_open_candle_and_the_last_price_stays(folder: Path) -> None:
    tape = Tape(HistoryMarket(folder, ["BTCUSDT", "ETHUSDT"]))
    now_ms = START_MS + 4 * M15_MS + 1000
    assert tape.klines("BTCUSDT", M15_MS, (0, now_ms), 1, now_ms, newest=True).candles() == rows(3)
    assert tape.price("BTCUSDT", now_ms) == 14.0
    assert tape.price("ETHUSDT", START_MS) is None
    assert tape.book("ETHUSDT", START_MS, 5) == ([], [])


def test_the_exchange_opens_in_the_middle_of_what_the_symbols_share(folder: Path) -> None:
    config = SimConfig(symbols=("BTCUSDT", "ETHUSDT"), candles=str(folder))
    assert open_market(config, 0)[1] == START_MS + 5 * M15_MS


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SimConfig(("BTCUSDT",), candles="/no/such"), "no folder of candles at /no/such"),
        (SimConfig(("XRPUSDT",), candles="."), "no candles of XRPUSDT"),
        (SimConfig(("BTCUSDT",), "5m", candles="."), "are of 15m: 5m candles cannot be made"),
        (SimConfig(("BTCUSDT",), start_ms=START_MS * 2, candles="."), "is after the last candles"),
    ],
)
def test_what_the_folder_cannot_serve_is_refused(
    folder: Path, config: SimConfig, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=message):
        open_market(config, 0)


@pytest.mark.parametrize(
    ("spoilt", "row"),
    [
        ([*rows(0, 1), rows(2)[0]._replace(close=float("nan"))], 2),
        (rows(0, 2, 1), 2),
        (rows(0, 1, 1), 2),
        ([rows(0)[0]._replace(low=11.0), *rows(1, 2)], 0),
        ([rows(0)[0]._replace(volume=-1.0), *rows(1, 2)], 0),
    ],
)
def test_rows_that_cannot_be_true_are_refused_with_their_place(
    tmp_path: Path, spoilt: list[Candle], row: int
) -> None:
    pa.parquet.write_table(table(spoilt), tmp_path / "BTCUSDT.parquet")
    with pytest.raises(ConfigError, match=f"BTCUSDT.parquet: 1 rows .* first is row {row} "):
        HistoryMarket(tmp_path, ["BTCUSDT"])


@pytest.mark.parametrize("content", ["", "hello", "timestamp,open\n1,2\n", "a,b\n1"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "BTCUSDT.csv").write_text(content)
    with pytest.raises(ConfigError, match=r"BTCUSDT.csv is not a file of candles"):
        HistoryMarket(tmp_path, ["BTCUSDT"])


def test_real_candles_are_served_as_they_are() -> None:
    market = HistoryMarket(real_folder("candles_15m"), ["BTCUSDT", "DOTUSDT"])
    now_ms = market.shared_span[1] + M15_MS
    tape = Tape(market)
    for interval_ms in (M15_MS, HOUR_MS):
        served = tape.klines("DOTUSDT", interval_ms, (0, now_ms), 1000, now_ms, newest=True)
        truth = market.last("DOTUSDT", 0, now_ms, 1000 * interval_ms // M15_MS)
        assert served.candles() == truth.resampled(interval_ms).candles()
