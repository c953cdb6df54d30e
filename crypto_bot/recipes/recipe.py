"""A recipe: what is read, what is predicted, by which models, and how they are fitted and judged.

It is a TOML file; `docs/recipes.md` describes each key. Nothing here loads torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import FEATURE_SETS
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.families.family import FitOptions
from crypto_bot.models.families.registered import newest_version
from crypto_bot.training.baselines import MAJORITY, PERSISTENCE, RULES
from crypto_bot.training.plan import LEAST_FOLDS

DEFAULT = "per_coin"
ENSEMBLE = "ensemble"
_NAME = r"^[a-z][a-z0-9_]*$"
_SUM_SLACK = 1e-6


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WalkForward(_Part):
    """Test folds one after the other, of the usual spans (`training.plan.splits_for`)."""

    kind: Literal["walk_forward"]
    folds: int = LEAST_FOLDS


class SharesOfSpan(_Part):
    """One fold whose parts are shares of the span, in order of time; they sum to 1."""

    kind: Literal["shares"]
    fit: float = Field(default=0.70, gt=0.0)
    validation: float = Field(default=0.15, gt=0.0)
    test: float = Field(default=0.15, gt=0.0)

    @model_validator(mode="after")
    def _whole(self) -> SharesOfSpan:
        _require_sum("the shares of a split", (self.fit, self.validation, self.test))
        return self


class Output(_Part):
    """One label at one horizon; each output is a run of its own."""

    horizon: str
    label: str
    split: Annotated[WalkForward | SharesOfSpan, Field(discriminator="kind")]


class FamilyPart(_Part):
    """A family by its public name, with the settings of its own that differ from their defaults.

    `weight`: of a member of the ensemble; `direction_weight`: of a member in the question which way
    the price goes, where that is not `weight`. `seeds`: how many of it are members, each from a
    seed of its own; they share its weights, and the first alone is fitted further on each coin.
    `known_as`: its name among the measurements.
    """

    name: str
    known_as: str | None = None
    size: str = "default"
    weight: float | None = Field(default=None, ge=0.0)
    direction_weight: float | None = Field(default=None, ge=0.0)
    seeds: int = Field(default=1, ge=1)
    settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def shown(self) -> str:
        """Its name among the measurements."""
        return self.known_as or self.name


class Schedule(_Part):
    """How long and how fast is fitted, where a family's own settings do not say otherwise."""

    epochs: int = FitOptions().epochs
    batch_size: int = FitOptions().batch_size
    learning_rate: float = FitOptions().learning_rate


class Recipe(_Part):
    """One system of models. Names of features, labels and families are those that are registered.

    `timeframe` None: that of the engine. `inputs`: data series that the features read and that may
    be absent. `serves`: the family that answers; `ensemble` is made of all families with weights,
    those `beside` too. The other `families` and those `beside` are measured on the same rows, as
    are the members of an ensemble and the `rules`.
    `learn` None: as the command does by itself. `importance_rows`: test rows on which the
    importance of every column is measured.
    """

    name: str = Field(pattern=_NAME)
    title: str = Field(min_length=1)
    timeframe: str | None = None
    features: str
    window_bars: int
    inputs: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = Field(min_length=1)
    families: tuple[FamilyPart, ...] = Field(min_length=1)
    serves: str
    weights: Literal["fixed", "learned"] = "fixed"
    beside: tuple[FamilyPart, ...] = ()
    rules: tuple[str, ...] = (MAJORITY, PERSISTENCE)
    learn: Literal["pool", "each", "pool_then_each"] | None = None
    schedule: Schedule = Schedule()
    symbols: tuple[str, ...] = ()
    importance_rows: int = Field(default=0, ge=0)
    calls: str = "close"
    source: str

    @property
    def served(self) -> FamilyPart:
        """The family that answers; an ensemble has the size that all of `families` have."""
        if self.serves == ENSEMBLE:
            every, sizes = FamilyPart(name=ENSEMBLE), {each.size for each in self.families}
            return every.model_copy(update={"size": sizes.pop()}) if len(sizes) == 1 else every
        return next(each for each in self.families if each.name == self.serves)

    @property
    def members(self) -> tuple[FamilyPart, ...]:
        """The members of the ensemble; none where another family answers."""
        if self.serves != ENSEMBLE:
            return ()
        every = (*self.families, *self.beside)
        return tuple(each for each in every if each.weight is not None)

    @property
    def compared(self) -> tuple[FamilyPart, ...]:
        """The families that are fitted to be measured beside the one that answers."""
        every = (*(each for each in self.families if each.name != self.serves), *self.beside)
        return tuple(each for each in every if each not in self.members)

    def output_for(self, label: str) -> Output:
        """The output of `label`, or one with the split of the first. Raises ConfigError."""
        held = next((each for each in self.outputs if each.label == label), None)
        if held is not None:
            return held
        horizon = str(LABELS.get(label).horizon)
        return Output(horizon=horizon, label=label, split=self.outputs[0].split)


