"""What every database must do for the prediction log and those who read it."""

import struct
from itertools import product
from math import inf
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.store.tables import day_records as day_records_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.horizon import Horizon, Unit
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, LabelSpec
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.outcome import Outcome, Status, settle
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Declined, Levels, Pred, Probabilities, Role, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.registered import class_after
from crypto_bot.ports import (
    DayRecord,
    LoggedSignal,
    LogPosition,
    ResolvedCall,
    Settled,
    StoredSignal,
)

M15 = Timeframe.parse("15m")
H1 = Timeframe.parse("1h")
T0 = 1_764_547_200_000  # midnight UTC


def empty(database: Database, *tables: Table) -> None:
    with database.writing() as connection:
        for table in tables:
            connection.execute(table.delete())


def stored(
    symbol: str = "BTCUSDT",
    bar: int = 0,
    *,
    pred: Pred = Pred.LONG,
    source: Source = Source.RSI_MA,
    confidence: float = 0.37,
    late: bool = False,
    timeframe: Timeframe = M15,
) -> StoredSignal:
    open_ms = T0 + bar * timeframe.ms
    signal = Signal(
        symbol=symbol,
        tf=timeframe.name,
        candle_open_ms=open_ms,
        pred=pred,
        confidence=confidence,
        distribution=Probabilities(0.22, 0.41, 0.37).distribution,
        source=source,
        levels=Levels(100.0, 98.0, (102.0, 103.0, 104.0)),
        atr=1.0,
        horizon_bars=24,
        reasons=("RSI 28.1 below 30",),
        declined=(Declined(Source.ML_PER_COIN_V1, "no model"),),
        cost_bps=10.0,
    )
    return StoredSignal(signal, open_ms + timeframe.ms + 2113, late)


def outcome(of: StoredSignal, label: Pred | None = Pred.LONG, return_bps: float = 12.5) -> Outcome:
    return Outcome(
        prediction_id=of.signal.id,
        settled_ms=of.signal.candle_open_ms + 2 * M15.ms,
        status=Status.TP1,
        exit_price=102.0,
        return_bps=return_bps,
        mfe_bps=210.0,
        mae_bps=-35.0,
        label=label,
        side=label,
        correct=None if label is None else label is of.signal.pred,
    )


prices = st.floats(width=64, allow_nan=False, allow_infinity=False).filter(
    # SQLite drops the sign of a zero; PostgreSQL says that a denormal is out of range.
    lambda number: abs(number) > 1e-300
)
instants = st.integers(0, 2**52)
words = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
named = st.lists(st.tuples(words, prices), min_size=2, max_size=6).map(
    lambda pairs: Distribution(*(tuple(each) for each in zip(*pairs, strict=True)))
)
sided = st.builds(Probabilities, prices, prices, prices).map(lambda of: of.distribution)
signals = st.builds(
    Signal,
    symbol=st.sampled_from(["BTCUSDT", "1000PEPEUSDT"]),
    tf=st.just("15m"),
    candle_open_ms=instants,
    pred=st.sampled_from(Pred),
    confidence=prices,
    distribution=sided | named,
    source=st.sampled_from(Source),
    levels=st.one_of(
        st.builds(Levels, prices, st.none(), st.none()),
        st.builds(Levels, prices, prices, st.tuples(prices, prices, prices)),
    ),
    atr=st.none() | prices,
    horizon_bars=st.integers(1, 500),
    reasons=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    declined=st.lists(
        st.builds(Declined, st.sampled_from(Source), st.text(max_size=20)), max_size=3
    ).map(tuple),
    expected_bps=st.none() | prices,
    cost_bps=st.none() | prices,
    model_version=st.none() | words,
    role=st.just(Role.CHAMPION),
    engine=st.just("binance-spot"),
    label=st.none()
    | st.builds(
        *(LabelSpec, words, words),
        st.builds(Horizon, st.integers(1, 500), st.sampled_from(Unit)),
        st.tuples(prices),
    ),
)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(signals, instants, st.booleans())
def test_a_signal_comes_back_bit_for_bit(
    database: Database, signal: Signal, created_ms: int, late: bool
) -> None:
    empty(database, predictions_table)
    store = SqlPredictionStore(database, M15)
    committed = StoredSignal(signal, created_ms, late)
    store.commit([committed], [])
    (found,) = store.unsettled()
    assert found == signal
    assert bits(found) == bits(signal)
    assert SqlPredictionQueries(database, M15).latest_predictions() == [committed]


def bits(signal: Signal) -> bytes:
    numbers = [signal.confidence, *signal.distribution.probabilities, signal.levels.entry]
    numbers += signal.levels.take_profits or ()
    optional = (signal.levels.stop_loss, signal.atr, signal.expected_bps, signal.cost_bps)
    numbers += [inf if number is None else number for number in optional]
    return struct.pack(f"{len(numbers)}d", *numbers)


