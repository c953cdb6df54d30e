"""Coins fitted together: each as it would be alone, and none at the mercy of another."""

from collections.abc import Generator
from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np
import pytest
import torch

from crypto_bot.domain.errors import (
    CryptoBotError,
    NotEnoughData,
    TrainingDiverged,
    TrainingError,
)
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.models.checkpoint_store import UNSAVED, CheckpointStore, EpochReport
from crypto_bot.models.families.cnn_lstm import stacked_fit
from crypto_bot.models.families.cnn_lstm.checkpoint import Checkpoints
from crypto_bot.models.families.cnn_lstm.family import CnnLstm
from crypto_bot.models.families.cnn_lstm.fit import FittedNet, NetFit, NetSettings
from crypto_bot.models.families.cnn_lstm.head import HeadData, Learned, Schedule, learn
from crypto_bot.models.families.cnn_lstm.net import SIZES, Tower
from crypto_bot.models.families.cnn_lstm.stacked_fit import fit_together
from crypto_bot.models.families.cnn_lstm.stacked_head import HeadFit, learn_together
from crypto_bot.models.families.family import Examples
from crypto_bot.models.families.two_heads import moved
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, direction_score, move_logit
from tests.models.made_specs import made_spec

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="this machine has no CUDA GPU"
        ),
    ),
]
COLUMNS = np.array([0, 2, 3])
SCHEDULE = Schedule(
    head="move",
    seed=7,
    window_bars=16,
    epochs=12,
    batch_size=64,
    learning_rate=2e-2,
    weight_decay=0.01,
    epoch_examples=400,
    stops_early=True,
)
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
    told: torch.Tensor, bars: tuple[int, int], count: int, seed: int, strength: float
) -> HeadData:
    """Rows whose truth hangs on the newest value of the first column, if `strength` is not 0."""
    rng = np.random.default_rng(seed)
    ends = torch.from_numpy(np.sort(rng.choice(np.arange(*bars), count, replace=False)))
    odds = torch.sigmoid(strength * told[ends.to(told.device), 0].cpu())
    truth = (torch.from_numpy(rng.random(count)) < odds).double()
    weights = torch.from_numpy(rng.uniform(0.3, 1.0, count))
    return HeadData(told, *(each.to(told.device) for each in (ends, truth, weights)))


def tower(seed: int, dropout: float = 0.0) -> Tower:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        made = Tower(COLUMNS, SIZES["tiny"], dropout).double()
    made.start_at(0.5)
    made.fix_scale(np.full(3, 0.1 * seed), np.full(3, 1.0 + seed))
    return made


def heads(device: str = "cpu", dropout: float = 0.0) -> list[HeadFit]:
    """Three coins; in the second there is nothing to learn, and early stopping ends it first."""
    told = series(device)
    validation = (2_000, 2_900)
    return [
        HeadFit(
            tower(number, dropout),
            data(told, (20, 1_900), count, number, strength),
            data(told, validation, 60 + number, 9 + number, strength),
            Checkpoints(UNSAVED, "made"),
        )
        for number, (count, strength) in enumerate(zip(EXAMPLES, STRENGTHS, strict=True))
    ]


def alone(head_fit: HeadFit, schedule: Schedule) -> tuple[Learned, Tower]:
    """What `head.learn` makes of it on the CPU."""
    own = deepcopy(head_fit.tower)
    fit, validation = (
        HeadData(*(each.cpu() for each in part)) for part in (head_fit.fit, head_fit.validation)
    )
    return learn(own, fit, validation, schedule, Checkpoints(UNSAVED, "alone")), own


def ended(work: Generator[None, None, Answer]) -> Answer:
    """Goes through all of it."""
    while True:
        try:
            next(work)
        except StopIteration as told:
            answer: Answer = told.value
            return answer


def learned(told: list[HeadFit], schedule: Schedule = SCHEDULE) -> list[Learned]:
    answers = ended(learn_together(told, schedule))
    assert all(isinstance(each, Learned) for each in answers)
    return [each for each in answers if isinstance(each, Learned)]


