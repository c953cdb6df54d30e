"""The step of a stack of coins, as a GPU would run it."""

import numpy as np
import pytest
import torch

from crypto_bot.models.families.cnn_lstm import steps
from crypto_bot.models.families.cnn_lstm.net import SIZES, Tower
from crypto_bot.models.families.cnn_lstm.schedule import HeadData, Schedule
from crypto_bot.models.families.cnn_lstm.steps import Steps, Turn, Weights
from crypto_bot.models.families.cnn_lstm.tower_stack import TowerStack, put_vector, vector_of

SCHEDULE = Schedule(
    head="move",
    seed=7,
    window_bars=16,
    epochs=2,
    batch_size=8,
    learning_rate=0.01,
    weight_decay=0.1,
    dropout=0.2,
    epoch_examples=100,
)
EXAMPLES = (30, 8)
"""Four steps, the last one of a smaller batch, and one."""


def stack(device: str = "cpu") -> Steps:
    towers = [Tower(np.array([0, 2, 3]), SIZES["tiny"]) for _ in EXAMPLES]
    begun = [
        Weights(vector_of(each), torch.zeros_like(vector_of(each)), vector_of(each).square(), 5)
        for each in towers
    ]
    series = torch.randn(200, 6, device=device)
    fits = [
        HeadData(
            series,
            torch.arange(20, 20 + count).to(device),
            torch.ones(count).to(device),
            torch.ones(count).to(device),
        )
        for count in EXAMPLES
    ]
    return Steps(towers, fits, begun, EXAMPLES, SCHEDULE)


def test_a_step_waits_for_nothing_from_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    # Meta tensors have shapes and no numbers: whoever asks for one, as a graph of a GPU must not,
    # gets an error, and so does a tensor that lies on the host. AdamW has no such form.
    monkeypatch.setattr(steps, "adamw", lambda *given, **named: None)
    stacked = stack("meta")
    stacked._learn()
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        stacked.weights()


def test_who_has_no_step_left_stays_as_it_is() -> None:
    torch.manual_seed(0)
    stacked = stack()
    rates = torch.full((4,), 0.01, dtype=torch.float64)
    before = stacked.weights()
    turns = [Turn(torch.arange(30), rates), Turn(torch.arange(8), rates[:1])]
    losses = stacked.epoch(turns, 1)
    after = stacked.weights()
    assert [each.steps for each in after] == [9, 6]
    assert (losses.loss > 0.0).tolist() == [[True, True], *[[True, False]] * 3]
    assert losses.mass[:, 0].tolist() == [8.0, 8.0, 8.0, 6.0]
    assert losses.mass[:, 1].tolist() == [8.0, 0.0, 0.0, 0.0]

    torch.manual_seed(0)
    once = stack()
    one_step = Turn(torch.arange(8), rates[:1])
    once.epoch([Turn(torch.arange(30), rates), one_step], 1)
    nothing = Turn(torch.arange(0), rates[:0])
    once.epoch([nothing, nothing], 2)
    for got, expected in zip(once.weights(), after, strict=True):
        assert got.steps == expected.steps
        assert torch.equal(got.vector, expected.vector)
        assert torch.equal(got.mean, expected.mean)
    assert not torch.equal(before[1].vector, after[1].vector)


def test_weights_go_into_a_vector_and_out_again() -> None:
    one, other = (Tower(np.array([0, 1]), SIZES["tiny"]) for _ in range(2))
    vector = vector_of(one)
    assert vector.shape[0] % 64 == 0
    put_vector(other, vector)
    for weight, copied in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(weight, copied)
    vector.zero_()
    assert any(weight.abs().sum() > 0.0 for weight in other.parameters())  # a copy


def test_each_coin_has_the_gradient_of_its_own_loss() -> None:
    torch.manual_seed(0)
    towers = [Tower(np.array([0, 2, 3]), SIZES["tiny"]).double() for _ in range(3)]
    series = torch.randn(200, 6, dtype=torch.float64)
    ends = torch.randint(20, 200, (3, 16))
    tower_stack = TowerStack(towers, 16, torch.device("cpu"))
    gradient = tower_stack.gradient(tower_stack.logits(series, ends).square().sum())
    for number in range(3):
        alone = TowerStack([towers[number]], 16, torch.device("cpu"))
        own = alone.gradient(alone.logits(series, ends[number : number + 1]).square().sum())
        assert torch.allclose(gradient[number], own[0], rtol=1e-10, atol=1e-12)
