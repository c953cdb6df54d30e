"""Labels by name, and the rules that decide them: a new label is a file and a line here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.registry import Registry
from crypto_bot.labels.barrier_atr import B, barrier_atr
from crypto_bot.labels.fall_or_rise import FOURS, NEXT_BAR, fall_or_rise
from crypto_bot.labels.hold import FIXED, A, hold_atr, hold_share
from crypto_bot.labels.move import MOVES
from crypto_bot.labels.paths import Paths, Rule

LABELS: Registry[LabelSpec] = Registry("label")
RULES: Registry[Rule] = Registry("label rule")


def register(spec: LabelSpec, rule: Rule) -> None:
    """Adds the label `spec`, which `rule` decides; several labels may share a rule."""
    LABELS.register(spec.name, spec)
    if spec.rule not in RULES.names():
        RULES.register(spec.rule, rule)


register(A, hold_atr)
register(B, barrier_atr)
register(FIXED, hold_share)
for _move in MOVES:
    register(_move, hold_share)
for _made in (*FOURS, NEXT_BAR):
    register(_made, fall_or_rise)


def class_after(spec: LabelSpec, atr: float, after: Sequence[Candle]) -> str:
    """The class of a close with this ATR (price units), as `labels.label` has it.

    `after` holds exactly the candles of the horizon, which follow the close without a gap. Raises
    ConfigError where the rule of `spec` is not registered.
    """
    prices = np.array([(each.open, each.high, each.low, each.close) for each in after])
    opened, high, low, close = prices.T[:, None]
    paths = Paths(opened, high, low, close, np.array([atr]))
    return spec.classes[int(RULES.get(spec.rule)(paths, spec.thresholds).label[0])]