def equal(one: Tower, other: Tower, tolerance: float) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.allclose(a, b, rtol=tolerance, atol=tolerance) for a, b in pairs)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("stops_early", [True, False])
def test_without_dropout_each_coin_learns_what_it_would_alone(
    device: str, stops_early: bool
) -> None:
    # A GPU's rates are float32.
    tolerance = 1e-10 if device == "cpu" else 1e-4
    told = heads(device)
    schedule = replace(SCHEDULE, stops_early=stops_early)
    expected = [alone(head_fit, schedule) for head_fit in told]
    for head_fit, got, (one, own) in zip(told, learned(told, schedule), expected, strict=True):
        assert got.fit_loss == pytest.approx(one.fit_loss, rel=tolerance)
        assert got.validation_loss == pytest.approx(one.validation_loss, rel=tolerance)
        assert equal(head_fit.tower, own, tolerance)
        for name, weights in one.best.items():
            assert torch.allclose(got.best[name], weights, rtol=tolerance, atol=tolerance)
    epochs = {len(one.fit_loss) for one, _ in expected}
    assert (len(epochs) > 1) == stops_early  # or no coin left the stack before another


def test_float32_is_as_near_as_its_rounding() -> None:
    told = heads()
    shared = told[0].fit.features.float()
    told = [
        HeadFit(
            head_fit.tower.float(),
            single(head_fit.fit, shared),
            single(head_fit.validation, shared),
            head_fit.kept,
        )
        for head_fit in told
    ]
    schedule = replace(SCHEDULE, epochs=4)
    expected = [alone(head_fit, schedule)[0] for head_fit in told]
    for got, one in zip(learned(told, schedule), expected, strict=True):
        assert got.validation_loss == pytest.approx(one.validation_loss, abs=1e-5)


def single(told: HeadData, shared: torch.Tensor) -> HeadData:
    return HeadData(shared, told.ends, told.truth.float(), told.weights.float())


@pytest.mark.parametrize("device", DEVICES)
def test_noise_of_dropout_does_not_hang_on_the_company(device: str) -> None:
    together = learned(heads(device, dropout=0.3))
    for number, expected in enumerate(together):
        (got,) = learned([heads(device, dropout=0.3)[number]])
        assert got.validation_loss == pytest.approx(expected.validation_loss, rel=1e-9)
    without = learned(heads(device))
    assert together[0].fit_loss[-1] != pytest.approx(without[0].fit_loss[-1], abs=1e-3)


def test_one_coin_that_diverges_ends_alone() -> None:
    told = heads()
    expected = learned(heads())
    sick = told[1].fit
    told[1] = told[1]._replace(fit=sick._replace(truth=torch.full_like(sick.truth, torch.nan)))
    first, second, third = ended(learn_together(told, SCHEDULE))
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
        for head_fit, store in zip(heads(device, dropout=0.2), stores, strict=True)
    ]


def test_a_checkpoint_that_cannot_be_written_ends_its_coin_alone() -> None:
    answers = ended(learn_together(kept_in([Memory(), Full(), Memory()]), SCHEDULE))
    assert [isinstance(each, Learned) for each in answers] == [True, False, True]
    assert str(answers[1]) == "no room"


@pytest.mark.parametrize("device", DEVICES)
def test_a_killed_stack_goes_on_as_if_it_had_not_been(device: str) -> None:
    whole = [Memory(), Memory(), Memory()]
    expected = learned(kept_in(whole, device))
    # The first had just been kept when it was killed, the others had not.
    pages = (3, 2, 2)
    again = [Memory(memory.contents[page - 1]) for memory, page in zip(whole, pages, strict=True)]
    for got, one in zip(learned(kept_in(again, device)), expected, strict=True):
        assert got.validation_loss == pytest.approx(one.validation_loss, rel=1e-9)
    for memory, before, page in zip(again, whole, pages, strict=True):
        assert [report.epoch for report in memory.reports] == [
            report.epoch for report in before.reports[page:]
        ]


def test_a_checkpoint_holds_one_coin_and_not_the_stack() -> None:
    memories = [Memory(), Memory(), Memory()]
    learned(kept_in(memories))
    (alone_in,) = [Memory()]
    learned([heads(dropout=0.2)[0]._replace(kept=Checkpoints(alone_in, "made"))])
    assert len(memories[0].contents[0]) == len(alone_in.contents[0])


TINY = made_spec("cnn_lstm_v1", (0, 1, 2, 3), (0, 1, 2), size="tiny")
SETTINGS = NetSettings(
    epochs=8,
    up_epochs=6,
    batch_size=64,
    learning_rate=3e-2,
    dropout=0.0,
    device="cpu",
)
BARS, LAST = 6_000, 1_600


