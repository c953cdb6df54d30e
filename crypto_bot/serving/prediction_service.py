"""Predictions of many coins: models of one shape as one stack, the rest one by one."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.families.family import Features, Stack, Stacking
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.statistics.rows import Floats, direction_score


class Window(NamedTuple):
    """The newest rows of one coin: raw features [rows, all columns], contiguous, oldest first.

    `open_ms` is the candle of the last row.
    """

    open_ms: int
    rows: Features


class Prediction(NamedTuple):
    """P of each class of the model's label, calibrated, and its direction score before that.

    `score` is None where the label has no direction.
    """

    probabilities: tuple[float, ...]
    score: float | None


class _Group:
    """Models of one shape, and what they know before the next close."""

    def __init__(
        self, models: Mapping[str, PublishedModel], stacking: Stacking, device: str
    ) -> None:
        self.models = dict(models)
        spec = next(iter(models.values())).spec
        self.window_bars = spec.window_bars
        self._place = {symbol: at for at, symbol in enumerate(models)}
        self._stack: Stack = stacking.serve([each.model for each in models.values()], device)
        shape = (len(models), self.window_bars - 1, len(spec.columns))
        self._before = np.zeros(shape, np.float32)
        self._newest = np.zeros((shape[0], shape[2]), np.float32)
        self._known_ms = np.full(len(models), -1, np.int64)
        self._prepared = False

    def prepare(self, windows: Mapping[str, Window]) -> None:
        """Takes in the rows before the next close, each window's newest `window_bars - 1`.

        All of the stack is computed, whoever is asked: results must not depend on the company.
        """
        for symbol, window in windows.items():
            at = self._place[symbol]
            self._before[at] = window.rows[-self._before.shape[1] :]
            self._known_ms[at] = window.open_ms
        self._stack.prepare(self._before)
        self._prepared = True

    def predict(self, windows: Mapping[str, Window], step_ms: int) -> dict[str, Floats]:
        """P [1, classes] for each window of `window_bars` rows; prepares what was not prepared."""
        unprepared = {
            symbol: Window(window.open_ms - step_ms, window.rows[:-1])
            for symbol, window in windows.items()
            if self._known_ms[self._place[symbol]] != window.open_ms - step_ms
        }
        if unprepared or not self._prepared:
            self.prepare(unprepared)
        for symbol, window in windows.items():
            self._newest[self._place[symbol]] = window.rows[-1]
        p = self._stack.predict_proba(self._newest)
        return {symbol: p[self._place[symbol], None] for symbol in windows}


class PredictionService:
    """Serves the models it was last given; `device` is `auto`, `cpu` or `cuda`."""

    def __init__(self, device: str, step_ms: int) -> None:
        self._device = device
        self._step_ms = step_ms
        self._models: dict[str, PublishedModel] = {}
        self._groups: list[_Group] = []

    def serve(self, models: Mapping[str, PublishedModel]) -> None:
        """Replaces what is served; stacks whose models stay are kept."""
        if list(self._models.items()) == list(models.items()):
            return
        self._models = dict(models)
        alike: dict[object, dict[str, PublishedModel]] = {}
        for symbol, model in models.items():
            spec = model.spec
            shape = (spec.family, spec.size, spec.window_bars, spec.columns, spec.label.classes)
            alike.setdefault((shape, tuple(spec.reads.items())), {})[symbol] = model
        kept = {tuple(group.models.items()): group for group in self._groups}
        self._groups = []
        for members in alike.values():
            stacks = FAMILIES.get(next(iter(members.values())).spec.family).capabilities.stacks
            if stacks is not None:
                group = kept.get(tuple(members.items()))
                self._groups.append(group or _Group(members, stacks, self._device))
        _return_memory()

    def prepare(self, windows: Mapping[str, Window]) -> None:
        """Computes all that the next close does not change, from the rows up to now."""
        for group in self._groups:
            ready = {
                symbol: windows[symbol]
                for symbol in group.models
                if symbol in windows and windows[symbol].rows.shape[0] >= group.window_bars - 1
            }
            if ready:
                group.prepare(ready)

    def predict_symbol(self, symbol: str, window: Window) -> Prediction:
        """As `predict_batch`, of one coin."""
        return self.predict_batch({symbol: window})[symbol]

    def predict_batch(self, windows: Mapping[str, Window]) -> dict[str, Prediction]:
        """One prediction for each of `windows`, whose coins are served and whose rows suffice."""
        found: dict[str, Floats] = {}
        for group in self._groups:
            asked = {symbol: windows[symbol] for symbol in group.models if symbol in windows}
            if asked:
                found.update(group.predict(asked, self._step_ms))
        for symbol in windows.keys() - found.keys():
            rows = windows[symbol].rows
            last = np.array([rows.shape[0] - 1])
            found[symbol] = self._models[symbol].model.predict_proba(rows, last)
        return {symbol: self._prediction(symbol, found[symbol]) for symbol in windows}

    def _prediction(self, symbol: str, p: Floats) -> Prediction:
        model = self._models[symbol]
        label = model.spec.label
        calibrated = model.calibration.probabilities(p, label)[0]
        score = None
        if label.direction is not None:
            score = float(direction_score(p, label.direction)[0])
        return Prediction(tuple(calibrated.tolist()), score)


def _return_memory() -> None:
    """Gives the system back what loading left: 100 MB with 32 models. Only glibc has this call."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
