"""The trainer: as a plain loop of torch would do it, for one network and for several at once."""

from collections.abc import Generator
from copy import deepcopy
from dataclasses import replace
from math import ceil
from typing import TypeVar

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as log_loss

from crypto_bot.domain.errors import (
    CryptoBotError,
    NotEnoughData,
    TrainingDiverged,
    TrainingError,
)
from crypto_bot.models.checkpoint_store import UNSAVED, EpochReport
from crypto_bot.models.families.cnn_lstm import fit as fitting
from crypto_bot.models.families.cnn_lstm.family import CnnLstm
from crypto_bot.models.families.cnn_lstm.fit import FittedNet, NetFit, NetSettings, fit_together
from crypto_bot.models.families.cnn_lstm.head import HeadFit, Learned, learn_together
from crypto_bot.models.families.cnn_lstm.net import SIZES, Tower, answers, block_offsets, gather
from crypto_bot.models.families.cnn_lstm.schedule import HeadData, Schedule
from crypto_bot.models.families.family import NEW, Examples
from crypto_bot.models.families.nets.checkpoint import Checkpoints
from crypto_bot.models.families.nets.order import Stream, falling
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT
from tests.models.devices import DEVICES
from tests.models.made_specs import made_spec

COLUMNS = np.array([0, 2, 3])
SCHEDULE = Schedule(
    head="move",
    seed=7,
    window_bars=16,
    epochs=12,
    batch_size=64,
    learning_rate=2e-2,
    weight_decay=0.01,
    dropout=0.0,
    epoch_examples=400,
)
NOISY = replace(SCHEDULE, dropout=0.3)
Answer = TypeVar("Answer")
EXAMPLES = (900, 300, 511)
"""Of each coin: more than an epoch takes, few, and a number that ends in a small batch."""
STRENGTHS = (3.0, 0.0, 1.0)


class Memory:
    """A checkpoint store that remembers what was saved and reported."""

    def __init__(self, content: bytes | None = None) -> None:
        self.contents = [] if content is None else [content]
        self.reports: list[EpochReport] = []

    def load(self) -> bytes | None:
        return self.contents[-1] if self.contents else None

    def save(self, content: bytes) -> None:
        self.contents.append(content)

    def report(self, report: EpochReport) -> None:
        self.reports.append(report)


