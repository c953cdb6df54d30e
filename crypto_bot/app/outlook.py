"""The engines of the outlook: for each horizon of a recipe of daily models one of its own."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from crypto_bot.adapters.store.database import Database
from crypto_bot.app.settings import Settings
from crypto_bot.app.wiring import model_registry
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.registry import ModelRegistry
from crypto_bot.recipes.plans import folder_for
from crypto_bot.recipes.recipe import DEFAULT, Output, Recipe
from crypto_bot.recipes.shipped import recipe as recipe_of


class OutlookEngine(NamedTuple):
    """The engine that answers for one horizon; `settings` are its own."""

    horizon: str
    key: EngineKey
    settings: Settings
    registry: ModelRegistry
    """Of its models: whoever serves them and whoever shows them load each once."""
    training: str
    """The command that trains its models."""

    @property
    def timeframe(self) -> Timeframe:
        """Of its candles."""
        return self.settings.timeframe


def outlook_engines(settings: Settings) -> tuple[OutlookEngine, ...]:
    """One for each horizon of the recipe; none where models or the outlook are off.

    Raises ConfigError for a recipe that is unknown or wrong, or has no timeframe of its own.
    """
    if not (settings.use_ml and settings.outlook.enabled):
        return ()
    recipe = recipe_of(settings.outlook.recipe)
    if recipe.timeframe is None:
        raise ConfigError(
            f"settings: outlook.recipe: recipe {recipe.name} has no timeframe: the engine serves "
            "it with --recipe"
        )
    return tuple(_engine(settings, recipe, output) for output in recipe.outputs)


def outlook_engine(settings: Settings, horizon: str) -> OutlookEngine:
    """The engine of `horizon`. Raises ConfigError where there is none."""
    found = {engine.horizon: engine for engine in outlook_engines(settings)}
    if not found:
        raise ConfigError("the outlook is off: set use_ml = 1 and outlook.enabled = true")
    if horizon not in found:
        raise ConfigError(f"no outlook for '{horizon}': use one of {', '.join(found)}")
    return found[horizon]


def add_horizon(parser: ArgumentParser) -> None:
    """Adds the flag that chooses an outlook in place of the engine's own signals."""
    text = "of the daily answers of this horizon, such as 7d, instead of the engine's own signals"
    parser.add_argument("--horizon", help=text)


@contextmanager
def opened_log(settings: Settings, horizon: str | None) -> Iterator[tuple[Settings, Database]]:
    """The database for reading the log of the engine, or of its outlook for `horizon`.

    And the settings of whose log it is. Raises ConfigError.
    """
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        if horizon is None:
            yield settings, database
        else:
            engine = outlook_engine(settings, horizon)
            yield engine.settings, database.of(engine.key)


def _engine(settings: Settings, recipe: Recipe, output: Output) -> OutlookEngine:
    """It begins with the newest closed candle: answers for those gone by would all be late."""
    assert recipe.timeframe is not None, "see outlook_engines"
    key = settings.engine_key.outlook(recipe.name, output.horizon)
    engine = settings.engine.model_copy(
        update={
            "name": key.name,
            "horizon_bars": Horizon.parse(output.horizon).bars(Timeframe.parse(recipe.timeframe)),
            "record_bars": 1,
            "late_after_s": None,
        }
    )
    own = {
        "tf": recipe.timeframe,
        "models_dir": folder_for(settings.models_dir, recipe, output),
        "engine": engine,
        "models": settings.models.model_copy(update={"served": settings.outlook.served}),
        "recipe": DEFAULT,
    }
    training = f"crypto-bot train all --recipe {settings.outlook.recipe}"
    of_engine = settings.model_copy(update=own)
    return OutlookEngine(output.horizon, key, of_engine, model_registry(of_engine), training)
