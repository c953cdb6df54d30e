"""Predictions of many coins: models of one shape as one stacked forward, the rest one by one."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch

from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.families.cnn_lstm.fit import FittedNet, chosen_device
from crypto_bot.models.families.cnn_lstm.stacked import Prepared, StackedNets
from crypto_bot.models.families.family import Features, HeadLogits
from crypto_bot.statistics.rows import Floats


class Window(NamedTuple):
    """The newest rows of one coin: raw features [rows, all columns], contiguous, oldest first.

    `open_ms` is the candle of the last row.
    """

    open_ms: int
    rows: Features


class Prediction(NamedTuple):
    """What a model says: P(SHORT), P(NO_TRADE), P(LONG), and the raw direction logit."""

    probabilities: tuple[float, float, float]
    score: float


class _Stack:
    """Networks of one shape, and what they know before the next close."""

    def __init__(
        self, models: Mapping[str, PublishedModel], nets: Sequence[FittedNet], device: torch.device
    ) -> None:
        self.models = dict(models)
        self._place = {symbol: at for at, symbol in enumerate(models)}
        self._device = device
        self._nets = StackedNets([fitted.net.to(device) for fitted in nets])
        self.window_bars = self._nets.window_bars
        columns = len(next(iter(models.values())).spec.columns)
        self._before = np.zeros((len(models), self.window_bars - 1, columns), np.float32)
        self._newest = np.zeros((len(models), columns), np.float32)
        self._known_ms = np.full(len(models), -1, np.int64)
        self._state: Prepared | None = None

    def prepare(self, windows: Mapping[str, Window]) -> None:
        """Takes the rows before the next close in; each window's newest `window_bars - 1`.

        All of the stack is computed, whoever is asked: results must not depend on the company.
        """
        for symbol, window in windows.items():
            at = self._place[symbol]
            self._before[at] = window.rows[-self._before.shape[1] :]
            self._known_ms[at] = window.open_ms
        self._state = self._nets.prepare(torch.from_numpy(self._before).to(self._device))

    def answer(self, windows: Mapping[str, Window], step_ms: int) -> dict[str, HeadLogits]:
        """Logits of each window of `window_bars` rows; prepared now where that was not done."""
        unprepared = {
            symbol: Window(window.open_ms - step_ms, window.rows[:-1])
            for symbol, window in windows.items()
            if self._known_ms[self._place[symbol]] != window.open_ms - step_ms
        }
        if unprepared or self._state is None:
            self.prepare(unprepared)
        assert self._state is not None
        for symbol, window in windows.items():
            self._newest[self._place[symbol]] = window.rows[-1]
        told = self._nets.answer(self._state, torch.from_numpy(self._newest).to(self._device))
        logits = told.double().cpu().numpy()
        return {symbol: HeadLogits(*logits[:, self._place[symbol], None]) for symbol in windows}


class PredictionService:
    """Serves the models it was last given; `device` is `auto`, `cpu` or `cuda`."""

    def __init__(self, device: str, step_ms: int) -> None:
        self._device = chosen_device(device)
        self._step_ms = step_ms
        self._models: dict[str, PublishedModel] = {}
        self._stacks: list[_Stack] = []

    def serve(self, models: Mapping[str, PublishedModel]) -> None:
        """Replaces what is served; stacks whose models stay are kept."""
        if list(self._models.items()) == list(models.items()):
            return
        self._models = dict(models)
        groups: dict[object, dict[str, PublishedModel]] = {}
        for symbol, model in models.items():
            if isinstance(model.heads, FittedNet):
                spec = model.spec
                shape = (spec.size, spec.window_bars, spec.move_columns, spec.direction_columns)
                groups.setdefault((shape, spec.columns), {})[symbol] = model
        kept = {tuple(stack.models.items()): stack for stack in self._stacks}
        self._stacks = [
            kept.get(tuple(group.items())) or self._stacked(group) for group in groups.values()
        ]
        _return_memory()

    def prepare(self, windows: Mapping[str, Window]) -> None:
        """Computes all that the next close can be answered without, from the rows up to now."""
        for stack in self._stacks:
            ready = {
                symbol: windows[symbol]
                for symbol in stack.models
                if symbol in windows and windows[symbol].rows.shape[0] >= stack.window_bars - 1
            }
            if ready:
                stack.prepare(ready)

    def predict_symbol(self, symbol: str, window: Window) -> Prediction:
        """As `predict_batch`, of one coin."""
        return self.predict_batch({symbol: window})[symbol]

    def predict_batch(self, windows: Mapping[str, Window]) -> dict[str, Prediction]:
        """One prediction for each of `windows`, whose coins are served and whose rows suffice."""
        logits: dict[str, HeadLogits] = {}
        for stack in self._stacks:
            asked = {symbol: windows[symbol] for symbol in stack.models if symbol in windows}
            if asked:
                logits.update(stack.answer(asked, self._step_ms))
        for symbol in windows.keys() - logits.keys():
            rows = windows[symbol].rows
            last = np.array([rows.shape[0] - 1])
            logits[symbol] = self._models[symbol].heads.logits(rows, last)
        return {symbol: self._prediction(symbol, logits[symbol]) for symbol in windows}

    def _prediction(self, symbol: str, logits: HeadLogits) -> Prediction:
        told: Floats = self._models[symbol].calibration.probabilities(logits)[0]
        short, no_trade, long = told.tolist()
        return Prediction((short, no_trade, long), float(logits.up[0]))

    def _stacked(self, group: Mapping[str, PublishedModel]) -> _Stack:
        nets = [model.heads for model in group.values() if isinstance(model.heads, FittedNet)]
        return _Stack(group, nets, self._device)


def _return_memory() -> None:
    """Gives the system back what loading left: 100 MB with 32 models. Only glibc has this call."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
