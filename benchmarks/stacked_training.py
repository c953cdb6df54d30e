"""Training many coins as one computation: the arithmetic it needs, the time it takes, their ratio.

`OMP_NUM_THREADS=1 python -m benchmarks.stacked_training --device cpu --coins 4 --windows 4096
--epochs 1`; without arguments on a GPU the size that the project aims at. The floor is the
arithmetic of the products alone, counted, at the best rate that this device reaches in a large
product of the same precision; time is that of the move head from its first step to its last
checkpoint, with validation, in float32.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from crypto_bot.features.sets import feature_set
from crypto_bot.models.checkpoint_store import UNSAVED
from crypto_bot.models.device import chosen_device
from crypto_bot.models.families.cnn_lstm.head import HeadFit, learn_together
from crypto_bot.models.families.cnn_lstm.net import SIZES, Tower
from crypto_bot.models.families.cnn_lstm.schedule import HeadData, Schedule
from crypto_bot.models.families.cnn_lstm.tower_stack import TowerStack
from crypto_bot.models.families.nets.checkpoint import Checkpoints

FEATURES = feature_set("per_coin_v2")
VALIDATION = 720
ROUNDS = 5


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """How long `work` takes, with all that it left to a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def peak(device: torch.device) -> float:
    """Operations a second in a large float32 product, the best of a few."""
    side = 8192 if device.type == "cuda" else 1024
    one, other = (torch.randn(side, side, device=device) for _ in range(2))
    torch.mm(one, other)
    return max(
        2.0 * side**3 / seconds_of(lambda: torch.mm(one, other), device) for _ in range(ROUNDS)
    )


def made(asked: argparse.Namespace, device: torch.device) -> list[HeadFit]:
    """Coins of random numbers, each with its own part of the series."""
    bars = asked.windows + VALIDATION + asked.bars
    series = torch.randn(asked.coins * bars, len(FEATURES.columns)).to(device)
    columns = torch.tensor(FEATURES.indices(FEATURES.columns_for("network").move)).numpy()

    def data(first: int, count: int) -> HeadData:
        ends = torch.arange(first, first + count)
        truth = torch.randint(2, (count,)).float()
        return HeadData(series, ends.to(device), truth.to(device), torch.ones(count).to(device))

    fits = []
    for coin in range(asked.coins):
        tower = Tower(columns, SIZES[asked.size])
        tower.start_at(0.5)
        first = coin * bars + asked.bars
        fit, validation = data(first, asked.windows), data(first + asked.windows, VALIDATION)
        fits.append(HeadFit(tower, fit, validation, Checkpoints(UNSAVED, "benchmark")))
    return fits


def operations(head_fit: HeadFit, window_bars: int) -> float:
    """Of learning from one window: the products forward and back, counted."""
    count = 64
    stack = TowerStack([head_fit.tower], window_bars, head_fit.fit.ends.device)
    counter = FlopCounterMode(display=False)
    with counter:
        logits = stack.logits(head_fit.fit.features, head_fit.fit.ends[None, :count])
        stack.gradient(logits.sum())
    return float(counter.get_total_flops()) / count


def main(words: Sequence[str] | None = None) -> None:
    """Prints floor, time and ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--coins", type=int, default=32)
    parser.add_argument("--windows", type=int, default=100_000, help="of each coin in an epoch")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch_size", type=int, default=512)
    parser.add_argument("--bars", type=int, default=16, help="of a window")
    parser.add_argument("--size", default="default", choices=list(SIZES))
    asked = parser.parse_args(words)
    device = chosen_device(asked.device)
    torch.manual_seed(0)
    heads = made(asked, device)
    schedule = Schedule(
        head="move",
        seed=0,
        window_bars=asked.bars,
        epochs=asked.epochs,
        batch_size=asked.batch_size,
        learning_rate=1e-3,
        weight_decay=0.01,
        dropout=0.2,
        epoch_examples=asked.windows,
    )
    windows = asked.coins * asked.windows * asked.epochs
    each, rate = operations(heads[0], asked.bars), peak(device)
    floor = windows * each / rate
    took = seconds_of(lambda: list(learn_together(heads, schedule)), device)
    parameters = sum(weight.numel() for weight in heads[0].tower.parameters())
    name = platform.processor() or platform.machine()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    print(f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{asked.coins} coins x {asked.windows:,} windows of {asked.bars} bars x {asked.epochs}")
    print(f"{parameters:,} parameters in a tower, {each / 1e6:.2f} million operations a window")
    print(f"floor {floor:.2f} s at {rate / 1e12:.3f} tera-operations a second in a large product")
    print(f"time {took:.2f} s, {windows / took:,.0f} windows a second")
    print(f"ratio {took / floor:.2f}")


if __name__ == "__main__":
    main()
