"""The ensemble family: members of other families, with fixed or learned weights."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

from crypto_bot.domain.errors import ConfigError, CryptoBotError
from crypto_bot.domain.label import LabelSpec
from crypto_bot.features.sets import FeatureSet
from crypto_bot.models.beside import to_the_end
from crypto_bot.models.families.ensemble.fitting import fit_ensembles
from crypto_bot.models.families.ensemble.model import (
    EnsembleModel,
    FittedEnsemble,
    Share,
    joined_reads,
    loaded,
    names_in,
    spec_of_member,
)
from crypto_bot.models.families.ensemble.stack import EnsembleStack
from crypto_bot.models.families.family import (
    NEW,
    Capabilities,
    Examples,
    Family,
    Files,
    FitOptions,
    FittedModel,
    Model,
    Origin,
    Stack,
    StackedFit,
    require_classes,
)
from crypto_bot.models.families.registered import (
    FAMILIES,
    FamilyChoice,
    newest_version,
    public_name,
)
from crypto_bot.models.spec import ModelSpec, Reads

PUBLIC_NAME = "ensemble"
_USUAL = ("cnn_lstm", "lightgbm")
"""Members where none are named: on the same rows they are better together than either."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Member:
    """A family of the ensemble, by public or stored name.

    `weight`: its share of the answer, beside those of the others; `direction_weight`: that of which
    way the price goes, where the label asks for it by itself (None: as `weight`). `size` None: that
    of the ensemble. `settings`: its family's own; None: its defaults. `name` None: its public name.
    `tuned`: whether it is fitted further where the ensemble is and its family can be.
    """

    family: str
    weight: float = 1.0
    size: str | None = None
    settings: Any = None
    name: str | None = None
    direction_weight: float | None = None
    tuned: bool = True

    @property
    def known_as(self) -> str:
        """The name of the member."""
        return self.name or public_name(self.family)

    @property
    def weights(self) -> tuple[float, float]:
        """Of all classes (or of a move), and of which way."""
        way = self.weight if self.direction_weight is None else self.direction_weight
        return self.weight, way

    @property
    def choice(self) -> FamilyChoice:
        """Its family and settings. Raises ConfigError for an unknown family."""
        return FamilyChoice(newest_version(self.family), settings=self.settings)


@dataclass(frozen=True, slots=True)
class EnsembleSettings:
    """The members, and whether their `weights` are fixed or learned on the validation rows.

    Learned weights are drawn towards equal ones as by `equal_rows` rows on which all members are
    equally good.
    """

    members: tuple[Member, ...] = tuple(Member(name) for name in _USUAL)
    weights: Literal["fixed", "learned"] = "fixed"
    equal_rows: float = 200.0

    def __post_init__(self) -> None:
        names = [member.known_as for member in self.members]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ConfigError("an ensemble has two or more members, each with a name of its own")
        for member in self.members:
            if not _NAME.fullmatch(member.known_as):
                raise ConfigError(f"member '{member.known_as}': use letters, digits and _ alone")
            if public_name(newest_version(member.family)) == PUBLIC_NAME:
                raise ConfigError("an ensemble cannot be a member of an ensemble")
            if not (min(member.weights) >= 0.0 and 0.0 < sum(member.weights) < math.inf):
                raise ConfigError(f"weight {member.weight} of {member.known_as}: use one above 0")
        if not all(self._totals):
            raise ConfigError("no member has a weight above 0 of which way, or of anything else")
        if self.weights not in {"fixed", "learned"}:
            raise ConfigError(f"unknown weights '{self.weights}': use one of fixed, learned")
        if not 0.0 <= self.equal_rows < float("inf"):
            raise ConfigError(f"equal_rows is {self.equal_rows}: use 0 or more")

    @property
    def _totals(self) -> tuple[float, float]:
        """Of all members' weights."""
        whole, way = zip(*(member.weights for member in self.members), strict=True)
        return math.fsum(whole), math.fsum(way)

    @property
    def shares(self) -> dict[str, Share]:
        """The fixed share of each member by name; they sum to 1."""
        whole, way = self._totals
        return {
            member.known_as: Share(member.weights[0] / whole, member.weights[1] / way)
            for member in self.members
        }


class EnsembleStacking:
    """Ensembles of many coins, member by member."""

    def fit(
        self, fits: Sequence[StackedFit]
    ) -> Generator[None, None, list[FittedModel | CryptoBotError]]:
        """As `Stacking.fit`."""
        return (yield from fit_ensembles(fits))

    def serve(self, models: Sequence[Model], device: str) -> Stack:
        """As `Stacking.serve`."""
        return EnsembleStack([cast("EnsembleModel", model) for model in models], device)


@dataclass(frozen=True, slots=True)
class EnsembleFamily:
    """Models of several families that answer as one: the weighted mean of what each answers.

    Each member learns as it would by itself, those that do not learn from overlapping rows from
    rows a horizon apart. A fit that starts from an ensemble fits those members further that can be;
    the others stay as they are. Of what is loaded the stored files name the members, not the
    settings.
    """

    spec: ModelSpec
    settings: EnsembleSettings = EnsembleSettings()
    seed: int = 0

    capabilities: ClassVar[Capabilities] = Capabilities(
        resumes=True, starts_from_model=True, stacks=EnsembleStacking(), exports=("onnx",)
    )
    overlapping: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if names_in(self.spec.reads) == set(self.settings.shares):
            self.families()

    @staticmethod
    def reads(features: FeatureSet, label: LabelSpec, settings: EnsembleSettings) -> Reads:
        own = {}
        for member in settings.members:
            choice = member.choice
            kind = FAMILIES.get(choice.name)
            own[member.known_as] = kind.reads(features, label, choice.chosen_settings)
        return joined_reads(own)

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> EnsembleSettings:
        members = []
        for name in _USUAL:
            kind = FAMILIES.get(newest_version(name))
            settings = kind.settings_for(options, fine_tuning=fine_tuning)
            members.append(Member(name, settings=settings))
        return EnsembleSettings(tuple(members))

    def families(self) -> dict[str, Family]:
        """Each member's family by the member's name. Raises ConfigError for what one cannot do."""
        return {
            member.known_as: member.choice.build(
                self.member_spec(member.known_as), self.seed + place
            )
            for place, member in enumerate(self.settings.members)
        }

    def member_spec(self, name: str) -> ModelSpec:
        """What a member reads and predicts."""
        member = next(each for each in self.settings.members if each.known_as == name)
        size = self.spec.size if member.size is None else member.size
        return spec_of_member(self.spec, name, member.choice.name, size)

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> FittedEnsemble:
        require_classes(self.spec.label, (("fit", fit), ("validation", validation)))
        asked = StackedFit(self, fit, validation, origin)
        (outcome,) = to_the_end(fit_ensembles([asked]))
        if isinstance(outcome, CryptoBotError):
            raise outcome
        return cast("FittedEnsemble", outcome)

    def load(self, files: Files) -> EnsembleModel:
        return loaded(self.spec, files)

    def seconds(self, rows: int, separate: float) -> float:
        return sum(family.seconds(rows, separate) for family in self.families().values())
