"""Models in the engine: whatever fails in between, the store ends as a replay would have it."""

import random
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.wiring import build_catch_up, model_registry
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.engine.catch_up import CatchUp
from crypto_bot.features.sets import feature_set
from crypto_bot.models.artifact import PublishedModel, folder_of, publish
from crypto_bot.models.verdict import Verdict
from crypto_bot.serving.logged_models import LoggedModels
from tests.engine.true_market import (
    M15,
    START,
    Contents,
    Feed,
    Truth,
    contents,
    honest,
    opened,
    true_candles,
    undisturbed,
)
from tests.models.made_models import judged, spoil, tiny_model

SYMBOLS = ("ADAUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
TRAINED = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
RECORD_BARS = 10
MASKED = "masked: the leading coin BTCUSDT is not known at every close of the window"
LEARNED_UNTIL = START - 30 * M15.ms


@pytest.fixture(scope="module")
def truth() -> Truth:
    return true_candles(SYMBOLS, 6_400, 100)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    models_dir = tmp_path / "models"
    for seed, symbol in enumerate(TRAINED):
        publish(
            tiny_model(symbol, seed=seed, features="per_coin_v2", data_ends_ms=LEARNED_UNTIL),
            models_dir,
        )
    return load({"device": "cpu", "models_dir": models_dir, "engine": {"record_bars": RECORD_BARS}})


def engine(
    settings: Settings, database: Database, feed: Feed, symbols: Sequence[str] = SYMBOLS
) -> CatchUp:
    return build_catch_up(
        *(settings, symbols, feed.clock, database),
        feed=feed,
        timer=lambda: 0.0,
        patience_s=0.05,
    )


def closed(clock: ReplayClock, bar: int) -> int:
    """Sets `clock` to a second after the close of a bar; returns the bar's open."""
    open_ms = START + bar * M15.ms
    clock.set(M15.close_of(open_ms) + 1_000)
    return open_ms


async def ran(
    settings: Settings,
    truth: Truth,
    bars: int,
    *,
    restarts: Collection[int] = (),
    stored: Truth | None = None,
    before: Callable[[int], None] = lambda bar: None,
) -> Contents:
    """What an engine of these coins leaves, on candles that come in time; `stored` were before."""
    feed = Feed(truth, ReplayClock(), honest)
    with opened() as database:
        SqlCandleArchive(database, M15).add(stored or {})
        for bar in range(bars):
            until_ms = closed(feed.clock, bar)
            if bar in {0, *restarts}:
                catch_up = engine(settings, database, feed, tuple(truth))
                catch_up.recover(until_ms)
            before(bar)
            assert not (await catch_up.to(until_ms)).owed
        return contents(database)


async def test_three_trained_coins_answer_and_the_rest_falls_back(
    settings: Settings, truth: Truth
) -> None:
    until_ms = START + 29 * M15.ms
    signals, outcomes = await ran(settings, truth, 30)
    assert (signals, outcomes) == undisturbed(settings, truth, until_ms)
    for signal, outcome in zip(signals, outcomes, strict=True):
        if signal.symbol not in TRAINED:
            assert signal.source is not Source.ML_PER_COIN_V1
            assert signal.declined[0].source is Source.ML_PER_COIN_V1
            assert "no model of" in signal.declined[0].reason
            continue
        assert signal.source is Source.ML_PER_COIN_V1
        assert signal.model_version is not None
        assert signal.model_version.startswith("cnn_lstm_v1+")
        assert signal.label is not None
        assert (signal.label.name, signal.horizon_bars) == ("A", 4)
        assert signal.confidence == signal.probabilities.of(signal.pred)
        assert sum(signal.probabilities) == pytest.approx(1.0)
        assert signal.cost_bps == 10.0
        if signal.pred is not Pred.NO_TRADE:
            assert signal.expected_bps is not None
            assert signal.expected_bps > 10.0
            assert signal.reasons[0] == f"{signal.expected_bps:+.0f} bp expected, cost 10"
        if signal.candle_open_ms <= until_ms - 4 * M15.ms:
            assert outcome is not None
            assert outcome.settled_ms == signal.candle_open_ms + 5 * M15.ms
    ours = [signal for signal in signals if signal.symbol in TRAINED]
    assert {Pred.NO_TRADE, Pred.LONG, Pred.SHORT} == {signal.pred for signal in ours}


async def test_the_pool_answers_for_the_others_and_a_replay_finds_it_by_its_name(
    settings: Settings, truth: Truth
) -> None:
    pool = tiny_model(None, seed=9, features="per_coin_v2", data_ends_ms=LEARNED_UNTIL, trailing=0)
    publish(pool, settings.models_dir)
    until_ms = START + 3 * M15.ms
    found = await ran(settings, truth, 4)
    assert found == undisturbed(settings, truth, until_ms)
    others = [signal for signal in found[0] if signal.symbol not in TRAINED]
    assert {signal.model_version for signal in others} == {f"pool:{pool.version}"}
    assert all("has no model of its own" in signal.reasons[-1] for signal in others)
    policy = model_registry(settings).policy
    by_name = {signal.symbol: signal for signal in found[0] if signal.candle_open_ms == until_ms}
    logged = LoggedModels(settings.models_dir, M15, policy, lambda _: by_name)
    again = logged.find("ADAUSDT", until_ms)
    assert isinstance(again, PublishedModel)
    assert (again.symbol, again.version) == (None, pool.version)
    assert logged.lost == []


class Weather:
    """Faults of the exchange: candles that are late, coins that are down from time to time."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._down: set[str] = set()

    def change(self, bar: int) -> None:
        outages = {
            15: {"BTCUSDT"},
            20: set(SYMBOLS) - {"BTCUSDT"},
            25: set(self._rng.sample(SYMBOLS, 2)),
            30: set(),
        }
        self._down = outages.get(bar, self._down)

    def restarts(self) -> bool:
        return self._rng.random() < 0.2

    def answer(self, symbol: str, found: list[Candle]) -> list[Candle]:
        if symbol in self._down or self._rng.random() < 0.1:
            raise ExchangeUnavailable("made up")
        lost = set()
        if found and self._rng.random() < 0.3:
            lost = {self._rng.randrange(len(found))}
        return [candle for at, candle in enumerate(found) if at not in lost]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("hole", [None, 12], ids=["whole", "gap_of_the_leader"])
async def test_faults_waves_and_restarts_change_nothing(
    settings: Settings, truth: Truth, seed: int, hole: int | None
) -> None:
    clock, weather = ReplayClock(), Weather(seed)
    missing_ms = None if hole is None else START + hole * M15.ms
    holed = {**truth, "BTCUSDT": [c for c in truth["BTCUSDT"] if c.open_ms != missing_ms]}
    with opened() as database:
        feed = Feed(holed, clock, weather.answer)
        for bar in range(40):
            until_ms = closed(clock, bar)
            weather.change(bar)
            if bar == 0 or weather.restarts():
                catch_up = engine(settings, database, feed)
                catch_up.recover(until_ms)
            await catch_up.to(until_ms)
        for _ in range(50):
            if not (await catch_up.to(until_ms)).owed:
                break
        assert not catch_up.behind(until_ms)
        found = contents(database)
        assert found == undisturbed(settings, holed, until_ms)
    ours = [signal for signal in found[0] if signal.symbol in TRAINED]
    declined = [signal for signal in ours if signal.source is not Source.ML_PER_COIN_V1]
    # The others go on without the leading coin, which itself begins anew after its gap.
    assert {signal.symbol for signal in declined} == (set() if hole is None else {"BTCUSDT"})
    masked = {s.candle_open_ms for s in ours if MASKED in s.reasons}
    assert masked == (set() if missing_ms is None else {*range(missing_ms, until_ms + 1, M15.ms)})


async def test_a_universe_without_the_leading_coin_has_its_columns_masked(
    settings: Settings, truth: Truth
) -> None:
    """Live over a restart as in a backtest, and whatever is stored of that coin."""
    alone = {symbol: candles for symbol, candles in truth.items() if symbol != "BTCUSDT"}
    until_ms = START + 11 * M15.ms
    stored = {"BTCUSDT": truth["BTCUSDT"]}
    found = await ran(settings, alone, 12, restarts={6}, stored=stored)
    assert found == undisturbed(settings, alone, until_ms)
    ours = [signal for signal in found[0] if signal.symbol in TRAINED]
    assert {signal.symbol for signal in ours} == {"ETHUSDT", "SOLUSDT"}
    for signal in ours:
        assert signal.source is Source.ML_PER_COIN_V1
        assert MASKED in signal.reasons
    with_leader = {
        (s.symbol, s.candle_open_ms): s for s in undisturbed(settings, truth, until_ms)[0]
    }
    assert all(
        s.probabilities != with_leader[s.symbol, s.candle_open_ms].probabilities for s in ours
    )


async def test_a_coin_waits_for_the_leader_but_not_for_ever(
    settings: Settings, truth: Truth
) -> None:
    clock = ReplayClock()
    down = set[str]()

    def answer(symbol: str, found: list[Candle]) -> list[Candle]:
        if symbol in down:
            raise ExchangeUnavailable("made up")
        return found

    with opened() as database:
        catch_up = engine(settings, database, Feed(truth, clock, answer))
        catch_up.recover(closed(clock, 0))
        assert not (await catch_up.to(START)).owed
        down.add("BTCUSDT")
        later_ms = closed(clock, 1)
        owed = (await catch_up.to(later_ms)).owed
        assert owed.keys() == set(SYMBOLS)
        assert "wait for those of the leading coin" in owed["ETHUSDT"]
        assert set(catch_up.behind(later_ms)) == set(SYMBOLS)
        down.clear()
        assert not (await catch_up.to(later_ms)).owed
        assert not catch_up.behind(later_ms)
        down.add("BTCUSDT")
        for bars in (96, 98):
            until_ms = closed(clock, 1 + bars)
            await catch_up.to(until_ms)
            waiting = set(catch_up.behind(until_ms))
            assert waiting == (set(SYMBOLS) if bars == 96 else {"BTCUSDT"})


@pytest.mark.parametrize("ways", [("deleted", "cut"), ("pickle", "features")])
async def test_a_spoiled_model_falls_back_and_disturbs_nothing_else(
    settings: Settings, truth: Truth, tmp_path: Path, ways: tuple[str, str]
) -> None:
    marker, spoiled = tmp_path / "ran", dict(zip(("ETHUSDT", "SOLUSDT"), ways, strict=True))
    spoiled_ms, until_ms = START + 3 * M15.ms, START + 5 * M15.ms

    def spoil_both(bar: int) -> None:
        for symbol, how in spoiled.items() if bar == 3 else ():
            spoil(folder_of(settings.models_dir, symbol, "15m"), how, marker)

    signals, _ = await ran(settings, truth, 6, before=spoil_both)
    for signal in signals:
        if signal.symbol in spoiled:
            own = signal.candle_open_ms < spoiled_ms
            assert (signal.source is Source.ML_PER_COIN_V1) is own
            assert own or signal.declined[0].source is Source.ML_PER_COIN_V1
    untouched, _ = undisturbed(settings, truth, until_ms)
    ours, theirs = ([s for s in of if s.symbol not in spoiled] for of in (signals, untouched))
    assert ours == theirs
    assert not marker.exists()


async def test_a_lower_tier_is_served_as_the_settings_say_and_never_trades_alone(
    settings: Settings, truth: Truth
) -> None:
    for seed, (symbol, verdict) in enumerate(
        zip(TRAINED, (Verdict.WARMUP, Verdict.LOW, Verdict.BLOCKED), strict=True)
    ):
        model = tiny_model(symbol, seed=seed, features="per_coin_v2", data_ends_ms=LEARNED_UNTIL)
        publish(judged(model, verdict), settings.models_dir)
    signals, _ = undisturbed(settings, truth, START + 40 * M15.ms)
    for signal in signals:
        if signal.symbol == "BTCUSDT":
            assert signal.source is Source.ML_PER_COIN_V1
            assert signal.pred is Pred.NO_TRADE
            assert "the model is WARMUP: made for a test" in signal.reasons[1]
        else:
            assert signal.source is not Source.ML_PER_COIN_V1
    ours = [signal for signal in signals if signal.symbol == "BTCUSDT"]
    assert any("not traded alone" in signal.reasons[-1] for signal in ours)
    knowingly = settings.model_copy(
        update={"models": settings.models.model_copy(update={"served": "LOW", "traded": "LOW"})}
    )
    signals, _ = undisturbed(knowingly, truth, START + 40 * M15.ms)
    low = [signal for signal in signals if signal.symbol == "ETHUSDT"]
    assert {signal.source for signal in low} == {Source.ML_PER_COIN_V1}
    assert {signal.pred for signal in low} > {Pred.NO_TRADE}
    assert all("the model is LOW" in signal.reasons[1] for signal in low)


async def test_too_few_candles_are_said_with_what_is_needed(
    settings: Settings, truth: Truth
) -> None:
    short = {symbol: candles[-400:] for symbol, candles in truth.items()}
    signals, _ = undisturbed(settings, short, START)
    needed = feature_set("per_coin_v2").warm_up_bars(M15)
    for signal in signals:
        if signal.symbol in TRAINED:
            assert f"needs {needed}" in signal.declined[0].reason
