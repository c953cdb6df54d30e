"""Challengers: they answer beside what is served and change nothing, until they have earned it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.store.role_log import SqlRoleLog
from crypto_bot.app.promotion import LEAST_DAYS, Promotion
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.wiring import build_catch_up, model_registry
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.errors import ModelMissing
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.role_change import Because
from crypto_bot.domain.signal import Pred, Probabilities, Role, Signal
from crypto_bot.labels.registered import LABELS
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, publish
from crypto_bot.models.registry import ModelRegistry, challengers_dir
from crypto_bot.models.roles import challenged, demote, promote
from crypto_bot.ports import LoggedSignal
from crypto_bot.ports.roles import Pair
from tests.contracts.made_calls import T0, outcome, stored
from tests.engine.true_market import M15, START, Feed, honest, opened, true_candles
from tests.models.made_models import tiny_model

COINS = ("BTCUSDT", "ETHUSDT")
ENDS_MS = START - 30 * M15.ms


def settings_in(folder: Path) -> Settings:
    return load({"device": "cpu", "models_dir": folder / "models", "engine": {"record_bars": 5}})


def published(models_dir: Path, symbol: str | None, seed: int, ends_ms: int = ENDS_MS) -> str:
    model = tiny_model(symbol, seed=seed, features="per_coin_v2", data_ends_ms=ends_ms)
    publish(model, models_dir)
    return model.version


async def ran(
    settings: Settings, *, challengers: ModelRegistry | None
) -> tuple[list[LoggedSignal], list[Signal]]:
    """What was served of eight bars with a restart, and what is open of the rest."""
    feed = Feed(true_candles(COINS, 6_400, 20), ReplayClock(), honest)
    with opened() as database:
        for bar in range(8):
            until_ms = START + bar * M15.ms
            feed.clock.set(M15.close_of(until_ms) + 1_000)
            if bar in {0, 4}:
                catch_up = build_catch_up(
                    *(settings, COINS, feed.clock, database),
                    feed=feed,
                    timer=lambda: 0.0,
                    patience_s=0.05,
                    challengers=challengers,
                )
                catch_up.recover(until_ms)
            assert not (await catch_up.to(until_ms)).owed
        served = SqlPredictionQueries(database, M15).log_page(LogFilter(), None, 99)
        return served, SqlPredictionStore(database, M15).unsettled()


async def test_a_challenger_answers_beside_and_changes_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for seed, symbol in enumerate(COINS):
        published(settings.models_dir, symbol, seed)
    alone, _ = await ran(settings, challengers=None)
    version = published(challengers_dir(settings.models_dir), "BTCUSDT", 7)
    served, left = await ran(settings, challengers=model_registry(settings, challengers=True))
    assert served == alone
    beside = [signal for signal in left if signal.role is Role.CHALLENGER]
    assert {signal.symbol for signal in beside} == {"BTCUSDT"}
    assert {signal.model_version for signal in beside} == {version}
    # Label A ends after four bars: of eight candles the newest four are open.
    assert [signal.candle_open_ms for signal in beside] == [START + k * M15.ms for k in range(4, 8)]


class World:
    """Two coins with champions and challengers, and a log of days that both answered."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.settings = settings_in(folder)
        self.models_dir = self.settings.models_dir
        self.first_day = T0 // DAY_MS
        self.now_ms = T0
        self.database = database
        ends_ms = T0 - 5 * M15.ms
        beside = challengers_dir(self.models_dir)
        self.folders = self.models_dir, beside
        self.champions = {s: published(self.models_dir, s, k, ends_ms) for k, s in enumerate(COINS)}
        self.challengers = {s: published(beside, s, 5 + k, ends_ms) for k, s in enumerate(COINS)}

    def promotion(self, *stages: int) -> Promotion:
        clock = ReplayClock()
        clock.set(self.now_ms)
        return Promotion(
            champions=model_registry(self.settings),
            challengers=model_registry(self.settings, challengers=True),
            symbols=COINS,
            timeframe=M15,
            roles=SqlRoleLog(self.database, M15),
            clock=clock,
            stages=stages or (100,),
        )

    def days_later(self, days: int, knows: float, than: Mapping[str, str] | None = None) -> None:
        """Both have answered once a day and coin; the challenger gave `knows` more to what came.

        `than`: the other way round where the challenger is this one.
        """
        first = (self.now_ms - T0) // DAY_MS
        for day in range(first, first + days):
            calls = []
            for symbol in COINS:
                served = stored(
                    symbol, day * 96, model_version=self.champions[symbol], label=LABELS.get("A")
                )
                more = -knows if (than or {}).get(symbol) == self.challengers[symbol] else knows
                chances = Probabilities(0.22 - more, 0.41, 0.37 + more)
                beside = served.signal._replace(
                    role=Role.CHALLENGER,
                    model_version=self.challengers[symbol],
                    distribution=chances.distribution,
                )
                calls += [served, served._replace(signal=beside)]
            SqlPredictionStore(self.database, M15).commit(calls, [outcome(each) for each in calls])
        self.now_ms += days * DAY_MS

    def served(self) -> dict[str, str]:
        return {symbol: self._version(self.models_dir, symbol) for symbol in COINS}

    def beside(self) -> dict[str, str]:
        return {s: self._version(challengers_dir(self.models_dir), s) for s in COINS}

    def _version(self, models_dir: Path, symbol: str) -> str:
        found = ModelRegistry(models_dir, M15, model_registry(self.settings).policy)
        return found.load_model(symbol, M15.last_closed(self.now_ms)).version


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, Database.open("sqlite://"))


