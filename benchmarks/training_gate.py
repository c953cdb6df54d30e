"""The equality gate of fast training, as docs/results/training_speed.md states it.

`OMP_NUM_THREADS=1 python -m benchmarks.training_gate` prints it and writes
docs/results/training_gate.md. Real candles: `CRYPTO_BOT_TEST_DATA` or ../shared/data.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.checkpoint import Checkpoints
from crypto_bot.models.checkpoint_store import UNKEPT
from crypto_bot.models.families.cnn_lstm.arithmetic import BF16, FLOAT32, MIXED
from crypto_bot.models.families.cnn_lstm.fit import CnnLstm, FittedNet, NetSettings
from crypto_bot.models.families.cnn_lstm.head import HeadData, Schedule, learn
from crypto_bot.models.families.cnn_lstm.net import (
    Architecture,
    CnnLstmNet,
    Tower,
    block_offsets,
    gather,
)
from crypto_bot.models.families.cnn_lstm.step import WrittenStep
from crypto_bot.models.families.family import Examples
from crypto_bot.statistics.rows import LONG, Ints
from crypto_bot.training.panel import Coin, Panel, Question, build_panel

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "docs" / "results" / "training_gate.md"
KEPT = TABLES.with_suffix(".json")
"""Losses of the fits that are done: a gate that was stopped goes on with the others."""
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT")
BARS, BATCH, EXAMPLES = 16, 256, 40_000
SEEDS = tuple(range(1, 9))
OTHER_NOISE = 1_000
STUDENT = 2.365
"""97.5 % of Student's t with 7 degrees of freedom."""
GRADIENT_BATCHES = 8


def ms(year: int, month: int) -> int:
    """The beginning of a month."""
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000)


VALIDATION_MS, HELD_OUT_MS = ms(2024, 11), ms(2025, 1)


class Rows(NamedTuple):
    """What the gate learns from, stops by and asks."""

    panel: Panel
    architecture: Architecture
    fit: Examples
    validation: Examples
    held_out: Ints


def rows() -> Rows:
    """From real candles."""
    folder = Path(os.environ.get("CRYPTO_BOT_TEST_DATA", ROOT.parent / "shared" / "data"))
    coins = []
    for symbol in COINS:
        columns = read_candles(folder / "candles_15m" / f"{symbol}.parquet")
        coins.append(Coin(symbol, CandleTable(columns.open_ms, np.column_stack(columns[1:]))))
    features = feature_set("per_coin_v2")
    question = Question(Timeframe.parse("15m"), features, LABELS.get("A"), BARS)
    panel = build_panel(coins, coins[0].table, question)
    move, up = (tuple(features.indices(names)) for names in features.columns_for("network"))
    opened, label_ms = panel.open_ms, panel.horizon_ms
    fit = panel.usable & (opened < VALIDATION_MS - label_ms)
    beside = panel.usable & (opened >= VALIDATION_MS) & (opened < HELD_OUT_MS - label_ms)
    held_out = np.flatnonzero(panel.usable & (opened >= HELD_OUT_MS))
    return Rows(
        panel,
        Architecture(BARS, move, up),
        panel.examples(np.flatnonzero(fit)),
        panel.separate(np.flatnonzero(beside)),
        panel.separate(held_out).ends,
    )


def head_data(examples: Examples, direction: bool) -> HeadData:
    """Of one head."""
    chosen = examples.moved if direction else np.ones(examples.ends.size, np.bool_)
    truth = examples.labels == LONG if direction else examples.moved
    return HeadData(
        torch.from_numpy(examples.features),
        torch.from_numpy(examples.ends[chosen]),
        torch.from_numpy(truth[chosen].astype(np.float32)),
        torch.from_numpy(examples.weights[chosen].astype(np.float32)),
    )


def fitted(told: Rows, seed: int, noise: int, arithmetic: str) -> CnnLstmNet:
    """As `CnnLstm` fits, with weights and dropout from `noise` and the order from `seed`."""
    s = NetSettings(arithmetic=arithmetic)
    torch.manual_seed(noise)
    net = CnnLstm(told.architecture, settings=s).new_net(told.fit)
    for tower, direction, epochs in ((net.move, False, 3), (net.up, True, 2)):
        schedule = Schedule(
            head="direction" if direction else "move",
            seed=seed,
            window_bars=BARS,
            epochs=epochs,
            batch_size=BATCH,
            learning_rate=s.learning_rate,
            weight_decay=s.weight_decay,
            epoch_examples=EXAMPLES,
            stops_early=not direction,
            arithmetic=arithmetic,
        )
        fit, validation = (head_data(each, direction) for each in (told.fit, told.validation))
        learn(tower, fit, validation, schedule, Checkpoints(UNKEPT, ""))
    return net.eval()


def held_out_loss(told: Rows, net: CnnLstmNet) -> float:
    """Log loss of three classes in nats, on rows whose labels do not overlap."""
    logits = FittedNet(net, b"").logits(told.panel.features, told.held_out)
    p = Calibration().probabilities(logits)
    labels = told.panel.label[told.held_out]
    return float(-np.log(p[np.arange(labels.size), labels]).mean())


