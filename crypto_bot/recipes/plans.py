"""From a recipe to what a training run is made of: its question and its plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.families.ensemble.family import EnsembleSettings, Member
from crypto_bot.models.families.family import FitOptions
from crypto_bot.models.families.registered import FAMILIES, FamilyChoice, newest_version
from crypto_bot.recipes.recipe import (
    DEFAULT,
    ENSEMBLE,
    FamilyPart,
    Output,
    Recipe,
    WalkForward,
    require_horizon,
)
from crypto_bot.training.panel import Question
from crypto_bot.training.plan import (
    Compared,
    Shares,
    Splits,
    TrainingPlan,
    spec_of,
    splits_for,
)

EACH, POOL_THEN_EACH = "each", "pool_then_each"


def folder_for(models_dir: Path, recipe: Recipe, output: Output) -> Path:
    """The models folder of an output; that of the default recipe is `models_dir` itself."""
    if recipe.name == DEFAULT:
        return models_dir
    return models_dir / "recipes" / recipe.name / output.horizon


def question_of(recipe: Recipe, output: Output, timeframe: Timeframe) -> Question:
    """What the models of an output are asked. Raises ConfigError."""
    require_horizon(output, timeframe)
    if recipe.window_bars < 1:
        raise ConfigError(f"a window of {recipe.window_bars} bars: use 1 or more")
    features, label = feature_set(recipe.features), LABELS.get(output.label)
    unread = sorted(set(recipe.inputs) - {each.series for each in features.series})
    if unread:
        raise ConfigError(f"inputs {', '.join(unread)}: features {features.name} do not read them")
    return Question(timeframe, features, label, recipe.window_bars)


def plan_of(
    recipe: Recipe,
    output: Output,
    question: Question,
    judged: tuple[str, ...],
    *,
    device: str,
    seed: int,
    cost_bps: float,
) -> TrainingPlan:
    """How the models of `judged` are made. Raises ConfigError for what cannot be done."""
    schedule = recipe.schedule
    options = FitOptions(schedule.epochs, schedule.batch_size, schedule.learning_rate, device)
    choice = served_choice(recipe, options)
    choice.build(spec_of(question, choice), seed)
    kind, tuning = FAMILIES.get(choice.name), None
    if recipe.learn == POOL_THEN_EACH and kind.capabilities.starts_from_model:
        tuning = _served_settings(recipe, options, fine_tuning=True)
    return TrainingPlan(
        judged=judged,
        family=choice,
        pooled=recipe.learn != EACH,
        tuning=tuning,
        splits=_splits(output, question),
        seed=seed,
        cost_bps=cost_bps,
        recipe=recipe.name,
        rules=recipe.rules,
        compared=tuple(Compared(part.shown, choice_of(part, options)) for part in recipe.compared),
        importance_rows=recipe.importance_rows,
    )


def served_choice(recipe: Recipe, options: FitOptions) -> FamilyChoice:
    """The family that answers; an ensemble with its members. Raises ConfigError."""
    served, settings = recipe.served, _served_settings(recipe, options)
    return FamilyChoice(newest_version(served.name), served.size, settings)


def _served_settings(recipe: Recipe, options: FitOptions, *, fine_tuning: bool = False) -> Any:
    if recipe.serves != ENSEMBLE:
        return _settings(recipe.served, options, fine_tuning=fine_tuning)
    members = [
        member
        for part in recipe.members
        for member in _members(part, _settings(part, options, fine_tuning=fine_tuning))
    ]
    return EnsembleSettings(tuple(members), recipe.weights)


def _members(part: FamilyPart, settings: Any) -> Iterator[Member]:
    """One for each seed."""
    way = part.direction_weight
    for number in range(part.seeds):
        yield Member(
            part.name,
            weight=(part.weight or 0.0) / part.seeds,
            size=part.size,
            settings=settings,
            name=part.shown if number == 0 else f"{part.shown}_{number + 1}",
            direction_weight=None if way is None else way / part.seeds,
            tuned=number == 0,
        )


def choice_of(part: FamilyPart, options: FitOptions) -> FamilyChoice:
    """A family with its settings. Raises ConfigError."""
    return FamilyChoice(newest_version(part.name), part.size, _settings(part, options))


def _settings(part: FamilyPart, options: FitOptions, *, fine_tuning: bool = False) -> Any:
    """The family's own settings, those that the recipe names in place of its defaults."""
    settings = FAMILIES.get(newest_version(part.name)).settings_for(
        options, fine_tuning=fine_tuning
    )
    known = [each.name for each in fields(settings)]
    for name in part.settings:
        if name not in known:
            raise ConfigError(
                f"family {part.name}: unknown setting '{name}': use one of {', '.join(known)}"
            )
    held = {name: getattr(settings, name) for name in known}
    try:
        made = TypeAdapter(type(settings)).validate_python({**held, **part.settings})
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        name = ".".join(map(str, found["loc"]))
        raise ConfigError(
            f"family {part.name}: {name} = {found['input']!r}: {found['msg']}"
        ) from error
    return made


def _splits(output: Output, question: Question) -> Splits:
    split = output.split
    if isinstance(split, WalkForward):
        return splits_for(question, split.folds)
    return Shares(split.fit, split.validation, split.test)
