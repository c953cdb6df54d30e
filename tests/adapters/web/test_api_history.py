"""The prediction log page by page, live performance, candles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.web.filters import parse_instant, parse_position, position_text
from crypto_bot.domain.instant import instant
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import LogPosition
from tests.adapters.web.conftest import make_outcome, make_signal


@pytest.fixture
def log(store: SqlPredictionStore) -> None:
    """Five candles of two coins; ETH always holds; the first BTC trade is settled."""
    signals = []
    for bar in range(5):
        signals.append(make_signal("BTCUSDT", bar))
        signals.append(make_signal("ETHUSDT", bar, Pred.NO_TRADE))
    store.commit(signals, [make_outcome(signals[0])])


@pytest.mark.usefixtures("log")
async def test_every_line_appears_once_for_any_page_size(api: httpx.AsyncClient) -> None:
    whole = (await api.get("/api/signals")).json()
    lines = whole["signals"]
    assert (whole["count"], whole["next_cursor"]) == (10, None)
    places = [(line["candle_open_ms"], line["symbol"]) for line in lines]
    assert places == sorted(places, reverse=True)
    (settled,) = [line for line in lines if line["outcome"] is not None]
    assert settled["outcome"]["prediction_id"] == settled["id"]
    for limit in (1, 3, 5, 9):
        paged: list[str] = []
        query = {"limit": str(limit)}
        while "cursor" not in query or query["cursor"] is not None:
            page = (await api.get("/api/signals", params=query)).json()
            paged += page["signals"]
            query["cursor"] = page["next_cursor"]
        assert paged == lines


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"source": "HOLD"}, 5),
        ({"source": "MOMENTUM"}, 0),
        ({"symbol": "solusdt"}, 0),
        ({"since": "1764549900000"}, 4),
        ({"since": "2025-12-01T00:45:00Z"}, 4),
        ({"since": "2025-12-01T01:45:00+01:00", "source": "HOLD"}, 2),
        ({"since": "2025-12-02"}, 0),
        ({"cursor": f"{'9' * 40}:BTC"}, 10),
    ],
)
async def test_filters(api: httpx.AsyncClient, query: dict[str, str], count: int) -> None:
    answer = await api.get("/api/signals", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == count


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/signals?symbol=FOO", 404, "unknown symbol 'FOO'"),
        ("/api/signals?source=ORACLE", 422, "source: Input should be 'ML_PER_COIN_V1'"),
        ("/api/signals?limit=0", 422, "limit: Input should be greater than or equal to 1"),
        ("/api/signals?limit=1001", 422, "limit: Input should be less than or equal to 1000"),
        ("/api/signals?limit=many", 422, "limit: Input should be a valid integer"),
        ("/api/signals?cursor=x", 422, "cursor: Value error, use the next_cursor"),
        (f"/api/signals?cursor={'9' * 63}:", 422, "cursor: Value error"),
        ("/api/signals?since=yesterday", 422, "since: Value error, use a time such as"),
        (f"/api/signals?since={'9' * 5000}", 422, "since: Value error, use a time such as"),
        ("/api/signals?since=0001-01-01", 422, "since: Value error, use a time such as"),
        ("/api/signals?symbl=BTCUSDT", 422, "symbl: Extra inputs are not permitted"),
        ("/api/performance?symbol=FOO", 404, "unknown symbol 'FOO'"),
        ("/api/performance?limit=3", 422, "limit: Extra inputs are not permitted"),
        ("/api/candles/FOO", 404, "unknown symbol 'FOO'"),
        ("/api/candles/BTCUSDT?tf=7m", 422, "unknown timeframe '7m'"),
        ("/api/candles/BTCUSDT?tf=1h", 404, "runs on 15m candles, not on 1h"),
        ("/api/candles/BTCUSDT?limit=5001", 422, "limit: Input should be less than"),
        ("/api/predictions/FOO", 404, "unknown symbol 'FOO': this engine follows BTCUSDT, ETHUSDT"),
        ("/api/predictions/SOLUSDT", 404, "SOLUSDT has no signal yet: the first comes with its"),
        ("/api/models/DOGEUSDT", 404, "unknown symbol 'DOGEUSDT'"),
        ("/api/nothing", 404, "Not Found"),
    ],
)
async def test_invalid_filters_are_errors_with_a_reason(
    api: httpx.AsyncClient, path: str, status: int, words: str
) -> None:
    answer = await api.get(path)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


async def test_performance_counts_settled_signals_that_were_not_late(
    api: httpx.AsyncClient, store: SqlPredictionStore
) -> None:
    body = (await api.get("/api/performance")).json()
    assert (body["success"], body["overall"]["n"], body["by_source"]) == (True, 0, {})
    btc = [make_signal("BTCUSDT", bar) for bar in range(40)]
    eth = [make_signal("ETHUSDT", bar, Pred.NO_TRADE) for bar in range(10)]
    late = [make_signal("SOLUSDT", bar)._replace(late=True) for bar in range(5)]
    outcomes = [make_outcome(each, correct=at % 4 == 0) for at, each in enumerate(btc)]
    store.commit([*btc, *eth, *late], outcomes + [make_outcome(each) for each in late])
    body = (await api.get("/api/performance")).json()
    assert (list(body["by_source"]), list(body["by_symbol"])) == (["RSI_MA"], ["BTCUSDT"])
    record = body["by_source"]["RSI_MA"]
    low, high = record.pop("hit_rate_interval")
    assert 0 < low < 0.25 < high < 1
    expected: dict[str, float | None] = {
        "n": 40,
        "hits": 10,
        "trades": 40,
        "hit_rate": 0.25,
        "calibration_gap": 0.12,
    }
    expected |= {"mean_return_bps": -200.0, "mean_return_interval_bps": None}  # of one day alone
    assert {name: record[name] for name in expected} == pytest.approx(expected)
    few = (await api.get("/api/performance?since=2025-12-01T05:00:00Z")).json()["overall"]
    assert (few["n"], few["hit_rate"]) == (20, None)
    assert few["hit_rate_interval"] is not None


@pytest.mark.usefixtures("archive")
async def test_candles_are_the_newest_ascending(api: httpx.AsyncClient) -> None:
    body = (await api.get("/api/candles/btcusdt?tf=15m&limit=2")).json()
    assert (body["symbol"], body["tf"], body["count"]) == ("BTCUSDT", "15m", 2)
    assert [candle["high"] for candle in body["candles"]] == [107.0, 108.0]
    assert set(body["candles"][0]) == {"open_ms", "open", "high", "low", "close", "volume"}


async def test_a_failing_database_is_503_without_its_secrets(
    api: httpx.AsyncClient, database: Database, archive: SqlCandleArchive
) -> None:
    with database.writing() as connection:
        connection.execute(text("DROP TABLE candles"))
    answer = await api.get("/api/candles/BTCUSDT")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the database query failed; see the log"}
    assert (await api.get("/healthz")).status_code == 503  # starting: still answered


@given(st.integers(0, 253_402_300_799_999), st.sampled_from(["BTCUSDT", "1000PEPEUSDT"]))
def test_instants_and_cursors_round_trip(at_ms: int, symbol: str) -> None:
    assert parse_instant(instant(at_ms)) == parse_instant(str(at_ms)) == at_ms
    position = LogPosition(at_ms, symbol)
    assert parse_position(position_text(position)) == position


@given(st.text(max_size=80), st.sampled_from([parse_instant, parse_position]))
def test_no_text_breaks_the_parsers(text: str, parse: Callable[[str], object]) -> None:
    with suppress(ValueError):
        parse(text)