def series(device: str = "cpu") -> torch.Tensor:
    made = torch.randn(3_000, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return made.to(device)


def data(
    features: torch.Tensor, bars: tuple[int, int], count: int, seed: int, strength: float
) -> HeadData:
    """Rows whose truth hangs on the newest value of the first column, if `strength` is not 0."""
    rng = np.random.default_rng(seed)
    ends = torch.from_numpy(np.sort(rng.choice(np.arange(*bars), count, replace=False)))
    odds = torch.sigmoid(strength * features[ends.to(features.device), 0].cpu())
    truth = (torch.from_numpy(rng.random(count)) < odds).double()
    weights = torch.from_numpy(rng.uniform(0.3, 1.0, count))
    return HeadData(features, *(each.to(features.device) for each in (ends, truth, weights)))


def tower(seed: int, clock: tuple[int, ...] = ()) -> Tower:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        made = Tower(COLUMNS, SIZES["tiny"], clock).double()
        if clock:
            made.season.normal_()
    made.start_at(0.5)
    made.fix_scale(np.full(3, 0.1 * seed), np.full(3, 1.0 + seed))
    return made


def heads(device: str = "cpu", clock: tuple[int, ...] = ()) -> list[HeadFit]:
    """Three coins; in the second there is nothing to learn."""
    features = series(device)
    validation = (2_000, 2_900)
    return [
        HeadFit(
            tower(number, clock),
            data(features, (20, 1_900), count, number, strength),
            data(features, validation, 60 + number, 9 + number, strength),
            Checkpoints(UNSAVED, "made"),
        )
        for number, (count, strength) in enumerate(zip(EXAMPLES, STRENGTHS, strict=True))
    ]


def plain(head_fit: HeadFit, schedule: Schedule) -> tuple[Learned, Tower]:
    """What a plain loop makes of it on the CPU, by the optimiser and the LSTM of torch."""
    own = deepcopy(head_fit.tower)
    fit, validation = (
        HeadData(*(each.cpu() for each in part)) for part in (head_fit.fit, head_fit.validation)
    )
    examples = min(round(float(fit.weights.sum())), schedule.epoch_examples)
    steps = ceil(examples / schedule.batch_size) * schedule.epochs
    optimiser = torch.optim.AdamW(
        own.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, falling(steps))
    stream = Stream(fit.ends.shape[0], schedule.seed)
    losses: tuple[list[float], list[float]] = [], [loss_on(own, validation)]
    best = deepcopy(own.state_dict())
    while len(losses[0]) < schedule.epochs:
        total = mass = 0.0
        for chosen in torch.split(stream.take(examples), schedule.batch_size):
            windows = gather(own, fit.features, fit.ends[chosen], block_offsets(16))
            weights = fit.weights[chosen]
            loss = log_loss(own(windows), fit.truth[chosen], weights, reduction="sum")
            optimiser.zero_grad()
            (loss / weights.sum()).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(own.parameters(), 1.0)
            optimiser.step()
            rate.step()
            total, mass = total + float(loss.detach()), mass + float(weights.sum())
        losses[0].append(total / mass)
        losses[1].append(loss_on(own, validation))
        place = losses[1].index(min(losses[1]))
        if place == len(losses[0]):
            best = deepcopy(own.state_dict())
    return Learned(tuple(losses[0]), tuple(losses[1][1:]), best), own


def loss_on(own: Tower, rows: HeadData) -> float:
    logit = answers(own, rows.features, rows.ends, 16)
    return float(log_loss(logit, rows.truth, rows.weights, reduction="sum") / rows.weights.sum())


def ended(work: Generator[None, None, Answer]) -> Answer:
    """Goes through all of it."""
    while True:
        try:
            next(work)
        except StopIteration as stopped:
            answer: Answer = stopped.value
            return answer


def learned(fits: list[HeadFit], schedule: Schedule = SCHEDULE) -> list[Learned]:
    answers = ended(learn_together(fits, schedule))
    assert all(isinstance(each, Learned) for each in answers)
    return [each for each in answers if isinstance(each, Learned)]


def equal(one: Tower, other: Tower, tolerance: float) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.allclose(a, b, rtol=tolerance, atol=tolerance) for a, b in pairs)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("clock", [(), (4, 5)])
def test_without_dropout_each_coin_learns_what_a_plain_loop_would(
    device: str, clock: tuple[int, ...]
) -> None:
    # A GPU's rates are float32.
    tolerance = 1e-10 if device == "cpu" else 1e-4
    fits = heads(device, clock)
    expected = [plain(head_fit, SCHEDULE) for head_fit in fits]
    for head_fit, got, (one, own) in zip(fits, learned(fits), expected, strict=True):
        assert got.fit_loss == pytest.approx(one.fit_loss, rel=tolerance)
        assert got.validation_loss == pytest.approx(one.validation_loss, rel=tolerance)
        assert equal(head_fit.tower, own, tolerance)
        for name, weights in one.best.items():
            assert torch.allclose(got.best[name], weights, rtol=tolerance, atol=tolerance)


def test_float32_is_as_near_as_its_rounding() -> None:
    fits = heads()
    shared = fits[0].fit.features.float()
    fits = [
        HeadFit(
            head_fit.tower.float(),
            single(head_fit.fit, shared),
            single(head_fit.validation, shared),
            head_fit.kept,
        )
        for head_fit in fits
    ]
    schedule = replace(SCHEDULE, epochs=4)
    expected = [plain(head_fit, schedule)[0] for head_fit in fits]
    for got, one in zip(learned(fits, schedule), expected, strict=True):
        assert got.validation_loss == pytest.approx(one.validation_loss, abs=1e-5)


def single(rows: HeadData, shared: torch.Tensor) -> HeadData:
    return HeadData(shared, rows.ends, rows.truth.float(), rows.weights.float())


@pytest.mark.parametrize("device", DEVICES)
def test_noise_of_dropout_does_not_hang_on_the_company(device: str) -> None:
    together = learned(heads(device), NOISY)
    for number, expected in enumerate(together):
        (got,) = learned([heads(device)[number]], NOISY)
        assert got.validation_loss == pytest.approx(expected.validation_loss, rel=1e-9)
    without = learned(heads(device))
    assert together[0].fit_loss[-1] != pytest.approx(without[0].fit_loss[-1], abs=1e-3)


