"""Feature sets by name: columns, what each head reads, and the hash that ties models to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from crypto_bot.domain.errors import ConfigError
from crypto_bot.features import averages, classic, context, lead, microstructure, relative, tape
from crypto_bot.features.hours import CLOCK, CLOCK_WAVES
from crypto_bot.features.ratios import LIMIT


class Heads(NamedTuple):
    """Names of the columns that each head reads."""

    move: tuple[str, ...]
    direction: tuple[str, ...]


@dataclass(frozen=True)
class FeatureSet:
    """One definition of features, for training and serving.

    `new_tape(coins)` makes an empty memory and `advance(tape, coin, feed, rows, valid)` is the
    compiled kernel: it takes the candles of a `Feed` in and fills one row for each. A row is a pure
    function of at most `history_bars` candles of the coin, its own included, and as many of the
    `leader`.
    """

    name: str
    version: int
    columns: tuple[str, ...]
    trees: Heads
    network: Heads
    warm_up_bars: int
    history_bars: int
    leader: str | None
    parameters: dict[str, Any]
    new_tape: Callable[[int], Any]
    advance: Callable[..., None]

    def indices(self, names: tuple[str, ...]) -> list[int]:
        """Places of `names` among the columns."""
        place = {name: k for k, name in enumerate(self.columns)}
        return [place[name] for name in names]


def schema_hash(features: FeatureSet) -> str:
    """SHA-256 of name, version, columns in order, and every window parameter."""
    told = {
        "name": features.name,
        "version": features.version,
        "columns": features.columns,
        "parameters": features.parameters,
        "history_bars": features.history_bars,
        "leader": features.leader,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


_AVERAGES = {
    "anchor_bars": averages.ANCHOR_BARS,
    "period": averages.PERIOD,
    "macd": [averages.FAST, averages.SLOW, averages.SIGNAL_SPAN],
}
_CLASSIC = FeatureSet(
    name="per_coin_v1",
    version=1,
    columns=classic.COLUMNS,
    trees=Heads(classic.COLUMNS, classic.COLUMNS),
    network=Heads(classic.COLUMNS, classic.COLUMNS),
    warm_up_bars=classic.WARM_UP_BARS,
    history_bars=classic.HISTORY_BARS,
    leader=None,
    parameters={**_AVERAGES, "warm_up": classic.WARM_UP_BARS, "window": classic.WINDOW},
    new_tape=classic.new_tape,
    advance=classic.advance,
)
_BOTH = relative.COLUMNS[: -len(CLOCK) - len(CLOCK_WAVES)]
_RELATIVE = FeatureSet(
    name="per_coin_v2",
    version=1,
    columns=relative.COLUMNS,
    trees=Heads((*_BOTH, *CLOCK), _BOTH),
    network=Heads((*_BOTH, *CLOCK[2:4], *CLOCK_WAVES), _BOTH),
    warm_up_bars=relative.WARM_UP_BARS,
    history_bars=relative.HISTORY_BARS,
    leader=lead.LEADER,
    parameters={
        **_AVERAGES,
        "warm_up": [relative.WARM_UP_BARS, relative.VOLUME_WARM_UP_BARS],
        "widths": tape.WIDTHS,
        "blocks": context.BLOCKS,
        "jump": [tape.JUMP_SD, microstructure.JUMP_MEMORY],
        "streak": tape.STREAK_CAP,
        "limit": LIMIT,
        "lead": lead.SPANS,
    },
    new_tape=tape.new_tape,
    advance=relative.advance,
)
_SETS = {features.name: features for features in (_CLASSIC, _RELATIVE)}


def feature_set(name: str) -> FeatureSet:
    """The set of that name. Raises ConfigError for an unknown one."""
    if name not in _SETS:
        raise ConfigError(f"unknown feature set '{name}': use one of {', '.join(_SETS)}")
    return _SETS[name]
