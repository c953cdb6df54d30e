"""An ensemble as a value: its members, their weights, and how both are stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isclose
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from crypto_bot.domain.errors import ConfigError, ModelIncompatible
from crypto_bot.domain.label import Direction
from crypto_bot.models.families.family import (
    Family,
    Features,
    Files,
    FitOptions,
    Model,
    Scaled,
)
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.models.families.two_heads import HeadLogits, probabilities
from crypto_bot.models.spec import ModelSpec, Reads, Scaler
from crypto_bot.statistics.rows import Floats, Ints, direction_score, move_logit

_FILE = "ensemble.json"
_SEPARATOR = "."
"""Stands between the name of a member and that of its file, or of a part that it reads."""


class Share(NamedTuple):
    """How much a member has of the answer.

    `weight`: its share, of all classes or of the log odds of a move. `direction_weight`: of the
    direction score. `direction_spread`: standard deviation of its own direction score over the
    validation rows. Arrays [n] where each of n rows is answered by an ensemble of its own.
    """

    weight: float | Floats
    direction_weight: float | Floats
    direction_spread: float | Floats = 1.0


class Part(NamedTuple):
    """One member: its name, what it reads, its share of the answer, and the model."""

    name: str
    spec: ModelSpec
    share: Share
    model: Model


def joined(shares: Sequence[Share], answers: Sequence[Floats], way: Direction | None) -> Floats:
    """P [n, classes] of an ensemble whose members have `shares` and `answers` [n, classes].

    Of a label that is not `three_way` (`way` None) the weighted mean of the probabilities. Else
    that of the log odds of a move, and that of the direction scores, each member's over its spread
    so that none counts for being surer; the mean spread makes a score of it again.
    """
    if way is None:
        each = zip(shares, answers, strict=True)
        parts = [np.reshape(share.weight, (-1, 1)) * p for share, p in each]
        mean: Floats = np.sum(parts, axis=0)
        return mean
    spread = sum(share.direction_weight * share.direction_spread for share in shares)
    move, up = np.zeros((2, answers[0].shape[0]))
    for share, p in zip(shares, answers, strict=True):
        move += share.weight * move_logit(p, way)
        up += share.direction_weight * spread / share.direction_spread * direction_score(p, way)
    return probabilities(HeadLogits(move, up), way)


@dataclass(frozen=True, slots=True)
class EnsembleModel:
    """The weighted mean of what its parts answer, see `joined`; their weights sum to 1."""

    parts: tuple[Part, ...]

    @property
    def members(self) -> Mapping[str, Model]:
        """Each member by its name."""
        return {part.name: part.model for part in self.parts}

    @property
    def shares(self) -> Mapping[str, tuple[float, float]]:
        """Of each member by its name: its weight, and its weight in the direction."""
        return {
            part.name: (float(part.share.weight), float(part.share.direction_weight))
            for part in self.parts
        }

    def is_scaled_by(self, scaler: Scaler) -> bool:
        """Whether every part that scales does so by these numbers."""
        models = [part.model for part in self.parts if isinstance(part.model, Scaled)]
        return all(model.is_scaled_by(scaler) for model in models)

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        return self.mean_of(
            {name: model.predict_proba(features, ends) for name, model in self.members.items()}
        )

    def mean_of(self, answers: Mapping[str, Floats]) -> Floats:
        """The answer to rows that each member has `answers` [n, classes] to."""
        shares, own = zip(*((part.share, answers[part.name]) for part in self.parts), strict=True)
        return joined(shares, own, self.parts[0].spec.label.three_way)


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
                **part.share._asdict(),
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


def shares_in(files: Files) -> dict[str, Share]:
    """The share of each member by its name, as `FittedEnsemble.files` stored them."""
    return {
        each["name"]: Share(*(float(each[name]) for name in Share._fields))
        for each in json.loads(files[_FILE])["members"]
    }


def _parts(spec: ModelSpec, files: Files) -> Iterator[Part]:
    held = json.loads(files[_FILE])["members"]
    shares = list(shares_in(files).values())
    for weights in (
        [share.weight for share in shares],
        [share.direction_weight for share in shares],
    ):
        if min(weights) < 0.0 or not isclose(sum(weights), 1.0):
            raise ValueError("the weights are no shares")
    if not min(share.direction_spread for share in shares) > 0.0:
        raise ValueError("a spread is above 0")
    if {each["name"] for each in held} != names_in(spec.reads):
        raise ValueError("the members are not those that read")
    for each, share in zip(held, shares, strict=True):
        name = each["name"]
        own = spec_of_member(spec, name, each["family"], each["size"])
        kind = FAMILIES.get(own.family)
        family = kind(own, kind.settings_for(FitOptions(device="cpu")))
        yield Part(name, own, share, _loaded_once(family, files_of(files, name)))


_LOADED: WeakValueDictionary[str, Model] = WeakValueDictionary()


def _loaded_once(family: Family, files: Files) -> Model:
    """The model in `files`: the same one wherever they are the same, as in ensembles of many coins.

    Members that stay the pool's are then held once, and answer for all coins together.
    """
    digest = hashlib.sha256(f"{family}".encode())
    for name in sorted(files):
        digest.update(f"{name} {len(files[name])} ".encode())
        digest.update(files[name])
    key = digest.hexdigest()
    held = _LOADED.get(key)
    if held is None:
        held = _LOADED[key] = family.load(files)
    return held


def _own(named: Mapping[str, Any], name: str) -> dict[str, Any]:
    start = f"{name}{_SEPARATOR}"
    return {
        each.removeprefix(start): held for each, held in named.items() if each.startswith(start)
    }