class Market(NamedTuple):
    """The rows of a few coins in one table, what was learned from and what comes after."""

    coins: list[tuple[Examples, Examples]]
    later: Examples


def market(coins: int) -> Market:
    """Column 0 says whether it moves and column 1 which way."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((BARS, 4)).astype(np.float32)
    moved = rng.random(BARS) < 1.0 / (1.0 + np.exp(-1.5 * features[:, 0]))
    up = rng.random(BARS) < 1.0 / (1.0 + np.exp(-1.0 * features[:, 1]))
    labels = np.where(moved, np.where(up, LONG, SHORT), NO_TRADE).astype(np.int64)

    def rows(first: int, last: int) -> Examples:
        ends = np.arange(first, last)
        return Examples(features, ends, labels[ends], np.ones(ends.size))

    spans = [(100 + 1_000 * coin, 900 + 1_000 * coin) for coin in range(coins)]
    return Market(
        [(rows(first, last - 200), rows(last - 180, last)) for first, last in spans],
        rows(BARS - LAST, BARS),
    )


def asked(
    told: Market, settings: NetSettings, seed: int = 1, store: CheckpointStore = UNSAVED
) -> list[NetFit]:
    family = CnnLstm(TINY, settings, seed)
    return [family.net_fit(fit, validation, None, store) for fit, validation in told.coins]


def nets(outcomes: list[FittedNet | CryptoBotError]) -> list[FittedNet]:
    assert all(isinstance(each, FittedNet) for each in outcomes)
    return [each for each in outcomes if isinstance(each, FittedNet)]


def test_a_stacked_network_is_that_of_each_coin_alone() -> None:
    told = market(3)
    for got, one in zip(nets(ended(fit_together(asked(told, SETTINGS)))), told.coins, strict=True):
        expected = CnnLstm(TINY, SETTINGS, 1).fit(*one)
        p, expected_p = (
            each.predict_proba(told.later.features, told.later.ends) for each in (got, expected)
        )
        for logit in (move_logit, direction_score):
            a, b = logit(p, DOWN_NEUTRAL_UP), logit(expected_p, DOWN_NEUTRAL_UP)
            assert np.abs(a - b).max() < 1e-4
            assert np.ptp(b) > 0.3
        assert set(got.curves) == set(expected.curves)
        assert set(got.files()) == set(expected.files())


def loss(fitted: FittedNet, told: Examples) -> float:
    logit = move_logit(fitted.predict_proba(told.features, told.ends), DOWN_NEUTRAL_UP)
    return float(np.mean(np.logaddexp(0.0, logit) - moved(told, DOWN_NEUTRAL_UP) * logit))


@pytest.mark.slow
def test_with_dropout_it_is_the_same_model_within_the_noise_of_the_seed() -> None:
    told = market(2)
    settings = replace(SETTINGS, dropout=0.3)
    losses = np.array(
        [
            [
                [loss(CnnLstm(TINY, settings, seed).fit(*one), told.later) for one in told.coins],
                [
                    loss(each, told.later)
                    for each in nets(ended(fit_together(asked(told, settings, seed))))
                ],
            ]
            for seed in range(8)
        ]
    )
    one, together = losses[:, 0], losses[:, 1]
    assert not np.array_equal(one, together)
    difference = np.abs((one - together).mean(axis=0))
    assert (difference < one.std(axis=0, ddof=1)).all()


def test_a_coin_without_a_class_ends_alone() -> None:
    told = market(2)
    fit, validation = told.coins[0]
    labels = np.where(validation.labels == LONG, NO_TRADE, validation.labels)
    told.coins[0] = (fit, replace(validation, labels=labels))
    refused, fitted = ended(fit_together(asked(told, SETTINGS)))
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

    monkeypatch.setattr(stacked_fit, "learn_together", cramped)
    told = market(2)
    halved = nets(ended(fit_together(asked(told, replace(SETTINGS, batch_size=128)))))
    smaller = nets(ended(fit_together(asked(told, SETTINGS))))
    assert [each.files() for each in halved] == [each.files() for each in smaller]
    with pytest.raises(TrainingError, match="with 2 coins at once, 128 windows of each"):
        ended(fit_together(asked(told, replace(SETTINGS, batch_size=256))))
