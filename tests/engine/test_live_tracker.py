"""The tracker settles candle by candle exactly as `settle` does the whole path."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.outcome import Outcome, settle
from crypto_bot.domain.signal import Pred, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.live_tracker import LiveTracker
from crypto_bot.engine.track_record import TrackRecord
from crypto_bot.labels.registered import class_after
from tests.domain import paper_accounts

M15 = Timeframe.parse("15m")


def signal(candle: Candle, pred: Pred, atr: float = 1.0) -> Signal:
    of_candle: dict[str, Any] = {"candle_open_ms": candle.open_ms, "horizon_bars": 5}
    return paper_accounts.signal(pred=pred, entry=candle.close, atr=atr, **of_candle)


def new() -> LiveTracker:
    return LiveTracker(M15, TrackRecord(900_000))


def walk(seed: int, bars: int, missing: Sequence[int] = ()) -> list[Candle]:
    rng = random.Random(seed)
    price, candles = 100.0, []
    for index in range(bars):
        opened, price = price, price + rng.gauss(0, 0.8)
        high, low = max(opened, price) + rng.random(), min(opened, price) - rng.random()
        if index not in missing:
            candles.append(Candle(index * M15.ms, opened, high, low, price, 1.0))
    return candles


def calls(candles: Sequence[Candle], seed: int) -> list[Signal]:
    rng = random.Random(seed)
    return [signal(candle, rng.choice(list(Pred))) for candle in candles]


def by_hand(candles: Sequence[Candle], signals: Sequence[Signal]) -> dict[str, Outcome]:
    found = {}
    for each in signals:
        after = [candle for candle in candles if candle.open_ms > each.candle_open_ms]
        outcome = settle(each, after, M15, class_after)
        if outcome is not None:
            found[outcome.prediction_id] = outcome
    return found


def tracked(
    tracker: LiveTracker, candles: Sequence[Candle], signals: Sequence[Signal]
) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for candle, each in zip(candles, signals, strict=True):
        for outcome in tracker.advance(Bar(candle.open_ms, {"BTCUSDT": candle})):
            assert outcome.prediction_id not in found
            assert outcome.settled_ms == M15.close_of(candle.open_ms)
            found[outcome.prediction_id] = outcome
        tracker.open([each])
    return found


@pytest.mark.parametrize("missing", [(), (20, 21, 40)])
def test_settles_as_the_whole_path_does_and_leaves_open_what_spans_a_gap(
    missing: Sequence[int],
) -> None:
    for seed in range(20):
        candles = walk(seed, 60, missing)
        signals = calls(candles, seed)
        found = tracked(new(), candles, signals)
        assert found == by_hand(candles, signals)
        assert len(found) < len(signals) - 5 or not missing


def test_taken_up_after_a_restart_at_any_candle() -> None:
    candles = walk(3, 50, missing=(30,))
    signals = calls(candles, 3)
    for at in range(1, len(candles)):
        first = new()
        found = tracked(first, candles[:at], signals[:at])
        second = new()
        unsettled = [each for each in signals[:at] if each.id not in found]

        def path_of(each: Signal, at: int = at) -> list[Candle]:
            last_ms = each.candle_open_ms + each.horizon_bars * M15.ms
            return [c for c in candles[:at] if each.candle_open_ms < c.open_ms <= last_ms]

        newest_ms = {"BTCUSDT": candles[at - 1].open_ms}
        assert second.restore(unsettled, newest_ms, path_of) == []
        found |= tracked(second, candles[at:], signals[at:])
        assert found == by_hand(candles, signals)


def test_outcomes_enter_the_record() -> None:
    candles = walk(1, 40)
    record = TrackRecord(M15.ms)
    found = tracked(LiveTracker(M15, record), candles, calls(candles, 1))
    pooled = record.pooled(Source.RSI_MA, 10**12)
    assert pooled.n == len(found)
    assert pooled.hits == sum(bool(outcome.correct) for outcome in found.values())


def test_an_imported_candle_settles_and_a_gap_right_after_a_restart_leaves_open() -> None:
    candles = walk(7, 12, missing=(4,))
    early, newest = signal(candles[5], Pred.LONG, atr=100.0), signal(candles[3], Pred.LONG)
    last_ms = {"BTCUSDT": candles[-1].open_ms}
    (outcome,) = new().restore([early], last_ms, lambda _: candles[6:11])
    assert outcome.prediction_id == early.id
    tracker = new()
    assert tracker.restore([newest], {"BTCUSDT": newest.candle_open_ms}, lambda _: []) == []
    for candle in candles[4:]:
        assert tracker.advance(Bar(candle.open_ms, {"BTCUSDT": candle})) == []
