"""What every database must do for the paper accounts."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.paper_tables import paper_equity, paper_events, paper_trades
from crypto_bot.adapters.store.paper_tape import SqlPaperTape
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.ledger import Event, Kind, Target, Terms
from crypto_bot.domain.paper_report import ClosedTrade, EquityPoint, KillSwitch, Refusal
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Gap, PaperWrites
from tests.domain.paper_accounts import T0, TF_MS, D
from tests.engine.paper.paper_world import candle, made

M15, H1 = Timeframe.parse("15m"), Timeframe.parse("1h")


def event(number: int = 0, **changed: object) -> Event:
    made_ = Event(f"main:{number}", "main", number, T0, Kind.DEPOSIT, D("1.10"), amount=D("1.10"))
    return made_._replace(**changed)  # type: ignore[arg-type]


def refusal(number: int, rule: str = "late") -> Refusal:
    return Refusal("main", f"BTCUSDT:15m:{number}", T0 + number, rule, "it came late")


def writes(**of: object) -> PaperWrites:
    empty = PaperWrites("main", [], [], [], [], {})
    return empty._replace(**of)  # type: ignore[arg-type]


decimals = st.decimals(allow_nan=False, allow_infinity=False)
numbers = st.integers(0, 2**52)
terms = st.builds(
    Terms,
    decimals,
    st.lists(st.builds(Target, decimals, decimals), max_size=3).map(tuple),
    numbers,
    decimals,
    st.sampled_from(Source),
)
events = st.builds(
    Event,
    id=st.just("main:0"),
    account=st.just("main"),
    seq=st.just(0),
    at_ms=numbers,
    kind=st.sampled_from(Kind),
    cash=decimals,
    symbol=st.none() | st.just("BTCUSDT"),
    prediction_id=st.none() | st.just("p"),
    side=st.none() | st.sampled_from(Pred),
    reason=st.none() | st.just("TP1"),
    price=decimals,
    amount=decimals,
    fee=decimals,
    terms=st.none() | terms,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events)
def test_an_event_comes_back_to_the_last_digit(database: Database, of: Event) -> None:
    with database.writing() as connection:
        connection.execute(paper_events.delete())
    store = SqlPaperStore(database, M15)
    store.write([writes(events=[of])])
    (found,) = store.events("main")
    assert found == of
    assert repr(found) == repr(of), "1.10 is not 1.1"


def test_the_ledger_never_changes_and_keeps_its_order(database: Database) -> None:
    store = SqlPaperStore(database, M15)
    store.write([writes(events=[event(1), event(0), event(2)])])
    store.write([writes(events=[event(1, cash=D(9), amount=D(9))])])
    assert list(store.events("main")) == [event(0), event(1), event(2)]
    assert list(store.events("other")) == []
    assert list(SqlPaperStore(database, H1).events("main")) == []
    # Two events of one number are refused, with all that is written beside them.
    with pytest.raises(StoreError, match="failed"):
        store.write([writes(events=[event(3), event(0, id="another")], refusals=[refusal(1)])])
    assert list(store.events("main")) == [event(0), event(1), event(2)]
    assert store.refusals("main", 10) == []


def test_refusals_points_and_what_was_seen(database: Database) -> None:
    store = SqlPaperStore(database, M15)
    point = EquityPoint(T0, D("10000.10"), D("9999"))
    store.write([writes(refusals=[refusal(1), refusal(2, "size")], points=[(point, D(5))])])
    later = writes(refusals=[refusal(3), refusal(1, "size")], seen={"BTCUSDT": T0, "ETHUSDT": T0})
    store.write([later, writes(seen={"BTCUSDT": T0 + TF_MS}, points=[(point, D(6))])])
    assert store.refusals("main", 2) == [refusal(3), refusal(2, "size")]
    assert store.refused("main") == {"late": 2, "size": 1}
    assert store.points("main") == [point]
    assert store.seen("main") == {"BTCUSDT": T0 + TF_MS, "ETHUSDT": T0}
    with database.reading() as connection:
        assert connection.execute(select(paper_equity.c.cash)).scalar_one() == "5"


def test_a_closed_trade_has_a_row(database: Database) -> None:
    trade = ClosedTrade(
        symbol="BTCUSDT",
        side=Pred.LONG,
        amount=D("0.10"),
        entry=D("91234.5"),
        entry_ms=T0,
        exit=D("91300"),
        exit_ms=T0 + 1,
        reason="TP3",
        gross=D("6.55"),
        fees=D("1.2"),
        funding=D("-0.1"),
        net=D("5.25"),
        r=0.4,
        prediction_id="p",
        source=Source.RSI_MA,
    )
    SqlPaperStore(database, M15).write([writes(trades=[trade]), writes(trades=[trade])])
    with database.reading() as connection:
        (row,) = connection.execute(select(paper_trades)).all()
    row_values = row._asdict()
    assert [row_values.pop(name) for name in ("engine", "account", "tf")] == [
        *(database.engine_id, "main", "15m")
    ]
    assert row_values == {name: _plain(getattr(trade, name)) for name in ClosedTrade.__slots__}


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def test_the_kill_switch_is_a_log(database: Database) -> None:
    store = SqlPaperStore(database, M15)
    assert store.kill_switch() == KillSwitch(on=False)
    assert store.resumed_ms() is None
    stop = KillSwitch(on=True, since_ms=T0, by="page", reason="too hot")
    store.switch(stop, T0)
    assert store.kill_switch() == stop
    assert SqlPaperStore(database, H1).kill_switch() == stop, "of all accounts"
    store.switch(KillSwitch(on=False, by="command"), T0 + 5)
    assert store.kill_switch() == KillSwitch(on=False, since_ms=T0 + 5, by="command")
    assert store.resumed_ms() == T0 + 5


def test_the_tape_shows_trades_and_candles(database: Database) -> None:
    tape = SqlPaperTape(database, M15)
    assert tape.first_ms() is None
    store = SqlPredictionStore(database, M15)
    calls = [made("BUSDT", 1, Pred.SHORT), made("AUSDT", 1), made("AUSDT", 2)]
    store.commit([*calls, made("BUSDT", 0, Pred.NO_TRADE)], [])
    assert tape.first_ms() == T0
    assert tape.trades(T0, T0 + TF_MS) == [calls[1], calls[0]]
    series = [candle(bar, 1, 2, 0.5, 1.5) for bar in range(3)]
    SqlCandleArchive(database, M15).add({"AUSDT": series, "BUSDT": series[:1], "CUSDT": series})
    assert tape.candles(["AUSDT", "BUSDT"], T0, T0 + TF_MS) == {
        "AUSDT": series[:2],
        "BUSDT": series[:1],
    }


def test_a_bar_is_ready_when_every_coin_has_its_signal_or_a_gap(database: Database) -> None:
    store, archive = SqlPredictionStore(database, M15), SqlCandleArchive(database, M15)
    tape = SqlPaperTape(database, M15)

    def ready(patience: int = 2) -> int | None:
        found = tape.ready_ms(["AUSDT", "BUSDT"], patience)
        return None if found is None else (found - T0) // TF_MS

    def come(symbol: str, *bars: int) -> None:
        archive.add({symbol: [candle(bar, 1, 1, 1, 1) for bar in bars]})
        store.commit([made(symbol, bar, Pred.NO_TRADE) for bar in bars], [])

    assert ready() is None
    come("AUSDT", 0, 1)
    come("CUSDT", 0)  # not asked for
    assert ready() is None, "nothing is known of the other"
    come("BUSDT", 0)
    assert ready() == 0
    archive.add({}, [Gap("BUSDT", T0 + TF_MS)])
    assert ready() == 1
    come("AUSDT", 2)
    archive.add({"BUSDT": [candle(2, 1, 1, 1, 1)]})
    assert ready() == 0, "a candle of it waits for its signal"
    come("AUSDT", 3)
    assert ready() == 3, "it is further behind than the patience"
    assert ready(3) == 0
