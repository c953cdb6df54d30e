"""Ensembles of many coins that answer together: each member's models as one stack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crypto_bot.models.families.ensemble.model import EnsembleModel, Part, Share, joined
from crypto_bot.models.families.family import Features, Model, Stack
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.models.spec import ModelSpec
from crypto_bot.statistics.rows import Floats


class EnsembleStack:
    """Ensembles of the same members, one for each coin, in the order given."""

    def __init__(self, models: Sequence[EnsembleModel], device: str) -> None:
        by_member = list(zip(*(model.parts for model in models), strict=True))
        self._stacks = [_stack_of(parts, device) for parts in by_member]
        self._shares = [
            Share(*(np.array(each) for each in zip(*(part.share for part in parts), strict=True)))
            for parts in by_member
        ]
        self._way = models[0].parts[0].spec.label.three_way

    def prepare(self, before: Features) -> None:
        """As `family.Stack.prepare`."""
        for stack in self._stacks:
            stack.prepare(before)

    def predict_proba(self, newest: Features) -> Floats:
        """As `family.Stack.predict_proba`."""
        answers = [stack.predict_proba(newest) for stack in self._stacks]
        return joined(self._shares, answers, self._way)


class _OneByOne:
    """Models that do not stack: each is asked by itself, one that all coins share once for all."""

    def __init__(self, models: Sequence[Model], spec: ModelSpec) -> None:
        self._models = models
        shape = (len(models), spec.window_bars, len(spec.columns))
        self._windows = np.zeros(shape, np.float32)
        self._newest = np.array([spec.window_bars - 1])

    def prepare(self, before: Features) -> None:
        """As `family.Stack.prepare`."""
        self._windows[:, :-1] = before

    def predict_proba(self, newest: Features) -> Floats:
        """As `family.Stack.predict_proba`."""
        self._windows[:, -1] = newest
        first, coins = self._models[0], len(self._models)
        if all(model is first for model in self._models):
            bars = self._windows.shape[1]
            whole = self._windows.reshape(coins * bars, -1)
            return first.predict_proba(whole, np.arange(1, coins + 1) * bars - 1)
        return np.concatenate(
            [
                model.predict_proba(window, self._newest)
                for model, window in zip(self._models, self._windows, strict=True)
            ]
        )


def _stack_of(parts: Sequence[Part], device: str) -> Stack:
    """One member of all coins; a stack where its family has them and all are of one shape."""
    spec, models = parts[0].spec, [part.model for part in parts]
    stacks = FAMILIES.get(spec.family).capabilities.stacks
    if stacks is None or any(part.spec != spec for part in parts):
        return _OneByOne(models, spec)
    return stacks.serve(models, device)
