"""The recipe whose models the engine serves: their folder, and how far they look ahead."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.signal import CHAIN_MODELS, Source
from crypto_bot.recipes.plans import folder_for
from crypto_bot.recipes.recipe import DEFAULT
from crypto_bot.recipes.shipped import recipe as recipe_of


class ServedRecipe(NamedTuple):
    """`horizon` is None for the default recipe, whose models look as far as each was trained."""

    models_dir: Path
    horizon: str | None
    source: Source
    """The name of the calls of its models."""
    window_bars: int
    """Candles that one answer of its models reads, beside the warm-up of their features."""


def of_recipe(settings: Settings) -> Settings:
    """The settings with the models of their recipe for all models. Raises ConfigError."""
    root = served_recipe(settings).models_dir
    return settings.model_copy(update={"models_dir": root, "recipe": DEFAULT})


def served_recipe(settings: Settings) -> ServedRecipe:
    """Of `settings.recipe`. Raises ConfigError where the engine cannot serve it."""
    recipe = recipe_of(settings.recipe)
    if settings.recipe == DEFAULT:
        source = Source(recipe.source)
        return ServedRecipe(settings.models_dir, None, source, recipe.window_bars)
    if recipe.timeframe not in {None, settings.tf}:
        raise ConfigError(
            f"recipe {recipe.name} reads {recipe.timeframe} candles, the engine {settings.tf}: "
            f"use --tf {recipe.timeframe}"
        )
    if len(recipe.outputs) > 1:
        horizons = ", ".join(output.horizon for output in recipe.outputs)
        raise ConfigError(
            f"recipe {recipe.name} answers for {horizons}, an engine for one: its models answer "
            f"once a day beside any engine with outlook.recipe = '{settings.recipe}'"
        )
    if recipe.source not in CHAIN_MODELS:
        raise ConfigError(
            f"recipe {recipe.name}: source = '{recipe.source}': an engine's models are "
            f"{', '.join(CHAIN_MODELS)}"
        )
    (output,) = recipe.outputs
    folder = folder_for(settings.models_dir, recipe, output)
    return ServedRecipe(folder, output.horizon, Source(recipe.source), recipe.window_bars)
