"""A group of features of data series, and a feature set with groups beside its own columns.

A group is measured from the values as of the last closes, live, in replay and for a whole history
from the same ones; none before a gap counts. What is not known is 0, with 0 in the group's `_known`
column; a group never makes a row invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from crypto_bot.domain.errors import ConfigError
from crypto_bot.features import leader as leading
from crypto_bot.features.groups.movement import REACH
from crypto_bot.features.indicators import LIMIT
from crypto_bot.features.per_coin_v2.memory import RUN
from crypto_bot.features.recent import runs
from crypto_bot.features.sets import FeatureSet, Heads
from crypto_bot.features.windows import Feed
from crypto_bot.market_data.observations import Booleans, Floats, Integers, SeriesColumn


@dataclass(frozen=True, kw_only=True)
class FeatureGroup:
    """Columns that are made of data series.

    `measure(values)` takes the series at closes that follow one another, (n, series) and NaN where
    one is not known, and gives the columns of the last n - REACH, NaN likewise; see `movement`.
    `direction`: whether the direction head reads them too.
    """

    name: str
    columns: tuple[str, ...]
    series: tuple[SeriesColumn, ...]
    measure: Callable[[Floats], Floats]
    direction: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_columns(self) -> tuple[str, ...]:
        """With the one that says whether the others are known."""
        return (*self.columns, f"{self.name}_known")


class _Memory(NamedTuple):
    marks: Integers  # those of `base`
    base: Any
    last: Integers  # the last bar of each coin
    values: Floats  # (coins, REACH, series), the newest last


def with_groups(base: FeatureSet, groups: Sequence[FeatureGroup]) -> FeatureSet:
    """`base` and the columns of `groups`. Raises ConfigError where it reads series of its own."""
    if base.series or base.coins:
        raise ConfigError(f"features {base.name} take no groups: they read series of their own")
    names = "+".join(group.name for group in groups)
    series = tuple(each for group in groups for each in group.series)
    return replace(
        base,
        name=f"{base.name}+{names}",
        columns=(*base.columns, *(name for group in groups for name in group.all_columns)),
        history_bars=max(base.history_bars, REACH + 1),
        new_memory=partial(_new_memory, base, len(series)),
        advance=partial(_advance, base, tuple(groups)),
        series=series,
        readers={reader: _joined(heads, groups) for reader, heads in base.readers.items()},
        parameters={
            **base.parameters,
            "groups": {group.name: dict(group.parameters) for group in groups},
        },
    )


def _joined(heads: Heads, groups: Sequence[FeatureGroup]) -> Heads:
    move = (name for group in groups for name in group.all_columns)
    direction = (name for group in groups if group.direction for name in group.all_columns)
    return Heads((*heads.move, *move), (*heads.direction, *direction))


def _new_memory(base: FeatureSet, series: int, coins: int) -> _Memory:
    held = base.new_memory(coins)
    values = np.full((coins, REACH, series), np.nan)
    return _Memory(held.marks, held, np.zeros(coins, np.int64), values)


def _advance(  # noqa: PLR0917 - the signature is that of a feature set, after two of its own
    base: FeatureSet,
    groups: tuple[FeatureGroup, ...],
    memory: _Memory,
    coin: int,
    feed: Feed,
    rows: Floats,
    valid: Booleans,
) -> None:
    forgotten = memory.marks[coin][RUN] == 0  # as before the first candle
    own = np.empty((feed.bars.size, len(base.columns)))
    base.advance(memory.base, coin, feed, own, valid)
    columns, leads = (leading.COLUMNS, 1) if base.leader else (0, 0)
    news = np.where(feed.known[:, leads:], feed.extras[:, columns:], np.nan)
    found = np.empty((feed.bars.size, rows.shape[1] - own.shape[1]))
    for part in runs(feed):
        first = feed.bars[part.start]
        if forgotten or first != memory.last[coin] + 1 or feed.cuts[part.start]:
            memory.values[coin] = np.nan
        forgotten = False
        values = np.concatenate((memory.values[coin], news[part]))
        found[part] = _measured(groups, values)
        memory.values[coin] = values[-REACH:]
        memory.last[coin] = feed.bars[part.stop - 1]
    rows[:, : own.shape[1]] = own
    rows[:, own.shape[1] :] = np.where(valid[:, None], found, np.nan)


def _measured(groups: tuple[FeatureGroup, ...], values: Floats) -> Floats:
    parts: list[Floats] = []
    place = 0
    for group in groups:
        end = place + len(group.series)
        found = group.measure(np.asfortranarray(values[:, place:end]))
        sound = np.isfinite(found)
        bounded: Floats = np.clip(np.where(sound, found, 0.0), -LIMIT, LIMIT)
        parts.append(bounded)
        parts.append(np.all(sound, axis=1)[:, None].astype(np.float64))
        place = end
    return np.hstack(parts)