def overridden(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """`recipe` with some of its fields replaced. Raises ConfigError."""
    changed = recipe.model_copy(update=changes)
    _check(changed)
    return changed


def serving(recipe: Recipe, family: str, size: str | None) -> dict[str, Any]:
    """The fields of `recipe` that change where `family` is to answer; with its settings, if any."""
    stored = newest_version(family)
    own = [each for each in recipe.families if newest_version(each.name) == stored]
    if own or family == ENSEMBLE:
        serves, families = own[0].name if own else ENSEMBLE, list(recipe.families)
    else:
        serves, families = family, [FamilyPart(name=family)]
    if size is not None:
        families = [
            each.model_copy(update={"size": size}) if serves in {each.name, ENSEMBLE} else each
            for each in families
        ]
    return {"serves": serves, "families": tuple(families)}


def recipe_from(held: dict[str, Any], origin: str) -> Recipe:
    """Raises ConfigError in one line, naming `origin`, for anything unknown or contradictory."""
    try:
        recipe = Recipe.model_validate(held)
        _check(recipe)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_first(error)}") from error
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from error
    return recipe


def require_horizon(output: Output, timeframe: Timeframe) -> None:
    """Raises ConfigError where the label of `output` looks further ahead, or less far."""
    asked, label = Horizon.parse(output.horizon), LABELS.get(output.label)
    if asked.bars(timeframe) != label.horizon.bars(timeframe):
        raise ConfigError(
            f"horizon {output.horizon}: label {output.label} looks {label.horizon} ahead"
        )


def _check(recipe: Recipe) -> None:
    FEATURE_SETS.require(recipe.features)
    for part in (*recipe.families, *recipe.beside):
        newest_version(part.name)
    for rule in recipe.rules:
        if rule not in RULES:
            raise ConfigError(f"unknown rule '{rule}': use one of {', '.join(RULES)}")
    _check_outputs(recipe)
    _check_families(recipe)


def _check_outputs(recipe: Recipe) -> None:
    _require_once("outputs", [each.horizon for each in recipe.outputs])
    timeframe = None if recipe.timeframe is None else Timeframe.parse(recipe.timeframe)
    for output in recipe.outputs:
        label = LABELS.get(output.label)
        if timeframe is not None:
            require_horizon(output, timeframe)
        elif Horizon.parse(output.horizon) != label.horizon:
            raise ConfigError(
                f"horizon {output.horizon}: label {output.label} looks {label.horizon} ahead"
            )


def _check_families(recipe: Recipe) -> None:
    _require_once("families", [each.name for each in recipe.families])
    measured = [each.shown for each in (*recipe.members, *recipe.compared)]
    _require_once("names of what is compared", measured)
    if recipe.serves == ENSEMBLE:
        newest_version(ENSEMBLE)
        weights = [each.weight or 0.0 for each in recipe.members]
        if len(weights) < 2:
            raise ConfigError("serves ensemble: two or more families need a weight")
        _require_sum("the weights of the families", weights)
        ways = [
            (each.weight or 0.0) if each.direction_weight is None else each.direction_weight
            for each in recipe.members
        ]
        _require_sum("the direction weights of the families", ways)
    elif all(each.name != recipe.serves for each in recipe.families):
        names = ", ".join(each.name for each in recipe.families)
        raise ConfigError(f"serves {recipe.serves}: it is none of the families {names}")


def _require_once(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{what}: named more than once: {', '.join(twice)}")


def _require_sum(what: str, parts: Sequence[float]) -> None:
    total = fsum(parts)
    if abs(total - 1.0) > _SUM_SLACK:
        raise ConfigError(f"{what} sum to {total:g}, not to 1")


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    where = ".".join(map(str, found["loc"])) or "content"
    if found["type"] == "extra_forbidden":
        return f"unknown key {where}"
    if found["type"] == "missing":
        return f"no {where}"
    return f"{where} = {found['input']!r}: {found['msg']}"
