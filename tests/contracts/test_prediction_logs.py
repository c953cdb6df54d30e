"""What every database must do for the prediction log and those who read it."""

import struct
from itertools import product
from math import inf
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.errors import StoreError
from crypto_bot.domain.horizon import Horizon, Unit
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, Direction, LabelSpec
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.outcome import Status, decided, settle
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Declined, Levels, Pred, Probabilities, Role, Signal, Source
from crypto_bot.labels.registered import class_after
from crypto_bot.ports import (
    DayRecord,
    LoggedSignal,
    LogPosition,
    ResolvedCall,
    Settled,
    StoredSignal,
)
from tests.contracts.made_calls import H1, M15, T0, empty, outcome, stored

SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
shares = st.none() | st.integers(-100, 100).map(lambda hundredths: hundredths / 100)
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
        st.builds(Declined, st.sampled_from(Source), st.text(max_size=20), shares), max_size=3
    ).map(tuple),
    near=shares,
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


@settings(SETTINGS, max_examples=50)
@given(signals, instants, st.booleans())
def test_a_signal_comes_back_bit_for_bit(
    database: Database, signal: Signal, created_ms: int, late: bool
) -> None:
    empty(database)
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
    optional = (
        signal.levels.stop_loss,
        signal.atr,
        signal.expected_bps,
        signal.cost_bps,
        signal.near,
    )
    numbers += [inf if number is None else number for number in optional]
    return struct.pack(f"{len(numbers)}d", *numbers)


def test_the_log_never_changes(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    first = [stored(bar=0), stored(bar=1)]
    store.commit(first, [outcome(first[0])])
    before = queries.log_page(LogFilter(), None, 10)
    store.commit(first, [outcome(first[0])])
    other = stored(bar=0, pred=Pred.SHORT, source=Source.HOLD, late=True)
    store.commit([other, stored(bar=1)], [outcome(other, Pred.SHORT, -99.0)])
    with pytest.raises(StoreError, match="failed"):  # nothing of a failed commit is stored
        store.commit([stored(bar=2)], [outcome(stored("NEVERUSDT"))])
    assert queries.log_page(LogFilter(), None, 10) == before
    assert len(before) == 2


def test_unsettled_are_those_without_outcome_oldest_first(
    database: Database,
) -> None:
    store = SqlPredictionStore(database, M15)
    hourly = SqlPredictionStore(database, H1)
    all_of_them = [stored(s, bar) for bar in (2, 0, 1) for s in ("ETHUSDT", "BTCUSDT")]
    queries = SqlPredictionQueries(database, M15)
    assert queries.latest_predictions() == []
    store.commit(all_of_them, [outcome(stored("BTCUSDT", 1), None)])
    hourly.commit([stored(bar=5, timeframe=H1)], [])
    waiting = [(0, "BTCUSDT"), (0, "ETHUSDT"), (1, "ETHUSDT"), (2, "BTCUSDT"), (2, "ETHUSDT")]
    assert [s.id for s in store.unsettled()] == [stored(s, at).signal.id for at, s in waiting]
    assert store.newest_opens() == dict.fromkeys(("BTCUSDT", "ETHUSDT"), T0 + 2 * M15.ms)
    assert hourly.newest_opens() == {"BTCUSDT": T0 + 5 * H1.ms}
    assert queries.latest_predictions() == [stored("BTCUSDT", 2), stored("ETHUSDT", 2)]
    assert queries.latest_prediction("BTCUSDT") == stored("BTCUSDT", 2)
    assert queries.latest_prediction("NEVERUSDT") is None


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
        made = stored(bar=4 * bar, pred=pred, label=spec, horizon_bars=3)
        signal = made.signal
        last = (100.0, max(closes, 100.1), min(closes, 99.9), closes)
        candles = [
            Candle(signal.candle_open_ms + ahead * M15.ms, *row, 1.0)
            for ahead, row in (steady | {3: last}).items()
        ]
        settled = settle(signal, candles, M15, class_after)
        assert settled is not None
        calls.append(made)
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


def test_a_no_trade_of_a_label_of_two_sides_is_no_call(database: Database) -> None:
    """Its probabilities are measured as those of any other; right or wrong it is not."""
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    two_sided = Direction((0,), (), (1,))
    spec = LabelSpec("updown", "hold_atr", Horizon(3), (0.75,), ("DOWN", "UP"), two_sided)
    made = [
        stored(bar=4 * bar, pred=pred, label=spec, horizon_bars=3)
        for bar, pred in enumerate((Pred.NO_TRADE, Pred.NO_TRADE, Pred.LONG))
    ]
    settled = [
        decided(each.signal, [Candle(0, 100.0, 100.1, 99.9, 100.0, 1.0)] * 3, M15, lambda *_: "UP")
        for each in made
    ]
    outcomes = [each for each in settled if each is not None]
    assert [(each.side, each.correct) for each in outcomes] == [
        *[(Pred.LONG, None)] * 2,
        (Pred.LONG, True),
    ]
    store.commit(made, outcomes)
    (day,) = queries.performance_rows(None, None, None)
    assert (day.n, day.hits, day.no_calls, day.episodes) == (1, 1, 2, 1)
    assert day.confidence == made[2].signal.confidence
    assert store.tallies() == {(Source.RSI_MA, "BTCUSDT"): Tally(1, 1, 0)}
    assert len(queries.resolved_calls(0, T0 + DAY_MS)) == 3
    assert [line.outcome for line in queries.log_page(LogFilter(), None, 9)] == outcomes[::-1]
    assert len(queries.log_page(LogFilter(ended=Ended.WRONG), None, 9)) == 0


def test_the_log_pages_without_loss_while_it_grows(database: Database) -> None:
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    committed = [stored(s, bar) for bar in range(5) for s in ("AUSDT", "BUSDT", "CUSDT")]
    store.commit(committed, [outcome(committed[0])])
    seen: list[StoredSignal] = []
    position: LogPosition | None = None
    while page := queries.log_page(LogFilter(), position, 4):
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
            for line in queries.log_page(LogFilter(symbol, source, since_ms), None, 10)
        ]

    assert asked("BTCUSDT", None, None) == [(stored(bar=2), None), (stored(bar=0), None)]
    assert asked(None, Source.HOLD, None) == [(held, outcome(held))]
    assert asked(None, None, T0 + M15.ms) == [(stored(bar=2), None), (held, outcome(held))]
    assert asked("BTCUSDT", Source.HOLD, None) == []


