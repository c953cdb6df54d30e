"""What a GPU does: the tests that need one, and the training of many coins as one computation.

`python -m benchmarks.gpu` on a machine with a GPU, at most eight minutes; smaller and without the
tests anywhere: `OMP_NUM_THREADS=1 python -m benchmarks.gpu --device cpu --coins 4 --windows 4096
--epochs 1`. The floor is the arithmetic of the products alone, counted, at the best rate that this
device reaches in a large product of the same precision; time is that of the move head from its
first step to its last checkpoint, with validation, in float32.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

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
TESTS = ("tests/models/test_trainer.py", "tests/models/test_cnn_lstm.py")
STOP_S = 7 * 60
"""The script starts nothing that would end later than this."""


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


def made(asked: argparse.Namespace, coins: int, device: torch.device) -> list[HeadFit]:
    """Coins of random numbers, each with its own part of the series."""
    bars = asked.windows + VALIDATION + asked.bars
    series = torch.randn(coins * bars, len(FEATURES.columns)).to(device)
    columns = torch.tensor(FEATURES.indices(FEATURES.columns_for("network").move)).numpy()

    def data(first: int, count: int) -> HeadData:
        ends = torch.arange(first, first + count)
        truth = torch.randint(2, (count,)).float()
        return HeadData(series, ends.to(device), truth.to(device), torch.ones(count).to(device))

    fits = []
    for coin in range(coins):
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


def tested() -> str:
    """What became of the tests that need a GPU, in words."""
    plain = ("-o", "addopts=--import-mode=importlib", "-o", "filterwarnings=default")
    words = ("-q", "-p", "no:cacheprovider", *plain, "-k", "cuda", *TESTS)
    ran = subprocess.run(
        (sys.executable, "-m", "pytest", *words), capture_output=True, text=True, check=False
    )
    if ran.returncode:
        sys.stdout.write(ran.stdout + ran.stderr)
    return (ran.stdout.strip() or ran.stderr.strip()).splitlines()[-1].strip("= ")


class Trained(NamedTuple):
    """One training: coins, epochs, seconds it took, and the seconds of its arithmetic alone."""

    coins: int
    epochs: int
    seconds: float
    floor: float
    windows: int

    def row(self) -> str:
        """A row of the table."""
        each = (
            f"{self.coins}",
            f"{self.epochs}",
            f"{self.windows:,}",
            f"{self.seconds:.1f}",
            f"{self.windows / self.seconds:,.0f}",
            f"{self.floor:.1f}",
            f"{self.seconds / self.floor:.2f}",
        )
        return f"| {' | '.join(each)} |"


def trained(
    asked: argparse.Namespace, coins: int, epochs: int, device: torch.device, rate: float
) -> Trained:
    """Trains the move head of `coins` for `epochs`; `rate`: operations a second at best."""
    torch.manual_seed(0)
    heads = made(asked, coins, device)
    schedule = Schedule(
        head="move",
        seed=0,
        window_bars=asked.bars,
        epochs=epochs,
        batch_size=asked.batch_size,
        learning_rate=1e-3,
        weight_decay=0.01,
        dropout=0.2,
        epoch_examples=asked.windows,
    )
    windows = coins * asked.windows * epochs
    floor = windows * operations(heads[0], asked.bars) / rate
    took = seconds_of(lambda: list(learn_together(heads, schedule)), device)
    return Trained(coins, epochs, took, floor, windows)


def main(words: Sequence[str] | None = None) -> None:
    """Prints a table of coins at once with time, floor and ratio, and what the tests say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--coins", type=int, default=32)
    parser.add_argument("--windows", type=int, default=100_000, help="of each coin in an epoch")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch_size", type=int, default=512)
    parser.add_argument("--bars", type=int, default=16, help="of a window")
    parser.add_argument("--size", default="default", choices=list(SIZES))
    asked = parser.parse_args(words)
    begun = time.perf_counter()
    device = chosen_device(asked.device)
    name = platform.processor() or platform.machine()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    rate = peak(device)
    print(f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"windows of {asked.bars} bars, size {asked.size}, batches of {asked.batch_size}")
    print(f"{rate / 1e12:.3f} tera-operations a second in a large float32 product")
    print("| coins at once | epochs | windows | seconds | windows a second | floor, s | ratio |")
    print("|---|---|---|---|---|---|---|")
    for coins in (1, max(1, asked.coins // 4), asked.coins):
        found = trained(asked, coins, 1, device, rate)
        print(found.row(), flush=True)
    left = STOP_S - (time.perf_counter() - begun)
    epochs = min(asked.epochs, int(left / found.seconds))
    if epochs > 1:
        print(trained(asked, asked.coins, epochs, device, rate).row())
    if device.type == "cuda":
        print(f"tests on the GPU: {tested()}")


if __name__ == "__main__":
    main()
