"""How long a run takes at most, and how much memory: rough, before anything is begun."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crypto_bot.models.families.by_name import CNN_LSTM, TREES, FamilyChoice, heads
from crypto_bot.models.families.cnn_lstm.fit import CnnLstm, NetSettings
from crypto_bot.models.families.cnn_lstm.net import Architecture
from crypto_bot.models.families.family import Examples
from crypto_bot.models.families.trees import TreeSettings
from crypto_bot.training.panel import Coin, Question
from crypto_bot.training.plan import TrainingPlan

_MOVED = 0.5
"""Share of the rows that the direction head learns from."""
_TREE_S = 2.7e-7
"""Seconds of LightGBM for a row and a round; measured on 92 columns, one thread of an AMD EPYC."""
_AUDIT_S, _JUDGE_S = 60.0, 10.0
_WORKER_BYTES = 200 * 2**20
"""A process with torch and LightGBM loaded."""
_ROW_BYTES = 110
"""What a row takes beside its columns while LightGBM grows trees from it."""
_PROBE_ROWS, _PROBE_STEPS = 20_000, 12


class Estimate(NamedTuple):
    """What a run takes.

    `seconds` are those of one worker; a run with n takes about an nth. `panel_bytes` are shared by
    all workers, `worker_bytes` is what each takes besides.
    """

    seconds: float
    panel_bytes: int
    worker_bytes: int


def estimate(coins: Sequence[Coin], question: Question, plan: TrainingPlan) -> Estimate:
    """Measures the network's speed on this machine for a second or two."""
    rows = {coin.symbol: coin.table.open_ms.size for coin in coins}
    total = sum(rows.values())
    own = [rows[symbol] for symbol in plan.judged]
    rounds = plan.splits.folds + 1
    learned = [total] if plan.pooled else own
    seconds = _AUDIT_S + _JUDGE_S * (len(own) + plan.pooled)
    seconds += plan.splits.folds * total * _tree_rounds() * _TREE_S
    if plan.family.name == CNN_LSTM:
        speed = windows_per_s(question, plan.family)
        windows = sum(_windows(count, plan.family.net, question) for count in learned)
        if plan.tuning is not None:
            windows += sum(_windows(count, plan.tuning, question) for count in own)
        seconds += rounds * windows / speed
    elif plan.family.name == TREES:
        seconds += rounds * sum(learned) * _tree_rounds() * _TREE_S
    columns = len(question.features.columns)
    return Estimate(seconds, 4 * total * columns, worker_bytes(total, columns))


def worker_bytes(rows: int, columns: int) -> int:
    """What a worker takes beside the panel: itself, and what LightGBM makes of the rows."""
    return _WORKER_BYTES + rows * (columns + _ROW_BYTES)


def windows_per_s(question: Question, choice: FamilyChoice) -> float:
    """Windows that one thread learns from in a second, on made data."""
    names = question.features.columns
    read = heads(choice.name, question.features)
    architecture = Architecture(
        question.window_bars,
        tuple(names.index(name) for name in read.move),
        tuple(names.index(name) for name in read.direction),
        choice.size,
    )
    rng = np.random.default_rng(0)
    features = rng.standard_normal((_PROBE_ROWS, len(names)), np.float32)
    ends = np.arange(question.window_bars, _PROBE_ROWS)
    labels = rng.integers(0, 3, ends.size)
    batch = choice.net.batch_size
    net = NetSettings(
        epochs=1,
        up_epochs=1,
        batch_size=batch,
        epoch_examples=_PROBE_STEPS * batch,
        device=choice.net.device,
    )
    probe = Examples(features, ends, labels, np.ones(ends.size))
    few = Examples(features, ends[:256], labels[:256], np.ones(256))
    family = CnnLstm(architecture, settings=net)
    family.fit(few, few)  # what is loaded and allocated once
    began = time.perf_counter()
    family.fit(probe, few)
    return 2 * _PROBE_STEPS * batch / (time.perf_counter() - began)


def _windows(rows: int, net: NetSettings, question: Question) -> float:
    """Most windows that one fit of both heads learns from."""
    separate = rows / question.label.horizon.bars(question.timeframe)
    move = min(separate, net.epoch_examples) * net.epochs
    return move + min(_MOVED * separate, net.epoch_examples) * net.up_epochs


def _tree_rounds() -> float:
    settings = TreeSettings()
    return settings.move_rounds + _MOVED * settings.up_rounds