kinds = st.tuples(
    st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    st.integers(0, 300),  # candles: a little more than three days
    st.sampled_from(Pred),
    st.sampled_from([Source.RSI_MA, Source.HOLD]),
    st.booleans(),
    st.none() | st.sampled_from(Pred),
    st.sampled_from([-31.25, 0.0, 12.5]),
)


@settings(SETTINGS, max_examples=40)
@given(
    st.lists(kinds, max_size=40, unique_by=lambda kind: kind[:2]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6),
    st.integers(-1, 301 * M15.ms),
)
def test_the_days_add_up_to_the_log_whatever_came_twice_and_in_which_order(
    database: Database, kinds: list[Any], slices: list[tuple[int, int]], since: int
) -> None:
    empty(database)
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

    log = queries.log_page(LogFilter(), None, 1000)
    for symbol, source in product((None, "ETHUSDT"), (None, Source.HOLD)):
        for since_ms in (None, T0 + since):
            lines = [
                line
                for line in log
                if symbol in {None, line.stored.signal.symbol}
                and source in {None, line.stored.signal.source}
                and line.stored.signal.candle_open_ms >= (since_ms or 0)
            ]
            assert queries.performance_rows(symbol, source, since_ms) == added_up(lines, log)


def added_up(lines: list[LoggedSignal], log: list[LoggedSignal]) -> list[DayRecord]:
    """The slow way. The numbers are short binary fractions, so the order of adding is no matter."""
    days: dict[tuple[int, Source, str], list[float]] = {}
    called = {
        (each.symbol, each.candle_open_ms, each.pred, each.source)
        for each in (line.stored.signal for line in log)
    }
    for (signal, _, late), found in lines:
        if late or found is None or found.label is None:
            continue
        key = signal.candle_open_ms // DAY_MS, signal.source, signal.symbol
        hit = bool(found.correct)
        trade, miss = signal.pred is not Pred.NO_TRADE, signal.confidence - hit
        before_ms = signal.candle_open_ms - M15.ms
        repeats = (signal.symbol, before_ms, signal.pred, signal.source) in called
        begins, net = trade and not repeats, found.return_bps - 10.0
        won = begins and net > 0.0
        sums_of_calls = (1, hit, trade, found.return_bps, signal.confidence, miss * miss)
        values = (*sums_of_calls, 0, begins, won, won and net, begins and net)
        sums = days.get(key, [0.0] * 11)
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
    first_one = ResolvedCall(
        source="RSI_MA",
        symbol="ETHUSDT",
        model_version=None,
        candle_open_ms=T0,
        horizon_ms=first.signal.horizon_bars * M15.ms,
        pred="LONG",
        label="LONG",
        begins=True,
        p_short=0.22,
        p_no_trade=0.41,
        p_long=0.37,
        return_bps=12.5,
        cost_bps=10.0,
        entry=100.0,
        stop_loss=98.0,
        atr=1.0,
    )
    next_one = first_one._replace(symbol="BTCUSDT", candle_open_ms=T0 + M15.ms, pred="SHORT")
    assert queries.resolved_calls(0, T0 + DAY_MS) == [first_one, next_one]
    assert queries.resolved_calls(T0 + 1, T0 + DAY_MS) == [next_one]
    assert queries.resolved_calls(0, T0 + M15.ms) == [first_one]