def test_one_coin_that_diverges_ends_alone() -> None:
    fits = heads()
    expected = learned(heads())
    sick = fits[1].fit
    fits[1] = fits[1]._replace(fit=sick._replace(truth=torch.full_like(sick.truth, torch.nan)))
    first, second, third = ended(learn_together(fits, SCHEDULE))
    assert isinstance(second, TrainingDiverged)
    assert "the move head diverged: its loss is nan in epoch 1 at step 1" in str(second)
    assert isinstance(first, Learned)
    assert isinstance(third, Learned)
    for got, one in ((first, expected[0]), (third, expected[2])):
        assert got.validation_loss == pytest.approx(one.validation_loss, rel=1e-9)


class Full(Memory):
    """A checkpoint store on a full disk, from its second checkpoint on."""

    def save(self, content: bytes) -> None:
        if self.contents:
            raise TrainingError("no room")
        super().save(content)


def kept_in(stores: list[Memory], device: str = "cpu") -> list[HeadFit]:
    return [
        head_fit._replace(kept=Checkpoints(store, "made"))
        for head_fit, store in zip(heads(device), stores, strict=True)
    ]


def test_a_checkpoint_that_cannot_be_written_ends_its_coin_alone() -> None:
    answers = ended(learn_together(kept_in([Memory(), Full(), Memory()]), NOISY))
    assert [isinstance(each, Learned) for each in answers] == [True, False, True]
    assert str(answers[1]) == "no room"


@pytest.mark.parametrize("device", DEVICES)
def test_a_killed_stack_goes_on_as_if_it_had_not_been(device: str) -> None:
    whole = [Memory(), Memory(), Memory()]
    expected = learned(kept_in(whole, device), NOISY)
    # The first had just been kept when it was killed, the others had not.
    pages = (3, 2, 2)
    again = [Memory(memory.contents[page - 1]) for memory, page in zip(whole, pages, strict=True)]
    for got, one in zip(learned(kept_in(again, device), NOISY), expected, strict=True):
        assert got.validation_loss == pytest.approx(one.validation_loss, rel=1e-9)
    for memory, before, page in zip(again, whole, pages, strict=True):
        assert [report.epoch for report in memory.reports] == [
            report.epoch for report in before.reports[page:]
        ]


TINY = made_spec("cnn_lstm_v1", (0, 1, 2, 3), (0, 1, 2), size="tiny")
SETTINGS = NetSettings(
    epochs=2,
    up_epochs=1,
    batch_size=64,
    device="cpu",
)
Coins = list[tuple[Examples, Examples]]


def two_coins() -> Coins:
    """Fit and validation of each, rows of one table; every class in all of them."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2_000, 4)).astype(np.float32)
    labels = rng.choice([SHORT, NO_TRADE, LONG], 2_000)

    def rows(first: int, last: int) -> Examples:
        return Examples(features, np.arange(first, last), labels[first:last], np.ones(last - first))

    return [(rows(first, first + 600), rows(first + 620, first + 800)) for first in (100, 1_100)]


def asked(coins: Coins, settings: NetSettings) -> list[NetFit]:
    family = CnnLstm(TINY, settings, 1)
    return [family.net_fit(*parts, NEW) for parts in coins]


def nets(outcomes: list[FittedNet | CryptoBotError]) -> list[FittedNet]:
    assert all(isinstance(each, FittedNet) for each in outcomes)
    return [each for each in outcomes if isinstance(each, FittedNet)]


def test_a_coin_without_a_class_ends_alone() -> None:
    coins = two_coins()
    fit, validation = coins[0]
    labels = np.where(validation.labels == LONG, NO_TRADE, validation.labels)
    coins[0] = (fit, replace(validation, labels=labels))
    refused, fitted = ended(fit_together(asked(coins, SETTINGS)))
    assert isinstance(refused, NotEnoughData)
    assert isinstance(fitted, FittedNet)


def test_too_little_memory_halves_the_batch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    room = 64

    def cramped(
        heads: list[HeadFit], schedule: Schedule
    ) -> Generator[None, None, list[Learned | TrainingError]]:
        if schedule.batch_size > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return (yield from learn_together(heads, schedule))

    monkeypatch.setattr(fitting, "learn_together", cramped)
    coins = two_coins()
    halved = nets(ended(fit_together(asked(coins, replace(SETTINGS, batch_size=128)))))
    smaller = nets(ended(fit_together(asked(coins, SETTINGS))))
    assert [each.files() for each in halved] == [each.files() for each in smaller]
    with pytest.raises(TrainingError, match="256 windows and of 128, networks at once: 2"):
        ended(fit_together(asked(coins, replace(SETTINGS, batch_size=256))))
