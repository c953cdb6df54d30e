"""Specs of models on made columns `c0`, `c1`, …"""

from collections.abc import Sequence
from dataclasses import replace

from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import LabelSpec
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.spec import ModelSpec


def made_spec(
    family: str,
    move: Sequence[int],
    up: Sequence[int],
    *,
    size: str = "default",
    window_bars: int = 16,
    label: LabelSpec | None = None,
) -> ModelSpec:
    """Two heads that read the columns `move` and `up`; other labels read those of `move`."""
    label = label or LABELS.get("A")
    count = 1 + max(*move, *up, 0)
    read = {"move": names(move), "up": names(up)}
    return ModelSpec(
        family=family,
        size=size,
        timeframe="15m",
        features="made",
        schema_hash="",
        columns=names(range(count)),
        reads={"classes": names(move)} if label.three_way is None else read,
        window_bars=window_bars,
        label=label,
    )


def names(columns: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"c{column}" for column in columns)


def held(bars: int) -> LabelSpec:
    """Label A at another horizon."""
    return replace(LABELS.get("A"), horizon=Horizon(bars))
