"""The network family for many coins at once: for each of them what `fit.CnnLstm` does alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import structlog
import torch
from torch import Tensor

from crypto_bot.domain.errors import CryptoBotError, TrainingError
from crypto_bot.models.checkpoint import Checkpoints
from crypto_bot.models.families.cnn_lstm.arithmetic import FLOAT32
from crypto_bot.models.families.cnn_lstm.fit import (
    CnnLstm,
    FittedNet,
    asked_to_move,
    asked_which_way,
    chosen_device,
)
from crypto_bot.models.families.cnn_lstm.head import HeadData, Learned, Schedule
from crypto_bot.models.families.cnn_lstm.net import CnnLstmNet, Tower
from crypto_bot.models.families.cnn_lstm.stacked_head import Pupil, learn_together
from crypto_bot.models.families.cnn_lstm.weights import packed
from crypto_bot.models.families.family import Examples, require_classes
from crypto_bot.statistics.rows import Bools

log = structlog.get_logger()

Outcomes = list[FittedNet | CryptoBotError]
_Questions = Callable[[Examples], tuple[Bools, Bools]]


class CoinFit(NamedTuple):
    """What is asked for one coin: its family with start and notebook, and its examples."""

    family: CnnLstm
    fit: Examples
    validation: Examples


def fit_together(asked: Sequence[CoinFit]) -> Generator[None, None, Outcomes]:
    """Fits a network for each coin; pauses after every epoch. What became of each, in order.

    All of them share architecture, seed and settings, and read one series. A coin that cannot be
    fitted is answered with its error. Too little memory on the GPU halves the batch, once; raises
    TrainingError where even that does not fit.
    """
    batch_size = asked[0].family.settings.batch_size
    halved = max(1, batch_size // 2)
    try:
        return (yield from _fitted(asked, batch_size))
    except torch.OutOfMemoryError:
        log.warning("batch.halved", reason="out of GPU memory", batch_size=halved)
    # Not inside the handler: there the error still holds what is on the GPU.
    torch.cuda.empty_cache()
    try:
        return (yield from _fitted(asked, halved))
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"out of GPU memory with {len(asked)} coins at once, {halved} windows of each: use a "
            "smaller --batch_size or --executor process"
        ) from error


def _fitted(asked: Sequence[CoinFit], batch_size: int) -> Generator[None, None, Outcomes]:
    first = asked[0].family
    device = chosen_device(first.settings.device)
    # cuBLAS reads it when a process first uses the GPU; without it products may round differently.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    move, budget = (replace(each, arithmetic=FLOAT32) for each in first.schedules(batch_size))
    series = torch.from_numpy(asked[0].fit.features).to(device)
    coins = [_Coin(one, f"stacked {first.architecture} {move} {budget}") for one in asked]
    yield from _learn(coins, lambda net: net.move, move, asked_to_move, series)
    yield from _learn(coins, lambda net: net.up, budget, asked_which_way, series)
    return [coin.outcome() for coin in coins]


def _learn(
    coins: Sequence[_Coin],
    tower_of: Callable[[CnnLstmNet], Tower],
    schedule: Schedule,
    questions: _Questions,
    series: Tensor,
) -> Generator[None, None, None]:
    """One head of all the coins that have not failed."""
    good = [coin for coin in coins if coin.failure is None]
    pupils = [coin.pupil(tower_of(coin.net), questions, series) for coin in good]
    learned = yield from learn_together(pupils, schedule)
    for coin, told in zip(good, learned, strict=True):
        if isinstance(told, TrainingError):
            coin.failure = told
        else:
            coin.learned.append(told)


class _Coin:
    """One coin on its way."""

    net: CnnLstmNet

    def __init__(self, asked: CoinFit, settings: str) -> None:
        self.failure: CryptoBotError | None = None
        self.learned: list[Learned] = []
        self._asked = asked
        family = asked.family
        try:
            require_classes((("fit", asked.fit), ("validation", asked.validation)))
            with torch.random.fork_rng([]):
                torch.manual_seed(family.seed)
                self.net = family.new_net(asked.fit)
        except CryptoBotError as error:
            self.failure = error
        self._kept = Checkpoints(family.notebook, f"{settings} {family.settings.dropout}")

    def pupil(self, tower: Tower, questions: _Questions, series: Tensor) -> Pupil:
        """With the examples of one head, on the device of `series`."""
        data = []
        for examples in (self._asked.fit, self._asked.validation):
            assert examples.features is self._asked.fit.features
            chosen, truth = questions(examples)
            data.append(
                HeadData(
                    series,
                    torch.from_numpy(examples.ends[chosen]).to(series.device),
                    torch.from_numpy(truth[chosen].astype(np.float32)).to(series.device),
                    torch.from_numpy(examples.weights[chosen].astype(np.float32)).to(series.device),
                )
            )
        return Pupil(tower, data[0], data[1], self._kept)

    def outcome(self) -> FittedNet | CryptoBotError:
        """The fitted network, or why there is none."""
        if self.failure is not None:
            return self.failure
        move, up = self.learned
        with torch.random.fork_rng([]):  # what the weights are before does not matter
            best = CnnLstmNet(self._asked.family.architecture)
        best.move.load_state_dict(move.best)
        best.up.load_state_dict(up.best)
        curves = {
            f"{part}, {head} head": losses
            for head, learned in (("move", move), ("direction", up))
            for part, losses in (("fit", learned.fit_loss), ("validation", learned.validation_loss))
        }
        return FittedNet(self.net.eval(), packed(best), curves)
