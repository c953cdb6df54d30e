"""Feature sets by name: columns, the groups that models read, and the schema hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.registry import Registry
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.groups.registered import FEATURE_GROUPS
from crypto_bot.market_data.observations import Floats, SeriesColumn

WARM_UP_DAYS = 100


class Heads(NamedTuple):
    """Names of the columns that each head reads."""

    move: tuple[str, ...]
    direction: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """One definition of features, for training, replay and serving.

    `new_memory(coins)` makes an empty memory and `advance(memory, coin, feed, rows, valid)` takes
    the candles of a `Feed` in and fills one row for each, zeros or NaN where not valid. The memory
    is a tuple of arrays whose first axis counts coins; its first, `marks`, begins with the last
    bar and the candles since the last gap. A row is a pure function of at most `history_bars`
    candles of the coin, its own included, as many of the `leader`, and what was known of `series`.

    `leader` and `series` are optional groups: where one is not known its columns are masked (0 in
    `Feed.extras`) and the row stays valid. `coins`: symbols with a column each, the last ones of
    `Feed.extras`: 1 in the rows of that coin. `readers`: the columns for a kind of model; one that
    is not named reads all. `warm_up_limit`: candles before a row is valid, see `warm_up_bars`.
    `recent_return`: the column from which the baseline of a reversal learns. `seasonal`: columns
    that tell the time of the week and the volatility, as `models.families.cnn_lstm.season.Seasonal`
    reads them; none where the set does not have them.
    """

    name: str
    version: int
    columns: tuple[str, ...]
    warm_up_limit: int
    history_bars: int
    new_memory: Callable[[int], Any]
    advance: Callable[..., None]
    recent_return: str = "returns"
    leader: str | None = None
    coins: tuple[str, ...] = ()
    series: tuple[SeriesColumn, ...] = ()
    seasonal: tuple[str, ...] = ()
    readers: Mapping[str, Heads] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Callable[[str], FeatureSet], tuple[str]]:
        """Another process gets the set by its name: a pickled function is compiled again there."""
        return feature_set, (self.name,)

    @property
    def optional(self) -> tuple[str, ...]:
        """The groups of `FeatureRows.known`, in order: the leading coin, then the data series."""
        leading = (f"the leading coin {self.leader}",) if self.leader else ()
        return (*leading, *(each.words or f"the series {each.series}" for each in self.series))

    def columns_for(self, reader: str) -> Heads:
        """The columns that a model of this kind reads."""
        return self.readers.get(reader, Heads(self.columns, self.columns))

    def warm_up_bars(self, timeframe: Timeframe) -> int:
        """Candles since the last gap before a row is valid: the limit, but 100 days at most.

        Before the limit a column whose own window is not complete yet is masked.
        """
        return min(self.warm_up_limit, WARM_UP_DAYS * DAY_MS // timeframe.ms)

    def one_hot(self, symbol: str, count: int) -> Floats:
        """Which of `coins` the coin `symbol` is, (count, coins)."""
        return np.tile([float(symbol == coin) for coin in self.coins], (count, 1))

    def indices(self, names: tuple[str, ...]) -> list[int]:
        """Places of `names` among the columns."""
        place = {name: k for k, name in enumerate(self.columns)}
        return [place[name] for name in names]


class FeatureSets(Registry[FeatureSet]):
    """Feature sets by name; that of one with groups beside it is such as `per_coin_v2+funding`."""

    def require(self, name: str) -> None:
        """Raises ConfigError unless the set and the groups are registered; imports nothing."""
        base, *groups = name.split("+")
        super().require(base)
        for group in groups:
            FEATURE_GROUPS.require(group)

    def get(self, name: str) -> FeatureSet:
        """The set of that name. Raises ConfigError."""
        base, *groups = name.split("+")
        if not groups:
            return super().get(name)
        from crypto_bot.features.groups.group import with_groups  # noqa: PLC0415 - builds on this

        self.require(name)
        return with_groups(super().get(base), [FEATURE_GROUPS.get(group) for group in groups])


FEATURE_SETS = FeatureSets("feature set")
FEATURE_SETS.register("per_coin_v1", "crypto_bot.features.per_coin_v1:PER_COIN_V1")
FEATURE_SETS.register("per_coin_v2", "crypto_bot.features.per_coin_v2.kernel:PER_COIN_V2")
FEATURE_SETS.register("daily_20", "crypto_bot.features.daily_20:DAILY_20")
FEATURE_SETS.register("mtf_42", "crypto_bot.features.mtf_42:MTF_42")
FEATURE_SETS.register("classic_csv", "crypto_bot.features.classic_csv:CLASSIC_CSV")


def feature_set(name: str) -> FeatureSet:
    """The set of that name. Raises ConfigError for an unknown one."""
    return FEATURE_SETS.get(name)


def schema_hash(features: FeatureSet) -> str:
    """SHA-256 of name, version, columns in order, and every window parameter."""
    hashed = {
        "name": features.name,
        "version": features.version,
        "columns": features.columns,
        "parameters": dict(features.parameters),
        "history_bars": features.history_bars,
        "leader": features.leader,
    }
    if features.series:
        hashed["series"] = [(each.series, each.max_age_ms) for each in features.series]
    if features.coins:
        hashed["coins"] = features.coins
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()