def test_the_challengers_rise_together_on_evidence_and_the_champions_step_down(
    world: World,
) -> None:
    world.days_later(LEAST_DAYS - 1, knows=0.012)
    assert world.promotion().look() == []
    world.days_later(1, knows=0.012)
    evidence = world.promotion().evidence()
    assert (evidence.days, evidence.symbols, evidence.proven) == (
        LEAST_DAYS,
        frozenset(COINS),
        True,
    )
    changes = world.promotion().look()
    assert [(each.symbol, each.champion, each.challenger) for each in changes] == [
        (symbol, world.challengers[symbol], world.champions[symbol]) for symbol in COINS
    ]
    assert {each.because for each in changes} == {Because.EVIDENCE}
    assert SqlRoleLog(world.database, M15).changes() == changes
    assert (world.served(), world.beside()) == (world.challengers, world.champions)
    # The record of both begins anew: the test is the same in the other direction.
    assert world.promotion().evidence().days == 0
    assert world.promotion().look() == []


def test_in_stages_each_step_up_and_back_is_proven_anew(world: World) -> None:
    models = world.settings.models.model_copy(update={"max_age_days": 90.0})
    world.settings = world.settings.model_copy(update={"models": models})
    old = world.champions
    for seed, symbol in enumerate(COINS):  # newer ones
        published(world.folders[1], symbol, 20 + seed, T0 - 4 * M15.ms)
    new = world.challengers = world.beside()
    first, second = COINS  # by the hashes of their names
    after = [{first: new, second: old}, {first: new, second: new}]
    after += [after[0], {first: old, second: old}]
    for step, wanted in enumerate(after):
        knows = 0.012 if step < 2 else -0.012
        world.days_later(LEAST_DAYS - 1, knows, than=old)
        assert world.promotion(50, 100).look() == []
        world.days_later(2, knows, than=old)  # the day of the change itself does not count
        changes = world.promotion(50, 100).look()
        assert [each.symbol for each in changes] == [second if step in {1, 2} else first]
        assert changes[0].evidence.startswith(f"{(1, 2, 1, 0)[step]} of 2: ")
        assert world.served() == {symbol: models[symbol] for symbol, models in wanted.items()}
        world.champions, world.challengers = world.served(), world.beside()
    assert world.beside() == new


