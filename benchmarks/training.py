"""`make bench-train`: windows learned from in a second, beside the plain way; then memory.

All arms take turns in one process, so that a machine shared with others slows them alike. They
learn the same tower (of the move head) with the same batches, clipping and rates; that the plain
network says the same as the tower is checked before anything is timed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks import training_memory
from crypto_bot.features.sets import feature_set
from crypto_bot.models.families.cnn_lstm.net import SIZES, Tower, block_offsets, gather
from crypto_bot.models.families.cnn_lstm.schedule import HeadData, Schedule
from crypto_bot.models.families.cnn_lstm.steps import Steps, Turn, Weights
from crypto_bot.models.families.cnn_lstm.tower_stack import vector_of
from crypto_bot.models.families.nets.order import Stream

BARS_OF_SERIES = 60_000
ROUNDS = 15
CASES = ((16, 256), (16, 16), (96, 256), (96, 16))
"""Bars of a window, and windows of a batch."""
DROPOUT = 0.2
CORES = os.cpu_count() or 1


class PlainNet(nn.Module):
    """A tower in the plain way: batch first, `nn.Conv1d` and `nn.LSTM`."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        columns, channels = tower.columns.numel(), tower.conv.out_features
        self.conv = nn.Conv1d(columns, channels, 4, stride=4)
        self.lstm = nn.LSTM(channels, tower.lstm.hidden_size, batch_first=True)
        self.dense = nn.Linear(tower.dense.in_features, tower.dense.out_features)
        self.dropout = nn.Dropout(DROPOUT)
        self.deep = nn.Linear(tower.dense.out_features, 1)
        self.wide = nn.Linear(columns, 1, bias=False)
        held = {
            n: w for n, w in tower.state_dict().items() if n not in {"columns", "mean", "scale"}
        }
        joined = held["conv.weight"].view(channels, 4, columns).transpose(1, 2)
        self.load_state_dict(held | {"conv.weight": joined})

    def forward(self, windows: Tensor) -> Tensor:
        """Logits [batch] of scaled windows [batch, bars, columns]."""
        seen = torch.relu(self.conv(windows.transpose(1, 2))).transpose(1, 2)
        newest = windows[:, -1]
        both = self.dropout(torch.cat((self.lstm(seen)[0][:, -1], newest), dim=1))
        mixed = self.dropout(torch.relu(self.dense(both)))
        logit: Tensor = (self.deep(mixed) + self.wide(newest))[:, 0]
        return logit


class Sliced(Dataset[tuple[Tensor, Tensor]]):
    """Windows as slices of the series."""

    def __init__(self, series: Tensor, truth: Tensor, bars: int) -> None:
        self._series, self._truth, self._bars = series, truth, bars

    def __len__(self) -> int:
        return len(self._series) - self._bars + 1

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        end = number + self._bars
        return self._series[number:end], self._truth[end - 1]


class Arm(NamedTuple):
    """One way to learn: `epoch` learns from some batches; `threads` that it may use."""

    name: str
    epoch: Callable[[], None]
    threads: int


class Case(NamedTuple):
    """What all arms are given."""

    bars: int
    batch: int
    steps: int
    features: Tensor
    truth: Tensor
    columns: np.ndarray[tuple[int], np.dtype[np.int64]]

    def tower(self) -> Tower:
        """The same at every call."""
        torch.manual_seed(0)
        return Tower(self.columns, SIZES["default"])