def test_the_log_never_changes(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    first = [stored(bar=0), stored(bar=1)]
    store.commit(first, [outcome(first[0])])
    before = queries.prediction_log(None, None, None, None, 10)
    store.commit(first, [outcome(first[0])])
    other = stored(bar=0, pred=Pred.SHORT, source=Source.HOLD, late=True)
    store.commit([other, stored(bar=1)], [outcome(other, Pred.SHORT, -99.0)])
    assert queries.prediction_log(None, None, None, None, 10) == before
    assert len(before) == 2


def test_nothing_of_a_failed_commit_is_stored(database: Database) -> None:
    store = SqlPredictionStore(database, M15)
    with pytest.raises(StoreError, match="failed"):
        store.commit([stored(bar=0)], [outcome(stored("NEVERUSDT"))])
    assert store.unsettled() == []


def test_unsettled_are_those_without_outcome_oldest_first(database: Database) -> None:
    store = SqlPredictionStore(database, M15)
    hourly = SqlPredictionStore(database, H1)
    all_of_them = [stored(s, bar) for bar in (2, 0, 1) for s in ("ETHUSDT", "BTCUSDT")]
    store.commit(all_of_them, [outcome(stored("BTCUSDT", 1), None)])
    hourly.commit([stored(bar=5, timeframe=H1)], [])
    assert [signal.id for signal in store.unsettled()] == [
        stored(s, bar).signal.id
        for s, bar in [
            ("BTCUSDT", 0),
            ("ETHUSDT", 0),
            ("ETHUSDT", 1),
            ("BTCUSDT", 2),
            ("ETHUSDT", 2),
        ]
    ]
    assert store.newest_opens() == dict.fromkeys(("BTCUSDT", "ETHUSDT"), T0 + 2 * M15.ms)
    assert hourly.newest_opens() == {"BTCUSDT": T0 + 5 * H1.ms}


def test_the_record_counts_labelled_outcomes_alone(database: Database) -> None:
    store = SqlPredictionStore(database, M15)
    calls = [stored(bar=bar) for bar in range(4)]
    held = stored("ETHUSDT", 1, pred=Pred.NO_TRADE, source=Source.HOLD, late=True)
    labels = [Pred.LONG, Pred.NO_TRADE, Pred.SHORT, None]
    outcomes = [outcome(call, label) for call, label in zip(calls, labels, strict=True)]
    store.commit([*calls, held], [*outcomes, outcome(held, Pred.NO_TRADE)])
    assert store.tallies() == {
        (Source.RSI_MA, "BTCUSDT"): Tally(3, 1, 1),
        (Source.HOLD, "ETHUSDT"): Tally(1, 1, 0),
    }
    since = store.settled_since(T0 + 3 * M15.ms)
    assert since == [
        Settled(Source.HOLD, T0 + 3 * M15.ms, Tally(1, 1, 0)),
        Settled(Source.RSI_MA, T0 + 3 * M15.ms, Tally(1, 0, 1)),
        Settled(Source.RSI_MA, T0 + 4 * M15.ms, Tally(1, 0, 0)),
    ]


def test_classes_of_other_names_are_counted_by_their_side(database: Database) -> None:
    """The label of a model has DOWN, FLAT and UP; its calls are LONG, NO_TRADE and SHORT."""
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    names = ("DOWN", "FLAT", "UP")
    spec = LabelSpec("named", "hold_atr", Horizon(3), (0.75,), names, DOWN_NEUTRAL_UP)
    steady = dict.fromkeys((1, 2, 3), (100.0, 100.1, 99.9, 100.0))
    calls, outcomes = [], []
    for bar, (pred, closes) in enumerate(product(Pred, (98.0, 100.0, 102.0))):
        made = stored(bar=4 * bar, pred=pred)
        signal = made.signal._replace(label=spec, horizon_bars=3)
        last = (100.0, max(closes, 100.1), min(closes, 99.9), closes)
        candles = [
            Candle(signal.candle_open_ms + ahead * M15.ms, *row, 1.0)
            for ahead, row in (steady | {3: last}).items()
        ]
        settled = settle(signal, candles, M15, class_after)
        assert settled is not None
        calls.append(made._replace(signal=signal))
        outcomes.append(settled)
    store.commit(calls, outcomes)
    assert [each.label for each in outcomes] == [*names] * 3
    # Of each call one is right; of the six that are LONG or SHORT two moved to neither side.
    assert store.tallies() == {(Source.RSI_MA, "BTCUSDT"): Tally(9, 3, 2)}
    assert sum(each.tally.flats for each in store.settled_since(0)) == 2
    (day,) = queries.performance_rows(None, None, None)
    assert (day.n, day.hits, day.trades) == (9, 3, 6)
    assert day.brier == pytest.approx(3 * 0.63**2 + 6 * 0.37**2)
    assert queries.performance_rows(None, None, T0 + 1)[0].n == 8
    pairs = [(each.pred, each.label) for each in queries.resolved_calls(0, T0 + DAY_MS)]
    assert pairs == list(product(("SHORT", "NO_TRADE", "LONG"), repeat=2))
    right = queries.log_page(LogFilter(ended=Ended.RIGHT), None, 20)
    wrong = queries.log_page(LogFilter(ended=Ended.WRONG), None, 20)
    assert [line.outcome.label for line in right if line.outcome] == ["UP", "FLAT", "DOWN"]
    assert len(wrong) == 6


def test_the_first_bar_stays(database: Database) -> None:
    store = SqlPredictionStore(database, M15)
    assert store.first_bar(T0) == T0
    assert store.first_bar(T0 + M15.ms) == T0
    assert SqlPredictionStore(database, H1).first_bar(T0 + H1.ms) == T0 + H1.ms


def test_latest_predictions(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    assert queries.latest_predictions() == []
    store.commit([stored("ETHUSDT", 3), stored("BTCUSDT", 2), stored("BTCUSDT", 1)], [])
    assert queries.latest_predictions() == [stored("BTCUSDT", 2), stored("ETHUSDT", 3)]
    assert queries.latest_prediction("BTCUSDT") == stored("BTCUSDT", 2)
    assert queries.latest_prediction("NEVERUSDT") is None


def test_the_log_pages_without_loss_while_it_grows(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    committed = [stored(s, bar) for bar in range(5) for s in ("AUSDT", "BUSDT", "CUSDT")]
    store.commit(committed, [outcome(committed[0])])
    seen: list[StoredSignal] = []
    position: LogPosition | None = None
    while page := queries.prediction_log(None, None, None, position, 4):
        seen += [line.stored for line in page]
        last = seen[-1].signal
        position = LogPosition(last.candle_open_ms, last.symbol)
        store.commit([stored("AUSDT", 5 + len(seen))], [])
    assert seen == committed[::-1]


def test_the_log_filters(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    held = stored("ETHUSDT", 1, source=Source.HOLD)
    store.commit([stored(bar=0), held, stored(bar=2)], [outcome(held)])

    def asked(symbol: str | None, source: Source | None, since_ms: int | None) -> list[object]:
        return [
            (line.stored, line.outcome)
            for line in queries.prediction_log(symbol, source, since_ms, None, 10)
        ]

    assert asked("BTCUSDT", None, None) == [(stored(bar=2), None), (stored(bar=0), None)]
    assert asked(None, Source.HOLD, None) == [(held, outcome(held))]
    assert asked(None, None, T0 + M15.ms) == [(stored(bar=2), None), (held, outcome(held))]
    assert asked("BTCUSDT", Source.HOLD, None) == []


def test_performance_by_day_leaves_out_late_and_unlabelled(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    per_day = DAY_MS // M15.ms
    calls = [
        stored(bar=0, confidence=0.5),
        stored(bar=1, confidence=0.25),
        stored(bar=per_day, confidence=0.5),
        stored("ETHUSDT", 0, pred=Pred.NO_TRADE, source=Source.HOLD, confidence=0.75),
    ]
    left_out = [stored(bar=2, late=True), stored(bar=3), stored(bar=4)]
    labels = [Pred.LONG, Pred.SHORT, Pred.LONG, Pred.NO_TRADE, Pred.LONG, None]
    returns = [100.0, -50.5, 10.0, 0.0, 7.0, 7.0]
    committed = [*calls, *left_out]
    store.commit(
        committed,
        [outcome(*each) for each in zip(committed[:-1], labels, returns, strict=True)],
    )
    day = T0 // DAY_MS
    btc = (Source.RSI_MA, "BTCUSDT")
    expected = [
        DayRecord(Source.HOLD, "ETHUSDT", day, 1, 1, 0, 0.0, 0.75, 0.0625),
        DayRecord(*btc, day, 2, 1, 2, 49.5, 0.75, 0.3125),
        DayRecord(*btc, day + 1, 1, 1, 1, 10.0, 0.5, 0.25),
    ]
    assert queries.performance_rows(None, None, None) == expected
    assert queries.performance_rows("ETHUSDT", None, None) == expected[:1]
    assert queries.performance_rows(None, Source.RSI_MA, None) == expected[1:]
    assert queries.performance_rows(None, None, T0 + DAY_MS) == expected[2:]


kinds = st.tuples(
    st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    st.integers(0, 300),  # candles: a little more than three days
    st.sampled_from(Pred),
    st.sampled_from([Source.RSI_MA, Source.HOLD]),
    st.booleans(),
    st.none() | st.sampled_from(Pred),
    st.sampled_from([-31.25, 0.0, 12.5]),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(kinds, max_size=40, unique_by=lambda kind: kind[:2]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6),
    st.integers(-1, 301 * M15.ms),
)
def test_the_days_add_up_to_the_log_whatever_came_twice_and_in_which_order(
    database: Database, kinds: list[Any], slices: list[tuple[int, int]], since: int
) -> None:
    empty(database, outcomes_table, predictions_table, day_records_table)
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    calls = [
        stored(symbol, bar, pred=pred, source=source, confidence=0.25, late=late)
        for symbol, bar, pred, source, late, _, _ in kinds
    ]
    settled = [
        outcome(call, *kind[5:]) for call, kind in zip(calls, kinds, strict=True) if kind[1] % 7
    ]
    store.commit(calls, [])
    for start, stop in slices:
        again = settled[start:stop]
        store.commit([], [*again, *again[:1]])
        SqlPredictionStore(database, M15).commit(calls, settled[stop:start])
    store.commit([], settled)

    log = queries.prediction_log(None, None, None, None, 1000)
    for symbol, source in product((None, "ETHUSDT"), (None, Source.HOLD)):
        for since_ms in (None, T0 + since):
            lines = [
                line
                for line in log
                if symbol in {None, line.stored.signal.symbol}
                and source in {None, line.stored.signal.source}
                and line.stored.signal.candle_open_ms >= (since_ms or 0)
            ]
            assert queries.performance_rows(symbol, source, since_ms) == added_up(lines)


def added_up(lines: list[LoggedSignal]) -> list[DayRecord]:
    """The slow way. The numbers are short binary fractions, so the order of adding is no matter."""
    days: dict[tuple[int, Source, str], list[float]] = {}
    for (signal, _, late), found in lines:
        if late or found is None or found.label is None:
            continue
        key = signal.candle_open_ms // DAY_MS, signal.source, signal.symbol
        hit = bool(found.correct)
        trade, miss = signal.pred is not Pred.NO_TRADE, signal.confidence - hit
        values = (1, hit, trade, found.return_bps, signal.confidence, miss * miss)
        sums = days.get(key, [0.0] * 6)
        days[key] = [sum_ + value for sum_, value in zip(sums, values, strict=True)]
    return [
        DayRecord(source, symbol, day, *sums)  # type: ignore[arg-type]  # whole numbers as floats
        for (day, source, symbol), sums in sorted(days.items())
    ]


def test_resolved_calls_are_the_live_labelled_ones_in_order(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    first, second = stored("ETHUSDT", bar=0), stored("BTCUSDT", bar=1, pred=Pred.SHORT)
    late, unlabelled = stored(bar=2, late=True), stored(bar=3)
    open_still, other = stored(bar=4), stored(bar=0, timeframe=H1)
    settled_ones = [second, first, late, other]
    store.commit(
        [*settled_ones, unlabelled, open_still],
        [*map(outcome, settled_ones), outcome(unlabelled, None)],
    )
    told = ResolvedCall(
        source="RSI_MA",
        symbol="ETHUSDT",
        model_version=None,
        candle_open_ms=T0,
        horizon_ms=first.signal.horizon_bars * M15.ms,
        pred="LONG",
        label="LONG",
        p_short=0.22,
        p_no_trade=0.41,
        p_long=0.37,
        return_bps=12.5,
        cost_bps=10.0,
        entry=100.0,
        stop_loss=98.0,
        atr=1.0,
    )
    next_one = told._replace(symbol="BTCUSDT", candle_open_ms=T0 + M15.ms, pred="SHORT")
    assert queries.resolved_calls(0, T0 + DAY_MS) == [told, next_one]
    assert queries.resolved_calls(T0 + 1, T0 + DAY_MS) == [next_one]
    assert queries.resolved_calls(0, T0 + M15.ms) == [told]


def test_the_oldest_open_call_waits_for_its_own_horizon(database: Database) -> None:
    """A long call among short ones, and one that lost its candles to a gap."""
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    assert queries.oldest_open(0) is None
    day = DAY_MS // M15.ms

    def lasting(bar: int, bars: int) -> StoredSignal:
        made = stored(bar=bar)
        return made._replace(signal=made.signal._replace(horizon_bars=bars))

    long, lost, newest = lasting(1, 3 * day), lasting(2, 4), lasting(3 * day, 4)
    store.commit([long, lost, newest], [])
    assert queries.oldest_open(0) == long.signal.candle_open_ms
    assert queries.oldest_open(long.signal.candle_open_ms + 1) == newest.signal.candle_open_ms
    store.commit([], [outcome(long)])
    assert queries.oldest_open(0) == newest.signal.candle_open_ms
    store.commit([], [outcome(newest)])
    assert queries.oldest_open(0) is None
