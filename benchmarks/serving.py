"""Serving 32 models: features, inference, reply to commit, memory."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import starmap
from pathlib import Path

import numpy as np
import psutil
import torch

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import build_catch_up
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.live import LiveFeatures
from crypto_bot.features.sets import feature_set
from crypto_bot.models import versions
from crypto_bot.models.artifact import PublishedModel, folder_of, publish
from crypto_bot.models.artifact import load as load_model
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.decision import ReturnMap
from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.ensemble.family import EnsembleFamily, EnsembleSettings
from crypto_bot.models.families.family import Examples, Features, Model, Origin
from crypto_bot.models.families.lightgbm import LightGbmSettings
from crypto_bot.models.gates import Judgement
from crypto_bot.models.memory import give_back
from crypto_bot.models.model import DecisionRule, Span, Trailing, TrainedModel
from crypto_bot.models.scaling import scale_of
from crypto_bot.models.spec import Scaler
from crypto_bot.models.verdict import Verdict
from crypto_bot.recipes import shipped
from crypto_bot.recipes.plans import POOL_THEN_EACH, plan_of, question_of
from crypto_bot.recipes.recipe import overridden
from crypto_bot.serving.prediction_service import PredictionService, Window
from crypto_bot.statistics.rows import Ints, direction_score
from crypto_bot.training.plan import spec_of
from simulated_exchange.generated import GeneratedMarket

M15 = Timeframe.parse("15m")
SYMBOLS = load_symbols(Path(__file__).parents[1] / "symbols_32.json")
WINDOW_BARS = 16
ROWS = 20_000
START_MS = 1_760_000_400_000 // M15.ms * M15.ms
HISTORY_BARS = 6_200
CLOSES = 500
MIB = 1024**2


def ensembles() -> Iterator[TrainedModel]:
    """The default recipe's model of each coin, learned from little.

    Sizes are those of real ones: networks of the default size, LightGBM with a few hundred trees.
    """
    recipe = overridden(shipped.recipe("per_coin"), {"learn": POOL_THEN_EACH})
    question = question_of(recipe, recipe.outputs[0], M15)
    plan = plan_of(
        recipe, recipe.outputs[0], question, SYMBOLS, device="cpu", seed=0, cost_bps=10.0
    )
    spec = spec_of(question, plan.family)
    rng = np.random.default_rng(0)
    table = rng.standard_normal((ROWS, len(spec.columns))).astype(np.float32)
    strength = np.sin(2.0 * table[:, :30]).sum(axis=1)
    labels = np.digitize(strength + 4.0 * rng.standard_normal(ROWS), (-2.0, 2.0))
    ends = np.arange(spec.window_bars, ROWS)
    whole = Examples(table, ends, labels[ends], np.ones(ends.size))
    fit, validation = whole.where(ends < ROWS * 3 // 4), whole.where(ends >= ROWS * 3 // 4)
    pool = EnsembleFamily(spec, quick(plan.family.settings)).fit(fit, validation).files()
    columns = np.arange(len(spec.columns))
    scaler = Scaler(*(tuple(each.tolist()) for each in scale_of(table, fit.ends, columns)))
    opens = START_MS - M15.ms * np.arange(5_760, 0, -1)
    for seed, symbol in enumerate(SYMBOLS):
        family = EnsembleFamily(spec, quick(plan.tuning), seed)
        yield TrainedModel(
            symbol=symbol,
            spec=spec,
            files=family.fit(fit, validation, Origin(pool)).files(),
            scaler=scaler,
            calibration=Calibration(),
            decision=DecisionRule(ReturnMap((0.5,), (-1.0, 1.0)), cost_bps=10.0),
            trailing=Trailing(opens, rng.normal(size=opens.size)),
            span=Span(int(opens[0]), int(opens[-1]), opens.size),
            pooled_with=SYMBOLS,
            recipe=recipe.name,
            seed=seed,
            code_version="benchmark",
            trained_ms=START_MS,
            judgement=Judgement(Verdict.ACTIVE, ("made for a benchmark",), ()),
            metrics={},
            curves={},
            reports={},
        )


def quick(settings: EnsembleSettings) -> EnsembleSettings:
    """The same members, fitted for a moment."""
    changed = {
        NetSettings: {"epochs": 1, "up_epochs": 1, "epoch_examples": 512},
        LightGbmSettings: {"move_rounds": 400, "move_patience": 400, "min_rows_in_leaf": 20},
    }
    members = [
        replace(each, settings=replace(each.settings, **changed.get(type(each.settings), {})))
        for each in settings.members
    ]
    return replace(settings, members=tuple(members))


def score_of(model: Model, rows: Features, last: Ints) -> float:
    """The direction score of a single model."""
    return float(direction_score(model.predict_proba(rows, last), DOWN_NEUTRAL_UP)[0])


def median_ms(work: Callable[[], object], repeats: int = 50) -> float:
    """Median of `repeats` calls, after two that are not counted."""
    took = []
    for _ in range(repeats + 2):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took[2:])


def features() -> None:
    """One close of all the coins."""
    market = GeneratedMarket(SYMBOLS, M15.ms, seed=3)
    first_ms, last_ms = START_MS - HISTORY_BARS * M15.ms, START_MS + 100 * M15.ms
    truth = {
        symbol: list(starmap(Candle, market.candles(symbol, first_ms, last_ms)))
        for symbol in SYMBOLS
    }
    for name in ("per_coin_v1", "per_coin_v2"):
        live = LiveFeatures(feature_set(name), M15, SYMBOLS)
        for symbol in SYMBOLS:
            live.preload(symbol, truth[symbol][:HISTORY_BARS])
        at = iter(range(HISTORY_BARS, HISTORY_BARS + 60))

        def close(live: LiveFeatures = live, at: object = at) -> None:
            place = next(at)  # type: ignore[call-overload]  # an iterator
            candles = {symbol: truth[symbol][place] for symbol in SYMBOLS}
            live.update(Bar(candles[SYMBOLS[0]].open_ms, candles))

        print(f"features, 32 coins, one close, {name}: {median_ms(close):.2f} ms")


def inference(models: dict[str, PublishedModel]) -> None:
    """One close of all the coins: stacked and prepared, beside one call for each coin."""
    rng = np.random.default_rng(0)
    count = len(feature_set("per_coin_v2").columns)
    rows = {
        symbol: rng.standard_normal((WINDOW_BARS, count)).astype(np.float32) for symbol in models
    }
    service = PredictionService("cpu", M15.ms)
    service.serve(models)
    before = {symbol: Window(-M15.ms, each[:-1]) for symbol, each in rows.items()}
    now = {symbol: Window(0, each) for symbol, each in rows.items()}
    last = np.array([WINDOW_BARS - 1])

    def one_by_one() -> None:
        with torch.inference_mode():
            for symbol, model in models.items():
                model.model.predict_proba(rows[symbol], last)

    ahead = median_ms(lambda: service.prepare(before))
    stacked = median_ms(lambda: service.predict_batch(now))
    each = median_ms(one_by_one)
    worst = max(
        abs((found.score or 0.0) - score_of(models[symbol].model, rows[symbol], last))
        for symbol, found in service.predict_batch(now).items()
    )
    print(f"inference, 32 coins: {stacked:.2f} ms at the close, {ahead:.1f} ms before it")
    print(f"one module call for each coin: {each:.1f} ms, {each / stacked:.1f} times as long")
    print(f"largest difference of a direction score: {worst:.1e}")


class Feed:
    """The market up to now."""

    def __init__(self, market: GeneratedMarket, clock: ReplayClock) -> None:
        self._market = market
        self._clock = clock

    def halted(self, symbol: str) -> str | None:  # noqa: ARG002 - the port's
        return None

    async def price(self, symbol: str) -> float:
        raise ExchangeUnavailable(symbol)

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        last_ms = min(until_ms, M15.last_closed(self._clock.now_ms()))
        return list(starmap(Candle, self._market.candles(symbol, since_ms, last_ms)))


async def engine(folder: Path) -> None:
    """Time of closes from the last reply to the commit, and memory use.

    The market is made as it goes; the kilobytes of the newest candles are in the figures.
    """
    market = GeneratedMarket(SYMBOLS, M15.ms, seed=3)
    settings = load(
        {
            "models_dir": folder / "models",
            "device": "cpu",
            "engine": {"record_bars": 1},
            "exchange": {"grace_s": 0.0},
        }
    )
    database = Database.open(f"sqlite:///{folder / 'engine.db'}")
    clock = ReplayClock()
    catch_up = build_catch_up(
        settings, SYMBOLS, clock, database, feed=Feed(market, clock), timer=time.perf_counter
    )
    took, memory = [], []
    for bar in range(CLOSES):
        until_ms = START_MS + bar * M15.ms
        clock.set(M15.close_of(until_ms))
        if bar == 0:
            catch_up.recover(until_ms)
        took.append((await catch_up.to(until_ms)).cycle_s * 1e3)
        if bar == 0:
            give_back()  # as the daemon does
        memory.append(psutil.Process().memory_info().rss / MIB)
    store = SqlPredictionStore(database, M15)
    answered = len(store.model_calls(SYMBOLS[0], version_of(settings), START_MS))
    warm = sorted(took[5:])
    print(
        f"reply to commit, 32 models: median {statistics.median(warm):.1f} ms, "
        f"99 % {warm[int(0.99 * len(warm))]:.1f} ms ({answered} of {CLOSES} closes by a model)"
    )
    print(f"memory: {memory[20]:.0f} MiB after 20 closes, {memory[-1]:.0f} after {CLOSES}")
    database.close()


def version_of(settings: Settings) -> str:
    """Of the first coin's model."""
    return served(settings.models_dir, SYMBOLS[0]).version


def served(models_dir: Path, symbol: str) -> PublishedModel:
    """As the engine loads it."""
    folder = versions.current(folder_of(models_dir, symbol, "15m"))
    assert folder is not None
    return load_model(folder, symbol, "15m")


def main() -> None:
    """Prints each figure; the engine runs in a process that did not create the models."""
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        asyncio.run(engine(Path(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in ensembles():
            publish(model, folder / "models")
        subprocess.run([sys.executable, __file__, name], check=True)
        features()
        inference({symbol: served(folder / "models", symbol) for symbol in SYMBOLS})


if __name__ == "__main__":
    main()
