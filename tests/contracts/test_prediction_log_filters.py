"""What every database must answer to the filters of the log and to the page's sums."""

from __future__ import annotations

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Levels, Pred, Probabilities, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import LogPosition, StoredSignal

M15 = Timeframe.parse("15m")
T0 = 1_764_547_200_000  # midnight UTC
SHARES = Probabilities(0.2, 0.3, 0.5)


def stored(
    bar: int, pred: Pred = Pred.LONG, *, source: Source = Source.RSI_MA, late: bool = False
) -> StoredSignal:
    signal = Signal(
        symbol="BTCUSDT",
        tf=M15.name,
        candle_open_ms=T0 + bar * M15.ms,
        pred=pred,
        confidence=0.5,
        distribution=SHARES.distribution,
        source=source,
        levels=Levels(100.0),
        atr=1.0,
        horizon_bars=16,
        reasons=(),
    )
    return StoredSignal(signal, signal.candle_open_ms + M15.ms, late)


def ended(of: StoredSignal, status: Status, label: Pred | None, bps: float = 0.0) -> Outcome:
    correct = None if label is None else label is of.signal.pred
    return Outcome(of.signal.id, T0 + DAY_MS, status, 100.0, bps, 0.0, 0.0, label, label, correct)


TARGET, STOP, EXPIRED, OPEN = stored(0), stored(1), stored(2), stored(3)
QUIET_RIGHT, QUIET_WRONG = stored(4, Pred.NO_TRADE), stored(5, Pred.NO_TRADE)
QUIET_OPEN = stored(6, Pred.NO_TRADE)
ALL = [TARGET, STOP, EXPIRED, OPEN, QUIET_RIGHT, QUIET_WRONG, QUIET_OPEN]
OUTCOMES = [
    ended(TARGET, Status.TP2, Pred.LONG, 50.0),
    ended(STOP, Status.SL, Pred.SHORT, -40.0),
    ended(EXPIRED, Status.EXPIRED, Pred.NO_TRADE, 5.0),
    ended(QUIET_RIGHT, Status.EXPIRED, Pred.NO_TRADE),
    ended(QUIET_WRONG, Status.EXPIRED, Pred.LONG),
]


@pytest.fixture
def queries(database: Database) -> SqlPredictionQueries:
    SqlPredictionStore(database, M15).commit(ALL, OUTCOMES)
    return SqlPredictionQueries(database, M15)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Ended.TRADE, [EXPIRED, STOP, TARGET]),
        (Ended.TARGET, [TARGET]),
        (Ended.STOP, [STOP]),
        (Ended.EXPIRED, [EXPIRED]),
        (Ended.OPEN, [OPEN]),
        (Ended.RIGHT, [QUIET_RIGHT, TARGET]),
        (Ended.WRONG, [QUIET_WRONG, EXPIRED, STOP]),
        (None, ALL[::-1]),
    ],
)
def test_the_log_by_result(
    queries: SqlPredictionQueries, wanted: Ended | None, found: list[StoredSignal]
) -> None:
    page = queries.log_page(LogFilter(ended=wanted), None, 10)
    assert [line.stored for line in page] == found


def test_the_log_between_two_times_and_on_from_a_line(queries: SqlPredictionQueries) -> None:
    wanted = LogFilter(since_ms=T0 + M15.ms, until_ms=T0 + 4 * M15.ms)
    page = queries.log_page(wanted, None, 10)
    assert [line.stored for line in page] == [OPEN, EXPIRED, STOP]
    after = queries.log_page(wanted, LogPosition(T0 + 3 * M15.ms, "BTCUSDT"), 1)
    assert [line.stored for line in after] == [EXPIRED]
