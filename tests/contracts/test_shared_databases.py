"""Several engines, and several models of one, on one database: nobody continues another's rows."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import text

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.commit_history import SqlCommitHistory
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.paper_tape import SqlPaperTape
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.engine_key import BINANCE_SPOT, EngineKey
from crypto_bot.domain.errors import ConfigError, StoreError
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.paper_report import EquityPoint, Refusal
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Pred, Role, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Commit, Gap, PaperWrites, StoredSignal
from tests.contracts.made_calls import H1, outcome
from tests.domain.paper_accounts import T0, TF_MS, D
from tests.engine.paper.paper_world import candle, made

M15 = Timeframe.parse("15m")
KRAKEN = EngineKey.of("kraken", "spot")


@pytest.mark.parametrize(
    "key", [KRAKEN, EngineKey.of("binance", "swap"), EngineKey.of("sim", "spot")]
)
def test_an_engine_continues_nothing_of_another_market(database: Database, key: EngineKey) -> None:
    store = SqlPredictionStore(database, M15)
    assert store.first_bar(T0) == T0
    archive = SqlCandleArchive(database, M15)
    gap = Gap("AUSDT", T0 + TF_MS)
    archive.add({"AUSDT": [candle(0, 1, 2, 0.5, 1.5)]}, [gap])
    calls = [made("AUSDT", 0), made("AUSDT", 1)]
    store.commit(calls, [outcome(calls[0])])
    event = Event("main:0", "main", 0, T0, Kind.DEPOSIT, D(1), amount=D(1))
    point = EquityPoint(T0, D(1), D(1))
    refusal = Refusal("main", calls[0].signal.id, T0, "late", "it came late")
    SqlPaperStore(database, M15).write(
        [PaperWrites("main", [event], [], [refusal], [(point, D(1))], {"AUSDT": T0})]
    )

    other = database.of(key)
    store, archive = SqlPredictionStore(other, M15), SqlCandleArchive(other, M15)
    queries, tape, paper = (
        SqlPredictionQueries(other, M15),
        SqlPaperTape(other, M15),
        SqlPaperStore(other, M15),
    )
    read: list[object] = [
        archive.read("AUSDT", 0, T0 * 2),
        archive.gaps(0),
        archive.newest_opens(),
        store.newest_opens(),
        store.unsettled(),
        store.settled_since(0),
        store.tallies(),
        queries.candles("AUSDT", 9),
        queries.latest_predictions(),
        queries.log_page(LogFilter(), None, 9),
        queries.performance_rows(None, None, None),
        queries.resolved_calls(0, T0 * 2),
        SqlCommitHistory(other, M15).commits(0, 99, 99),
        tape.first_ms(),
        tape.ready_ms(["AUSDT"], 2),
        tape.candles(["AUSDT"], 0, T0 * 2),
        list(paper.events("main")),
        paper.points("main"),
        paper.refusals("main", 9),
        paper.seen("main"),
        paper.refused("main"),
    ]
    assert not any(read)

    # What it stores under the same ids lies beside the first, and leaves it as it was.
    assert store.first_bar(T0 + TF_MS) == T0 + TF_MS
    archive.add({"AUSDT": [candle(0, 7, 8, 6, 7)]})
    short = made("AUSDT", 0, Pred.SHORT)
    store.commit([short], [outcome(short)])
    paper.write([PaperWrites("main", [event._replace(cash=D(5))], [], [], [], {})])
    assert [(row.n, row.hits) for row in queries.performance_rows(None, None, None)] == [(1, 0)]
    assert archive.newest_opens() == {"AUSDT": T0}, "no gap of the other market"
    first = SqlPredictionQueries(database, M15)
    assert [line.stored for line in first.log_page(LogFilter(), None, 9)] == calls[::-1]
    assert [(row.n, row.hits) for row in first.performance_rows(None, None, None)] == [(1, 1)]
    assert first.candles("AUSDT", 9) == [candle(0, 1, 2, 0.5, 1.5)]
    assert list(SqlPaperStore(database, M15).events("main")) == [event]
    assert SqlPredictionStore(database, M15).first_bar(0) == T0
    assert SqlPredictionStore(database, H1).first_bar(0) == 0, "each timeframe has its own"


def test_one_name_for_two_markets_is_refused(database: Database) -> None:
    SqlPredictionStore(database, M15).first_bar(T0)
    other = database.of(EngineKey.of("kraken", "spot", BINANCE_SPOT.name))
    with pytest.raises(
        ConfigError, match=r"engine binance-spot .* runs on binance spot, not on kr"
    ):
        SqlPredictionStore(other, M15).first_bar(T0)


def beside(champion: StoredSignal, role: Role, version: str = "deep+1") -> StoredSignal:
    """What another model says of the same candle, over classes of its own."""
    signal = champion.signal._replace(
        role=role,
        source=Source.ML_PER_COIN_V1,
        model_version=version,
        distribution=Distribution(("down", "flat", "up", "far up"), (0.1, 0.2, 0.3, 0.4)),
        horizon_bars=96,
    )
    return champion._replace(signal=signal)


def test_what_other_roles_predict_is_stored_and_settled_beside_the_served(
    database: Database,
) -> None:
    observed: list[Commit] = []
    store = SqlPredictionStore(database, M15, observed.append)
    served = [made("AUSDT", 0), made("AUSDT", 1)]
    others = [
        beside(served[0], Role.SHADOW),
        beside(served[0], Role.CHALLENGER),
        beside(served[0], Role.SHADOW, "deep+2"),
        beside(served[1]._replace(signal=made("AUSDT", 5).signal), Role.SHADOW),
    ]
    assert [each.signal.id for each in (served[0], *others[:2])] == [
        f"AUSDT:15m:{T0}",
        f"AUSDT:15m:{T0}:96b:deep+1:shadow",
        f"AUSDT:15m:{T0}:96b:deep+1:challenger",
    ]
    store.commit([*served, *others], [])
    assert {signal.id: signal for signal in store.unsettled()} == {
        each.signal.id: each.signal for each in [*served, *others]
    }

    outcomes = [outcome(each) for each in (served[0], *others[:3])]
    store.commit([], outcomes)
    assert {s.id for s in store.unsettled()} == {e.signal.id for e in (served[1], others[3])}
    store.commit([others[0]], [outcomes[1]])  # again: nothing changes

    queries, history = SqlPredictionQueries(database, M15), SqlCommitHistory(database, M15)
    log = queries.log_page(LogFilter(), None, 9)
    assert [(line.stored, line.outcome) for line in log] == [
        (served[1], None),
        (served[0], outcomes[0]),
    ]
    assert queries.latest_predictions() == [served[1]]
    assert queries.latest_prediction("AUSDT") == served[1]
    assert store.newest_opens() == {"AUSDT": T0 + TF_MS}
    assert store.tallies() == {(Source.RSI_MA, "AUSDT"): Tally(1, 1, 0)}
    assert [each.tally for each in store.settled_since(0)] == [Tally(1, 1, 0)]
    assert store.model_calls("AUSDT", "deep+1", 0) == []
    assert [row.n for row in queries.performance_rows(None, None, None)] == [1]
    assert [row.n for row in queries.performance_rows(None, None, T0 + 1)] == []
    assert [row.n for row in queries.performance_rows(None, None, T0 - 1)] == [1]
    assert len(queries.resolved_calls(0, T0 * 2)) == 1
    assert queries.oldest_open(0) == T0 + TF_MS
    assert SqlPaperTape(database, M15).trades(0, T0 * 2) == served
    first, second, _ = observed
    assert history.commits(0, history.newest(), 99) == [first, second]
    assert first == Commit(1, served, [])
    assert second == Commit(2, [], outcomes[:1])


def test_one_engine_at_a_time(shared_url: str) -> None:
    first, second = Database.open(shared_url), Database.open(shared_url)
    first.lock()
    with pytest.raises(ConfigError, match=rf"another engine \(pid {os.getpid()}\) already runs"):
        second.lock()
    first.close()
    second.lock()
    second.close()


def test_an_engine_that_lost_its_session_stores_nothing_more(shared_url: str) -> None:
    if not shared_url.startswith("postgresql"):
        pytest.skip("the lock of SQLite is no session")
    engine, other = Database.open(shared_url, as_engine=True), Database.open(shared_url)
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name"
    with other.writing() as connection:
        connection.execute(text(query), {"name": f"crypto_bot {os.getpid()}"})
    with pytest.raises(StoreError, match=r"was lost.*start this one again"), engine.writing():
        pass
    other.lock()
    for each in (engine, other):
        each.close()
