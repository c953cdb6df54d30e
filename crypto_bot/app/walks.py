"""`backtest --walk_forward`: the walk that is asked for, made once and kept in a file."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import structlog

from crypto_bot import __version__
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.candles import TrainingCandles, training_candles
from crypto_bot.app.training.survey import leader_of
from crypto_bot.backtesting.columns import ModelCalls, Models
from crypto_bot.domain.errors import ConfigError, CryptoBotError
from crypto_bot.domain.signal import Source
from crypto_bot.features.sets import schema_hash
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.decision import sides
from crypto_bot.models.families.registered import newest_version
from crypto_bot.recipes.plans import plan_of, question_of
from crypto_bot.recipes.recipe import ENSEMBLE, Recipe, overridden, serving
from crypto_bot.recipes.shipped import recipe as recipe_of
from crypto_bot.statistics.metrics import as_json
from crypto_bot.training.choice import teachers
from crypto_bot.training.estimate import worker_bytes
from crypto_bot.training.memory_budget import workers_for
from crypto_bot.training.panel import Coin, Question, build_panel
from crypto_bot.training.plan import SplitPlan
from crypto_bot.training.run_store import refused
from crypto_bot.training.walk import Walked, WalkPlan, walk

_FOLDER = ".walks"

log = structlog.get_logger()


class Asked(NamedTuple):
    """A walk over candles that open in `[since_ms, until_ms]` with a new model every `days` days.

    `family`: in place of the recipe's, with `settings` in place of some of its own; `max_workers`:
    steps at a time, None for what fits. `kept`: the answers are stored for another backtest.
    """

    since_ms: int
    until_ms: int
    days: float
    family: str | None = None
    seed: int = 0
    max_workers: int | None = None
    settings: Mapping[str, Any] = MappingProxyType({})
    kept: bool = True


class _Ready(NamedTuple):
    """All that the answers of a walk depend on."""

    question: Question
    plan: WalkPlan
    coins: list[Coin]
    leader: CandleTable | None


def walked_models(
    settings: Settings, candles: Path | None, symbols: tuple[str, ...], asked: Asked
) -> Models:
    """The calls of the walk at the cost of the settings, read from its file where it has one.

    `candles`: files to learn from, in place of the database. The model of all the coins answers for
    each, as one whose verdict is ACTIVE. Raises ConfigError, NotEnoughData, TrainingError.
    """
    recipe = _recipe(settings, asked)
    question = question_of(recipe, recipe.outputs[0], settings.timeframe)
    if question.label.direction is None:
        raise ConfigError(f"label {question.label.name} has no direction: no trade follows from it")
    series = question.features.series
    held = training_candles(candles, settings, asked.until_ms + 1, series)
    coins = _coins(held, symbols, question)
    plan = _plan(settings, recipe, question, coins, asked)
    ready = _Ready(question, plan, coins, leader_of(question, coins, held))
    identity = _identity(ready)
    path = settings.models_dir / _FOLDER / f"{identity}.npz"
    if path.exists():
        log.info("walk.read", file=str(path))
        with np.load(path, allow_pickle=False) as stored:
            found = Walked(*(stored[name] for name in Walked._fields))
    else:
        found = _made(path, ready, asked)
    calls = _calls(found, ready, f"walk+{identity[:8]}", settings.decision.cost_bps)
    return Models(Source(recipe.source), calls)


def _recipe(settings: Settings, asked: Asked) -> Recipe:
    recipe = recipe_of(settings.recipe)
    if len(recipe.outputs) > 1:
        raise ConfigError(f"recipe {recipe.name} has several horizons, a backtest trades one")
    changes: dict[str, Any] = {"learn": "pool"}
    if asked.family is not None:
        changes |= serving(recipe, asked.family, None)
        stored = newest_version(asked.family)
        changes["families"] = tuple(
            each.model_copy(update={"settings": {**each.settings, **asked.settings}})
            if newest_version(each.name) == stored
            else each
            for each in changes["families"]
        )
    return overridden(recipe, changes)


def settings_of_family(settings: Settings, family: str) -> dict[str, Any]:
    """The settings with which `family` would be fitted, by name. Raises ConfigError."""
    recipe = _recipe(settings, Asked(0, 0, 0.0, family=family))
    if recipe.serves == ENSEMBLE:
        raise ConfigError("an ensemble has no settings of its own: search those of one member")
    question = question_of(recipe, recipe.outputs[0], settings.timeframe)
    words: dict[str, Any] = {"device": settings.device, "seed": 0, "cost_bps": 0.0}
    return asdict(plan_of(recipe, recipe.outputs[0], question, (), **words).family.settings)


def _coins(held: TrainingCandles, symbols: tuple[str, ...], question: Question) -> list[Coin]:
    read: dict[str, Coin | CryptoBotError] = {
        symbol: held.read(symbol) for symbol in symbols if symbol in held.symbols
    }
    coins = teachers(read, question)
    if not coins:
        raise ConfigError("no coin has enough candles to learn from")
    return coins


def _plan(
    settings: Settings, recipe: Recipe, question: Question, coins: list[Coin], asked: Asked
) -> WalkPlan:
    judged = tuple(coin.symbol for coin in coins)
    training = plan_of(
        *(recipe, recipe.outputs[0], question, judged),
        device=settings.device,
        seed=asked.seed,
        cost_bps=settings.decision.cost_bps,
    )
    if not isinstance(training.splits, SplitPlan):
        raise ConfigError(f"recipe {recipe.name} is split by shares, not by walking forward")
    return WalkPlan(asked.since_ms, asked.until_ms, asked.days, training)


def _identity(ready: _Ready) -> str:
    """SHA-256 of what the answers depend on; what a trade costs plays no part in them."""
    question, plan, coins, leader = ready
    training = replace(plan.training, cost_bps=0.0)
    of = {
        "code_version": __version__,
        "timeframe": question.timeframe.name,
        "features": schema_hash(question.features),
        "label": as_json(question.label),
        "window_bars": question.window_bars,
        "plan": as_json(replace(plan, training=training)),
        "candles": [(c.symbol, c.table.fingerprint(), c.market_since_ms) for c in coins],
        "leader": None if leader is None else leader.fingerprint(),
    }
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]


def _made(path: Path, ready: _Ready, asked: Asked) -> Walked:
    folder = path.with_suffix("")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        panel = build_panel(ready.coins, ready.leader, ready.question, folder)
        workers = workers_for(asked.max_workers, worker_bytes(*panel.features.shape))
        found = walk(folder, panel, ready.plan, workers=workers)
        if asked.kept:
            aside = path.with_suffix(".part.npz")
            np.savez(aside, allow_pickle=False, **found._asdict())
            aside.replace(path)
    except OSError as error:
        raise refused(path, error) from error
    shutil.rmtree(folder)
    return found


def _calls(found: Walked, ready: _Ready, version: str, cost_bps: float) -> dict[str, ModelCalls]:
    """By coin, what the answers decide at this cost of a round trip."""
    side, calls = sides(found.expectation, cost_bps), {}
    for number, coin in enumerate(ready.coins):
        own = found.coin == number
        expected = np.where(side[own] != 0, side[own] * found.long_bps[own], np.nan)
        answers = found.open_ms[own], side[own], found.p[own], expected
        calls[coin.symbol] = ModelCalls(*answers, ready.question.label, version)
    return calls
