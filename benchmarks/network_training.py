"""Training: windows a second, a plain loop over 96 steps beside the network of two towers.

`OMP_NUM_THREADS=1 python benchmarks/network_training.py`. The plain loop is what the published
per-coin models of this kind do: windows copied out of the series, a convolution and an LSTM over
every bar, one head of three classes; it has as many parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from crypto_bot.features.sets import feature_set
from crypto_bot.ml.nets.cnn_lstm import Architecture, CnnLstmNet, Tower, block_offsets, gather

BATCH = 256
STEPS = 6
ROUNDS = 3
BARS = 20_000


class PlainCnnLstm(nn.Module):
    """Convolution of three bars, an LSTM over every bar, three classes; 690,000 parameters."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(columns, 128, 3, padding=1)
        self.lstm = nn.LSTM(128, 212, num_layers=2, batch_first=True)
        self.dense = nn.Linear(212, 3)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits [batch, 3] of windows [batch, bars, columns]."""
        seen = torch.relu(self.conv(windows.transpose(1, 2))).transpose(1, 2)
        told: Tensor = self.dense(self.lstm(seen)[0][:, -1])
        return told


def rate(step: Callable[[], None]) -> float:
    """Windows a second of CPU time, the best of three rounds: the machine may be shared."""
    step()
    best = 0.0
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(STEPS):
            step()
        best = max(best, BATCH * STEPS / (time.process_time() - begun))
    return best


def learner(net: nn.Module, loss_of: Callable[[Tensor], Tensor], bars: int) -> Callable[[], None]:
    """One step of AdamW with clipped gradients on a random batch."""
    optimiser = torch.optim.AdamW(net.parameters())

    def step() -> None:
        loss = loss_of(torch.randint(bars, BARS, (BATCH,)))
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()

    return step


def plain(features: Tensor, bars: int) -> float:
    """Windows a second of the plain loop."""
    net = PlainCnnLstm(features.shape[1])
    print(f"plain: {sum(p.numel() for p in net.parameters()):,} parameters")
    series = features.numpy()

    def loss_of(ends: Tensor) -> Tensor:
        copied = np.stack([series[end - bars + 1 : end + 1] for end in ends.tolist()])
        truth = torch.randint(3, (BATCH,))
        return nn.functional.cross_entropy(net(torch.from_numpy(copied)), truth)

    return rate(learner(net, loss_of, bars))


def towers(features: Tensor, bars: int) -> float:
    """Windows a second through both towers, where one window in two moved."""
    told = feature_set("per_coin_v2")
    move, up = (tuple(told.indices(names)) for names in told.network)
    net = CnnLstmNet(Architecture(bars, move, up))
    print(f"towers: {sum(p.numel() for p in net.parameters()):,} parameters")
    offsets = block_offsets(bars)

    def one(tower: Tower) -> float:
        scaled = tower.scaled(features)

        def loss_of(ends: Tensor) -> Tensor:
            truth = torch.randint(2, (BATCH,)).float()
            logit = tower(gather(scaled, ends, offsets))
            return nn.functional.binary_cross_entropy_with_logits(logit, truth)

        return rate(learner(tower, loss_of, bars))

    return 1.0 / (1.0 / one(net.move) + 0.5 / one(net.up))


def main() -> None:
    """Prints windows a second of CPU time."""
    torch.manual_seed(0)
    features = torch.randn(BARS, len(feature_set("per_coin_v2").columns))
    for bars in (96, 16):
        print(f"{bars} bars: plain {plain(features, bars):,.0f} windows a second of CPU time")
        print(f"{bars} bars: towers {towers(features, bars):,.0f} windows a second of CPU time")


if __name__ == "__main__":
    main()
