"""The network family for many coins at once: for each of them what `fit.fit_alone` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence

import structlog
import torch
from torch import Tensor

from crypto_bot.domain.errors import CryptoBotError, TrainingError
from crypto_bot.models.device import chosen_device
from crypto_bot.models.families.cnn_lstm.checkpoint import Checkpoints
from crypto_bot.models.families.cnn_lstm.fit import (
    FittedNet,
    NetFit,
    Question,
    asked_to_move,
    asked_which_way,
    head_data,
)
from crypto_bot.models.families.cnn_lstm.head import Learned, Schedule
from crypto_bot.models.families.cnn_lstm.net import CnnLstmNet, Tower
from crypto_bot.models.families.cnn_lstm.stacked_head import HeadFit, learn_together
from crypto_bot.models.families.family import require_classes

log = structlog.get_logger()

Outcomes = list[FittedNet | CryptoBotError]


def fit_together(asked: Sequence[NetFit]) -> Generator[None, None, Outcomes]:
    """Fits a network for each coin; pauses after every epoch. What became of each, in order.

    All of them share architecture, seed and settings, and read one series. A coin that cannot be
    fitted is answered with its error. Too little memory on the GPU halves the batch, once; raises
    TrainingError where even that does not fit.
    """
    batch_size = asked[0].settings.batch_size
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


def _fitted(asked: Sequence[NetFit], batch_size: int) -> Generator[None, None, Outcomes]:
    first = asked[0]
    device = chosen_device(first.settings.device)
    # cuBLAS reads it when a process first uses the GPU; without it products may round differently.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    move, budget = first.schedules(batch_size)
    series = torch.from_numpy(asked[0].fit.features).to(device)
    coins = [_Coin(one, f"stacked {first.architecture} {move} {budget}") for one in asked]
    yield from _learn(coins, lambda net: net.move, move, asked_to_move, series)
    yield from _learn(coins, lambda net: net.up, budget, asked_which_way, series)
    return [coin.outcome() for coin in coins]


def _learn(
    coins: Sequence[_Coin],
    tower_of: Callable[[CnnLstmNet], Tower],
    schedule: Schedule,
    question: Question,
    series: Tensor,
) -> Generator[None, None, None]:
    """One head of all the coins that have not failed."""
    good = [coin for coin in coins if coin.failure is None]
    heads = [coin.head_fit(tower_of(coin.net), question, series) for coin in good]
    learned = yield from learn_together(heads, schedule)
    for coin, found in zip(good, learned, strict=True):
        if isinstance(found, TrainingError):
            coin.failure = found
        else:
            coin.learned.append(found)


class _Coin:
    """One coin on its way."""

    net: CnnLstmNet

    def __init__(self, asked: NetFit, settings: str) -> None:
        self.failure: CryptoBotError | None = None
        self.learned: list[Learned] = []
        self._asked = asked
        try:
            parts = (("fit", asked.fit), ("validation", asked.validation))
            require_classes(asked.label, parts)
            with torch.random.fork_rng([]):
                torch.manual_seed(asked.seed)
                self.net = asked.new_net()
        except CryptoBotError as error:
            self.failure = error
        self._kept = Checkpoints(asked.store, f"{settings} {asked.settings.dropout}")

    def head_fit(self, tower: Tower, question: Question, series: Tensor) -> HeadFit:
        """With the examples of one head, on the device of `series`."""
        assert self._asked.validation.features is self._asked.fit.features
        fit, validation = (
            head_data(series, examples, question, self._asked.direction)
            for examples in (self._asked.fit, self._asked.validation)
        )
        return HeadFit(tower, fit, validation, self._kept)

    def outcome(self) -> FittedNet | CryptoBotError:
        """The fitted network, or why there is none."""
        if self.failure is not None:
            return self.failure
        return self._asked.fitted(self.net, *self.learned)