def gradient_errors(tower: Tower, data: HeadData, batch: int, arithmetic: str) -> dict[str, float]:
    """By tensor: |fast − float32| / |float32|, mean over batches; float32 is that of autograd."""
    order = torch.randperm(len(data.ends), generator=torch.Generator().manual_seed(0))
    offsets = block_offsets(BARS)
    names = [name for name, _ in tower.named_parameters()]
    found: dict[str, list[float]] = {name: [] for name in names}
    tower.eval()
    for number in range(GRADIENT_BATCHES):
        at = order[number * batch : (number + 1) * batch]
        ends, truth, weights = data.ends[at], data.truth[at], data.weights[at]
        logit = tower(gather(tower, data.features, ends, offsets))
        loss = binary_cross_entropy_with_logits(logit, truth, weights, reduction="sum")
        expected = torch.autograd.grad(loss / weights.sum(), list(tower.parameters()))
        step = WrittenStep(tower, BARS, arithmetic)
        step.learn_from(data.features, ends, truth, weights)
        assert step.flat.grad is not None
        parts = torch.split(step.flat.grad, [each.numel() for each in expected])
        step.release()
        for name, part, right in zip(names, parts, expected, strict=True):
            error = (part - right.ravel()).norm() / right.norm()
            found[name].append(float(error))
    return {name: float(np.mean(errors)) for name, errors in found.items()}


def gradients(told: Rows) -> Iterator[str]:
    """The table of the first criterion."""
    settings = NetSettings(
        epochs=1, up_epochs=1, batch_size=BATCH, epoch_examples=30_000, arithmetic=FLOAT32
    )
    net = CnnLstm(told.architecture, 1, settings).fit(told.fit, told.validation).net
    yield (
        "| tensor, largest of both towers, in % | "
        + " | ".join(
            f"{name}, batch {batch}" for name in (FLOAT32, MIXED, BF16) for batch in (256, 16)
        )
        + " |"
    )
    yield "|---|" + "---|" * 6
    columns = []
    for arithmetic in (FLOAT32, MIXED, BF16):
        for batch in (256, 16):
            both = [
                gradient_errors(tower, head_data(told.fit, direction), batch, arithmetic)
                for tower, direction in ((net.move, False), (net.up, True))
            ]
            columns.append({name: max(each[name] for each in both) for name in both[0]})
    for name in columns[0]:
        figures = " | ".join(f"{column[name]:.4%}"[:-1] for column in columns)
        yield f"| `{name}` | {figures} |"


class Arm(NamedTuple):
    """One of the fits of a seed."""

    name: str
    arithmetic: str
    noise: int


ARMS = (
    Arm("float32", FLOAT32, 0),
    Arm("mixed", MIXED, 0),
    Arm("bf16", BF16, 0),
    Arm("float32, other noise", FLOAT32, OTHER_NOISE),
)


def losses(told: Rows) -> Iterator[str]:
    """The table of the second criterion and what follows from it; goes on with what is missing."""
    kept: dict[str, float] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    yield "| seed | " + " | ".join(arm.name for arm in ARMS) + " |"
    yield "|---|" + "---|" * len(ARMS)
    for seed in SEEDS:
        for arm in ARMS:
            name = f"{arm.name}, seed {seed}"
            if name not in kept:
                net = fitted(told, seed, seed + arm.noise, arm.arithmetic)
                kept[name] = round(held_out_loss(told, net), 6)
                KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        row = [kept[f"{arm.name}, seed {seed}"] for arm in ARMS]
        yield f"| {seed} | " + " | ".join(f"{loss:.6f}" for loss in row) + " |"
    found = np.array([[kept[f"{arm.name}, seed {seed}"] for arm in ARMS] for seed in SEEDS])
    yield "| mean | " + " | ".join(f"{loss:.6f}" for loss in found.mean(axis=0)) + " |"
    yield ""
    apart = (found[:, 1:] - found[:, :1]) * 1000
    band = STUDENT * apart[:, -1].std(ddof=1) / sqrt(len(SEEDS))
    for column, arm in enumerate(ARMS[1:]):
        mean, sd = apart[:, column].mean(), apart[:, column].std(ddof=1)
        inside = "inside" if abs(mean) <= band else "outside"
        yield (
            f"- {arm.name} less float32: mean {mean:+.3f} thousandths of a nat, sd {sd:.3f}: "
            f"{inside} the band of ± {band:.3f}"
        )


def main() -> None:
    """Prints the tables as they grow, then writes them."""
    torch.set_num_threads(1)
    begun = time.perf_counter()
    told = rows()
    parts = told.fit.ends, told.validation.ends, told.held_out
    rows_of = ", ".join(f"{len(part):,}" for part in parts)
    lines: list[str] = [
        "# The equality gate: its tables",
        "",
        f"{', '.join(COINS)}: rows to fit on, of validation, held out: {rows_of}.",
        "`python -m benchmarks.training_gate`; what it asks and what follows: training_speed.md.",
        "",
    ]
    print("\n".join(lines), flush=True)
    for line in (*gradients(told), ""):
        print(line, flush=True)
        lines.append(line)
    for line in losses(told):
        print(line, flush=True)
        lines.append(line)
    lines.append("")
    TABLES.write_text("\n".join(lines))
    print(f"{time.perf_counter() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