def batches(loader: DataLoader[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """Epoch after epoch."""
    while True:
        yield from loader


def plain(case: Case, *, copied: bool) -> Callable[[], None]:
    """An epoch of the plain loop, from slices or from windows copied out beforehand."""
    net = PlainNet(case.tower())
    series = case.features[:, torch.from_numpy(case.columns)].contiguous()
    data: Dataset[tuple[Tensor, ...]] = Sliced(series, case.truth, case.bars)
    if copied:
        windows = series.unfold(0, case.bars, 1).transpose(1, 2).contiguous()
        data = TensorDataset(windows, case.truth[case.bars - 1 :])
    given = batches(DataLoader(data, batch_size=case.batch, shuffle=True, drop_last=True))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)

    def epoch() -> None:
        for _ in range(case.steps):
            windows, truth = next(given)
            loss = binary_cross_entropy_with_logits(net(windows), truth)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            loss.item()

    return epoch


def ours(case: Case) -> Callable[[], None]:
    """An epoch as training runs it."""
    ends = torch.arange(case.bars - 1, BARS_OF_SERIES)
    data = HeadData(case.features, ends, case.truth[ends], torch.ones(len(ends)))
    schedule = Schedule(
        head="move",
        seed=0,
        window_bars=case.bars,
        epochs=1,
        batch_size=case.batch,
        learning_rate=1e-3,
        weight_decay=0.01,
        dropout=DROPOUT,
        epoch_examples=case.steps * case.batch,
    )
    examples, tower = case.steps * case.batch, case.tower()
    vector = vector_of(tower)
    begun = Weights(vector, torch.zeros_like(vector), torch.zeros_like(vector), 0)
    steps, stream = Steps([tower], [data], [begun], [examples], schedule), Stream(len(ends), 0)
    rates = torch.full((case.steps,), schedule.learning_rate, dtype=torch.float64)

    def epoch() -> None:
        steps.epoch([Turn(stream.take(examples), rates)], 1)

    return epoch


def made(bars: int, batch: int) -> Case:
    """Random rows: what is in them does not matter here."""
    features = feature_set("per_coin_v2")
    torch.manual_seed(0)
    return Case(
        bars,
        batch,
        max(2, 8 * 16 * 256 // (bars * batch)),
        torch.randn(BARS_OF_SERIES, len(features.columns)),
        (torch.rand(BARS_OF_SERIES) < 0.5).float(),
        np.array(features.indices(features.columns_for("network")[0])),
    )


def require_same(case: Case) -> None:
    """Raises AssertionError unless the plain network says what the tower says."""
    tower = case.tower().eval()
    nn.init.normal_(tower.deep.weight)
    ends = torch.arange(1_000, 1_064)
    with torch.inference_mode():
        expected = tower(gather(tower, case.features, ends, block_offsets(case.bars)))
        clamped = case.features[:, torch.from_numpy(case.columns)].clamp(-5.0, 5.0)
        windows = torch.stack([clamped[end - case.bars + 1 : end + 1] for end in ends.tolist()])
        found = PlainNet(tower).eval()(windows)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def measure(case: Case) -> Iterator[str]:
    """The table of one case: medians over rounds, the spread from the 10th to the 90th percent."""
    arms = [
        Arm("(a) plain float32, `DataLoader` over slices", plain(case, copied=False), 1),
        Arm(f"(b) the same, copied windows, {CORES} threads", plain(case, copied=True), CORES),
        Arm("as training does it, one thread", ours(case), 1),
    ]
    wall, busy = np.empty((2, ROUNDS + 1, len(arms)))
    for turn in range(ROUNDS + 1):  # the first one only warms up
        for place, arm in enumerate(arms):
            torch.set_num_threads(arm.threads)
            begun, worked = time.perf_counter(), time.process_time()
            arm.epoch()
            busy[turn, place] = time.process_time() - worked
            wall[turn, place] = time.perf_counter() - begun
    windows = case.steps * case.batch
    title = f"{case.bars} bars, batch {case.batch}"
    yield f"| {title} | windows/s | a CPU second | times (a) | times (b) |"
    yield "|---|---|---|---|---|"
    for place, arm in enumerate(arms):
        rates = f"{windows / np.median(wall[1:, place]):,.0f} | "
        rates += f"{windows / np.median(busy[1:, place]):,.0f}"
        yield (
            f"| {arm.name} | {rates} | {spread(busy[1:, 0] / busy[1:, place])} "
            f"| {spread(wall[1:, 1] / wall[1:, place])} |"
        )
    yield ""


def spread(ratios: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    """Median and spread."""
    low, middle, high = np.percentile(ratios, (10, 50, 90))
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Prints all tables. Times (a) is by CPU time, times (b) by the clock: there threads differ."""
    print(f"{CORES} cores, load average {os.getloadavg()[0]:.1f}, {ROUNDS} rounds\n")
    for bars, batch in CASES:
        case = made(bars, batch)
        require_same(case)
        for line in measure(case):
            print(line, flush=True)
    print(f"load average {os.getloadavg()[0]:.1f}\n")
    training_memory.main()


if __name__ == "__main__":
    main()
