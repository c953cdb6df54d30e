"""How long a run takes at most, and how much memory: rough, before anything is begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.training.panel import Coin, Question
from crypto_bot.training.plan import TrainingPlan, spec_of

_AUDIT_S, _JUDGE_S = 60.0, 10.0
_WORKER_BYTES = 200 * 2**20
"""A process with torch and LightGBM loaded."""
_ROW_BYTES = 110
"""What a row takes beside its columns while LightGBM grows trees from it."""


class Estimate(NamedTuple):
    """What a run takes.

    `seconds` are those of one worker; a run with n takes about an nth. `panel_bytes` are shared by
    all workers, `worker_bytes` is what each takes besides.
    """

    seconds: float
    panel_bytes: int
    worker_bytes: int


def estimate(coins: Sequence[Coin], question: Question, plan: TrainingPlan) -> Estimate:
    """A family may measure its speed on this machine for a second or two."""
    rows = {coin.symbol: coin.table.open_ms.size for coin in coins}
    total = sum(rows.values())
    own = [rows[symbol] for symbol in plan.judged]
    rounds = plan.splits.folds + 1
    seconds = _AUDIT_S + _JUDGE_S * (len(own) + plan.pooled)
    for _, choice in plan.compared:
        seconds += plan.splits.folds * _seconds(question, choice, [total])
    seconds += rounds * _seconds(question, plan.family, [total] if plan.pooled else own)
    if plan.tuning is not None:
        seconds += rounds * _seconds(question, replace(plan.family, settings=plan.tuning), own)
    columns = len(question.features.columns)
    return Estimate(seconds, 4 * total * columns, worker_bytes(total, columns))


def _seconds(question: Question, choice: FamilyChoice, fits: Sequence[int]) -> float:
    """Of fits on so many rows each."""
    family = choice.build(spec_of(question, choice), 0)
    horizon = question.label.horizon.bars(question.timeframe)
    return sum(family.seconds(rows, rows / horizon) for rows in fits)


def worker_bytes(rows: int, columns: int) -> int:
    """What a worker takes beside the panel: itself, and what LightGBM makes of the rows."""
    return _WORKER_BYTES + rows * (columns + _ROW_BYTES)
