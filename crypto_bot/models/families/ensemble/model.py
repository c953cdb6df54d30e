"""An ensemble as a value: its members, their weights, and how both are stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isclose
from typing import Any, NamedTuple

from crypto_bot.domain.errors import ConfigError, ModelIncompatible
from crypto_bot.models.families.family import Features, Files, FitOptions, Model
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.models.spec import ModelSpec, Reads
from crypto_bot.statistics.rows import Floats, Ints

_FILE = "ensemble.json"
_SEPARATOR = "."
"""Stands between the name of a member and that of its file, or of a part that it reads."""


class Part(NamedTuple):
    """One member: its name, what it reads, its share of the answer, and the model."""

    name: str
    spec: ModelSpec
    weight: float
    model: Model


@dataclass(frozen=True, slots=True)
class EnsembleModel:
    """The weighted mean of what its parts answer; their weights sum to 1."""

    parts: tuple[Part, ...]

    @property
    def members(self) -> Mapping[str, Model]:
        """Each member by its name."""
        return {part.name: part.model for part in self.parts}

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        return self.mean_of(
            {name: model.predict_proba(features, ends) for name, model in self.members.items()}
        )

    def mean_of(self, answers: Mapping[str, Floats]) -> Floats:
        """The answer to rows that each member has `answers` [n, classes] to."""
        first, *others = self.parts
        mean = first.weight * answers[first.name]
        for part in others:
            mean += part.weight * answers[part.name]
        return mean


@dataclass(frozen=True, slots=True)
class FittedEnsemble(EnsembleModel):
    """An ensemble, and the files of each member by its name."""

    stored: Mapping[str, Files]
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        held = [
            {
                "name": part.name,
                "family": part.spec.family,
                "size": part.spec.size,
                "weight": part.weight,
            }
            for part in self.parts
        ]
        files = {_FILE: json.dumps({"members": held}, indent=2).encode()}
        for name, own in self.stored.items():
            files |= {f"{name}{_SEPARATOR}{file}": content for file, content in own.items()}
        return files


def joined_reads(reads: Mapping[str, Reads]) -> Reads:
    """What all members read, each part under its member's name."""
    return {
        f"{name}{_SEPARATOR}{part}": columns
        for name, own in reads.items()
        for part, columns in own.items()
    }


def names_in(reads: Reads) -> set[str]:
    """The members whose parts `joined_reads` joined."""
    return {part.partition(_SEPARATOR)[0] for part in reads}


def spec_of_member(spec: ModelSpec, name: str, family: str, size: str) -> ModelSpec:
    """What a member of an ensemble of `spec` reads and predicts."""
    return replace(spec, family=family, size=size, reads=_own(spec.reads, name))


def files_of(files: Files, name: str) -> Files:
    """The files of one member, under its own names."""
    return _own(files, name)


def loaded(spec: ModelSpec, files: Files) -> EnsembleModel:
    """What `FittedEnsemble.files` stored. Raises ModelIncompatible for anything else."""
    try:
        parts = tuple(_parts(spec, files))
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise ModelIncompatible(
            f"{_FILE} is missing, damaged or of another ensemble: train the model again"
        ) from error
    return EnsembleModel(parts)


def _parts(spec: ModelSpec, files: Files) -> Iterator[Part]:
    held = json.loads(files[_FILE])["members"]
    weights = [float(each["weight"]) for each in held]
    if min(weights) < 0.0 or not isclose(sum(weights), 1.0):
        raise ValueError("the weights are no shares")
    if {each["name"] for each in held} != names_in(spec.reads):
        raise ValueError("the members are not those that read")
    for each, weight in zip(held, weights, strict=True):
        name = each["name"]
        own = spec_of_member(spec, name, each["family"], each["size"])
        kind = FAMILIES.get(own.family)
        family = kind(own, kind.settings_for(FitOptions(device="cpu")))
        yield Part(name, own, weight, family.load(files_of(files, name)))


def _own(named: Mapping[str, Any], name: str) -> dict[str, Any]:
    start = f"{name}{_SEPARATOR}"
    return {
        each.removeprefix(start): held for each, held in named.items() if each.startswith(start)
    }
