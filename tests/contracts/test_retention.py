"""Old predictions go, in every database; nothing that follows from them does."""

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.store.retention import Retention
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Pred, Role, Source
from tests.contracts.made_calls import H1, M15, T0, outcome, stored

DAYS, BEFORE_MS = 6, T0 + 2 * DAY_MS + 7 * M15.ms


def filled(database: Database) -> None:
    """Days of calls that are right, wrong and open, of two roles."""
    store = SqlPredictionStore(database, M15)
    for bar in range(0, DAYS * 96, 5):
        calls = [
            stored("BTCUSDT", bar),
            stored("ETHUSDT", bar, source=Source.MOMENTUM, pred=Pred.SHORT),
            stored("BTCUSDT", bar, role=Role.SHADOW),
        ]
        store.commit(calls, [outcome(calls[0]), outcome(calls[2])] if bar % 2 else [])


def test_old_predictions_are_deleted_and_the_record_stays(database: Database) -> None:
    kraken = database.of(EngineKey.of("kraken", "spot"))
    for each in (database, kraken):
        filled(each)
    hourly = SqlPredictionStore(database, H1)
    hourly.commit([stored(timeframe=H1)], [])
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    tallies, days = store.tallies(), queries.performance_rows(None, None, None)
    recent = store.settled_since(BEFORE_MS + DAY_MS)
    assert sum(tally.n for tally in tallies.values()) > 50
    retention = Retention(database, M15)
    bars = range(0, (BEFORE_MS - T0) // M15.ms, 5)
    assert retention.delete_before(BEFORE_MS) == 3 * len(bars)
    assert retention.delete_before(BEFORE_MS) == 0
    assert store.tallies() == tallies
    assert store.settled_since(BEFORE_MS + DAY_MS) == recent
    assert queries.performance_rows(None, None, None) == days
    left = [line.stored.signal for line in queries.log_page(LogFilter(), None, 10**6)]
    assert min(each.candle_open_ms for each in left) == store.oldest_open() == T0 + 200 * M15.ms
    assert all(each.candle_open_ms >= BEFORE_MS for each in store.unsettled())
    assert hourly.newest_opens() == {"BTCUSDT": T0}
    assert SqlPredictionStore(kraken, M15).oldest_open() == T0
    # What is deleted later is added to what was.
    assert retention.delete_before(T0 + DAYS * DAY_MS) > 0
    assert (store.tallies(), store.oldest_open()) == (tallies, None)
