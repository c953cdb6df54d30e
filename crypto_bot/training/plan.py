"""The plan of a run: which models are made, from what, and how time is cut to measure them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, NamedTuple

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.features.sets import schema_hash
from crypto_bot.models.families.registered import FAMILIES, FamilyChoice
from crypto_bot.models.spec import ModelSpec, Reads
from crypto_bot.training.baselines import LOGISTIC, MAJORITY, PERSISTENCE, REVERSAL, TREES
from crypto_bot.training.panel import Question

LEAST_FOLDS = 4
LEAST_TEST_DAYS = 250
"""Fewer of either support no claim."""
LEAST_LABELS = 10
"""A validation, a test and the first fit hold so many horizons: labels of a coin, one by one."""
LEAST_SHARE_LABELS = 3
"""The same of the parts of a single fold, which supports no claim in any case."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How time is cut. `test_days` each; the first fit has at least `least_fit_days`."""

    folds: int = LEAST_FOLDS
    test_days: int = 73
    validation_days: int = 30
    embargo_days: int = 1
    least_fit_days: int = 90

    def __post_init__(self) -> None:
        if min(self.folds, self.test_days, self.validation_days, self.least_fit_days) < 1 or (
            self.embargo_days < 0
        ):
            raise ConfigError(
                f"cannot split by {self}: folds and days are at least 1, the embargo at least 0"
            )

    def embargo_ms(self, horizon_ms: int) -> int:
        """Left out before a test, besides the purge: at least the horizon of the label."""
        return max(self.embargo_days * DAY_MS, horizon_ms)


@dataclass(frozen=True, slots=True)
class Shares:
    """One fold whose parts are shares of the span of the youngest coin, in order of time.

    Between the parts lies the horizon of the label and no embargo.
    """

    fit: float = 0.70
    validation: float = 0.15
    test: float = 0.15

    @property
    def folds(self) -> int:
        """How many there are."""
        return 1

    def embargo_ms(self, horizon_ms: int) -> int:
        """None: the purge of one horizon is all that is left out before the test."""
        del horizon_ms
        return 0


Splits = SplitPlan | Shares


class Compared(NamedTuple):
    """A family that is fitted to be measured beside the model, by its name there."""

    name: str
    family: FamilyChoice


STANDARD_RULES = (MAJORITY, PERSISTENCE, REVERSAL)
STANDARD_FAMILIES = (
    Compared(LOGISTIC, FamilyChoice("logistic_v1")),
    Compared(TREES, FamilyChoice("lightgbm_v1")),
)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How models are made.

    `judged` names the coins that get a model; the others of the panel are only learned from.
    `pooled`: one model learns from all the coins first. `tuning`: the settings of its family with
    which that model is fitted further on each coin by itself; without them it is every coin's.
    `trials`: how many models and rules were tried on these rows. `recipe`: by whose name it is
    made. `rules` and `compared`: what it is measured beside, on the same rows. `importance_rows`:
    test rows on which the importance of each column is measured; 0: none. Raises ConfigError for
    `tuning` of a family that cannot start from a model.
    """

    judged: tuple[str, ...]
    family: FamilyChoice = field(default_factory=FamilyChoice)
    pooled: bool = True
    tuning: Any = None
    splits: Splits = field(default_factory=SplitPlan)
    seed: int = 0
    cost_bps: float = 10.0
    trials: int = 1
    recipe: str = "per_coin"
    rules: tuple[str, ...] = STANDARD_RULES
    compared: tuple[Compared, ...] = STANDARD_FAMILIES
    importance_rows: int = 0

    def __post_init__(self) -> None:
        if self.tuning is None:
            return
        if not FAMILIES.get(self.family.name).capabilities.starts_from_model:
            raise ConfigError(f"{self.family.name} cannot start from another model")

    @property
    def tuned(self) -> bool:
        """Whether each coin has a fit of its own."""
        return self.tuning is not None or not self.pooled


def spec_of(question: Question, choice: FamilyChoice, reads: Reads | None = None) -> ModelSpec:
    """What a model of this family reads and predicts; `reads` in place of the family's own."""
    features = question.features
    if reads is None:
        kind = FAMILIES.get(choice.name)
        reads = kind.reads(features, question.label, choice.chosen_settings)
    return ModelSpec(
        family=choice.name,
        size=choice.size,
        timeframe=question.timeframe.name,
        features=features.name,
        schema_hash=schema_hash(features),
        columns=features.columns,
        reads=reads,
        window_bars=question.window_bars,
        label=question.label,
    )


def splits_for(question: Question, folds: int = LEAST_FOLDS) -> SplitPlan:
    """The usual spans, each lengthened to `LEAST_LABELS` horizons of the label where it is shorter.

    All usual spans hold so many of a label of up to three days. With a horizon of 30 days each
    becomes 300 days, and four folds ask for five and a half years.
    """
    horizon_ms = question.label.horizon.ms(question.timeframe)
    least = -(-LEAST_LABELS * horizon_ms // DAY_MS)
    usual = SplitPlan(folds)
    return replace(
        usual,
        test_days=max(usual.test_days, least),
        validation_days=max(usual.validation_days, least),
        least_fit_days=max(usual.least_fit_days, least),
    )


def needed_candles(question: Question, splits: Splits) -> int:
    """About how many candles without a gap give a coin all of its folds."""
    timeframe, horizon = question.timeframe, question.label.horizon
    around = question.features.warm_up_bars(timeframe) + question.window_bars
    if isinstance(splits, Shares):
        return around + least_bars(splits, horizon.bars(timeframe))
    days = splits.folds * splits.test_days + splits.validation_days + splits.least_fit_days
    bars = (days * DAY_MS + splits.embargo_ms(horizon.ms(timeframe))) // timeframe.ms
    return bars + around + 3 * horizon.bars(timeframe)


def least_bars(shares: Shares, horizon_bars: int) -> int:
    """Bars of a span whose every part still holds `LEAST_SHARE_LABELS` horizons after its purge."""
    smallest = min(shares.fit, shares.validation, shares.test)
    return ceil((LEAST_SHARE_LABELS + 1) * horizon_bars / smallest)