def test_the_oldest_open_call_waits_for_its_own_horizon(database: Database) -> None:
    """A long call among short ones, and one that lost its candles to a gap."""
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    assert queries.oldest_open(0) is None
    day = DAY_MS // M15.ms

    long, lost, newest = (
        stored(bar=bar, horizon_bars=bars) for bar, bars in ((1, 3 * day), (2, 4), (3 * day, 4))
    )
    store.commit([long, lost, newest], [])
    assert queries.oldest_open(0) == long.signal.candle_open_ms
    assert queries.oldest_open(long.signal.candle_open_ms + 1) == newest.signal.candle_open_ms
    store.commit([], [outcome(long)])
    assert queries.oldest_open(0) == newest.signal.candle_open_ms
    store.commit([], [outcome(newest)])
    assert queries.oldest_open(0) is None


TARGET, STOP, EXPIRED, OPEN = (stored(bar=bar) for bar in range(4))
QUIET_RIGHT, QUIET_WRONG, QUIET_OPEN = (stored(bar=bar, pred=Pred.NO_TRADE) for bar in range(4, 7))
ALL = [TARGET, STOP, EXPIRED, OPEN, QUIET_RIGHT, QUIET_WRONG, QUIET_OPEN]
OUTCOMES = [
    outcome(TARGET, Pred.LONG, 50.0, Status.TP2),
    outcome(STOP, Pred.SHORT, -40.0, Status.SL),
    outcome(EXPIRED, Pred.NO_TRADE, 5.0, Status.EXPIRED),
    outcome(QUIET_RIGHT, Pred.NO_TRADE, 0.0, Status.EXPIRED),
    outcome(QUIET_WRONG, Pred.LONG, 0.0, Status.EXPIRED),
]


def test_the_log_by_result_between_two_times_and_on_from_a_line(database: Database) -> None:
    SqlPredictionStore(database, M15).commit(ALL, OUTCOMES)
    queries = SqlPredictionQueries(database, M15)
    span = LogFilter(since_ms=T0 + M15.ms, until_ms=T0 + 4 * M15.ms)
    for wanted, position, limit, found in (
        (LogFilter(ended=Ended.TRADE), None, 10, [EXPIRED, STOP, TARGET]),
        (LogFilter(ended=Ended.TARGET), None, 10, [TARGET]),
        (LogFilter(ended=Ended.STOP), None, 10, [STOP]),
        (LogFilter(ended=Ended.EXPIRED), None, 10, [EXPIRED]),
        (LogFilter(ended=Ended.OPEN), None, 10, [OPEN]),
        (LogFilter(ended=Ended.RIGHT), None, 10, [QUIET_RIGHT, TARGET]),
        (LogFilter(ended=Ended.WRONG), None, 10, [QUIET_WRONG, EXPIRED, STOP]),
        (LogFilter(), None, 10, ALL[::-1]),
        (span, None, 10, [OPEN, EXPIRED, STOP]),
        (span, LogPosition(T0 + 3 * M15.ms, "BTCUSDT"), 1, [EXPIRED]),
    ):
        page = queries.log_page(wanted, position, limit)
        assert [line.stored for line in page] == found, wanted