def test_no_advantage_is_no_promotion(world: World) -> None:
    world.days_later(40, knows=0.0)
    assert world.promotion().evidence().wealth == pytest.approx(1.0)
    world.days_later(4, knows=-0.05)
    assert world.promotion().look() == []
    assert world.served() == world.champions


def test_a_promotion_that_was_killed_is_finished(world: World) -> None:
    world.days_later(LEAST_DAYS, knows=0.012)
    # The first coin has changed places, of the second only the champion.
    promote(*world.folders, "BTCUSDT", "15m")
    rising = tiny_model("ETHUSDT", seed=6, features="per_coin_v2", data_ends_ms=T0 - 5 * M15.ms)
    publish(rising, world.models_dir)
    assert world.served() == world.challengers
    changes = world.promotion().look()
    assert [(each.symbol, each.challenger) for each in changes] == [
        ("ETHUSDT", world.champions["ETHUSDT"])
    ]
    assert (world.served(), world.beside()) == (world.challengers, world.champions)
    assert world.promotion().look() == []


def test_a_challenger_succeeds_a_champion_that_may_not_answer(world: World) -> None:
    fresh = published(challengers_dir(world.models_dir), "ETHUSDT", 9, T0 + 40 * DAY_MS)
    world.now_ms = T0 + 60 * DAY_MS
    (change,) = world.promotion().look()
    assert (change.symbol, change.champion, change.because) == (
        "ETHUSDT",
        fresh,
        Because.SUCCESSION,
    )
    assert "is stale" in change.evidence
    assert challenged(world.folders[1], "15m") == ["BTCUSDT", "ETHUSDT"]


def test_without_a_champion_nothing_is_left_beside(world: World) -> None:
    published(challengers_dir(world.models_dir), None, 3, T0)
    assert promote(*world.folders, None, "15m")[1] is None
    assert versions.current(folder_of(world.models_dir, None, "15m")) is not None
    assert challenged(world.folders[1], "15m") == ["BTCUSDT", "ETHUSDT"]


def test_a_person_changes_the_roles_both_ways(world: World) -> None:
    now, next_best = world.champions["BTCUSDT"], world.challengers["BTCUSDT"]
    with pytest.raises(ModelMissing, match="no earlier version"):
        demote(*world.folders, "BTCUSDT", "15m")
    assert world.served() == world.champions
    assert promote(*world.folders, "BTCUSDT", "15m") == (next_best, now)
    assert demote(*world.folders, "BTCUSDT", "15m") == (now, next_best)
    assert (world.served(), world.beside()) == (world.champions, world.challengers)


def test_days_are_compared_only_where_both_answered_the_same_question(world: World) -> None:
    world.days_later(2, knows=0.012)
    roles = SqlRoleLog(world.database, M15)
    names = {symbol: Pair(world.champions[symbol], world.challengers[symbol]) for symbol in COINS}
    today = world.now_ms // DAY_MS
    found = roles.paired_days(names, today)
    assert [(each.day - world.first_day, each.symbol, each.n) for each in found] == [
        (0, "BTCUSDT", 1),
        (0, "ETHUSDT", 1),
        (1, "BTCUSDT", 1),
        (1, "ETHUSDT", 1),
    ]
    assert found[0].summed == pytest.approx(0.0319, abs=1e-4)
    assert len(roles.paired_days(names, today - 1)) == 2
    assert roles.paired_days({"BTCUSDT": Pair(world.challengers["BTCUSDT"], "x")}, today) == []
    odd = stored("BTCUSDT", 500, model_version=world.champions["BTCUSDT"], label=LABELS.get("A"))
    other = odd.signal._replace(
        role=Role.CHALLENGER, model_version=world.challengers["BTCUSDT"], label=None
    )
    calls = [odd, odd._replace(signal=other)]
    SqlPredictionStore(world.database, M15).commit(
        calls, [outcome(each, Pred.LONG) for each in calls]
    )
    assert len(roles.paired_days(names, today + 9)) == 4, "labels differ"
