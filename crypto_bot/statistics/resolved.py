"""Resolved calls as columns, the input of all figures of live performance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.ports import ResolvedCall
from crypto_bot.statistics import daily
from crypto_bot.statistics.episodes import EpisodeDay
from crypto_bot.statistics.rows import Bools, Floats, Ints

SHORT, NO_TRADE, LONG = range(3)
"""Columns of probabilities, and the numbers of calls and labels."""
PREDS = (Pred.SHORT, Pred.NO_TRADE, Pred.LONG)
SOURCES = tuple(Source)
"""`source` counts these."""

_PRED = {pred.value: number for number, pred in enumerate(PREDS)}
_SOURCE = {source.value: number for number, source in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class ResolvedCalls:
    """Columns of [n] calls in the order of their candles, `p` [n, 3].

    `coin` counts `symbols`, `version` counts `versions`, -1 where no model answered. `begins` marks
    the first call of each episode. `horizon_ms` is how long after the candle the label is known.
    `risk_bps` is the distance of the stop and `atr_bps` ATR(14), both over the entry; NaN where
    there is none.
    """

    symbols: tuple[str, ...]
    versions: tuple[str, ...]
    source: Ints
    coin: Ints
    version: Ints
    open_ms: Ints
    horizon_ms: Ints
    pred: Ints
    label: Ints
    begins: Bools
    p: Floats
    return_bps: Floats
    cost_bps: Floats
    risk_bps: Floats
    atr_bps: Floats

    @classmethod
    def of(cls, rows: Sequence[ResolvedCall]) -> Self:
        """The columns of `rows`, which are in the order of their candles."""
        fields_ = list(zip(*rows, strict=True)) or [()] * len(ResolvedCall._fields)
        source, symbol, version, open_ms, horizon_ms, pred, label, begins, *numbers = fields_
        symbols = tuple(sorted(set(symbol)))
        versions = tuple(sorted({each for each in version if each is not None}))
        coin_of = {name: number for number, name in enumerate(symbols)}
        version_of = {name: number for number, name in enumerate(versions)}
        # Missing values become NaN.
        columns = [np.array(each, dtype=np.float64) for each in numbers]
        short, none, long, return_bps, cost_bps, entry, stop, atr = columns
        return cls(
            symbols=symbols,
            versions=versions,
            source=_ints([_SOURCE[each] for each in source]),
            coin=_ints([coin_of[each] for each in symbol]),
            version=_ints([-1 if each is None else version_of[each] for each in version]),
            open_ms=_ints(open_ms),
            horizon_ms=_ints(horizon_ms),
            pred=_ints([_PRED[each] for each in pred]),
            label=_ints([_PRED[each] for each in label]),
            begins=np.array(begins, dtype=np.bool_),
            p=np.stack([short, none, long], axis=1),
            return_bps=return_bps,
            cost_bps=cost_bps,
            risk_bps=np.abs(entry - stop) / entry * 1e4,
            atr_bps=atr / entry * 1e4,
        )

    def __len__(self) -> int:
        """How many calls."""
        return int(self.open_ms.size)

    @property
    def day(self) -> Ints:
        """UTC days since 1970, [n]."""
        return self.open_ms // DAY_MS

    @property
    def block_days(self) -> int:
        """Days in a block of the intervals: no label reaches beyond the next block."""
        return daily.block_days(int(self.horizon_ms.max(initial=0)))

    @property
    def is_trade(self) -> Bools:
        """Whether each was LONG or SHORT, [n]."""
        traded: Bools = self.pred != NO_TRADE
        return traded

    @property
    def net_bps(self) -> Floats:
        """Return after costs, [n]."""
        return self.return_bps - self.cost_bps

    @property
    def net_r(self) -> Floats:
        """Return after costs in units of the risk at the stop, [n]; NaN without a stop."""
        return self.net_bps / self.risk_bps

    def where(self, chosen: Bools | Ints) -> Self:
        """The calls of a mask [n], or of row numbers."""
        picked = {
            field.name: column[chosen]
            for field in fields(self)
            if isinstance(column := getattr(self, field.name), np.ndarray)
        }
        return type(self)(symbols=self.symbols, versions=self.versions, **picked)

    def followed_by(self, later: Self) -> Self:
        """These and then those of `later`, which opened no earlier."""
        symbols = tuple(sorted({*self.symbols, *later.symbols}))
        versions = tuple(sorted({*self.versions, *later.versions}))
        joined = {
            field.name: np.concatenate([column, getattr(later, field.name)])
            for field in fields(self)
            if isinstance(column := getattr(self, field.name), np.ndarray)
        }
        joined["coin"] = np.concatenate(
            [_renumbered(each.coin, each.symbols, symbols) for each in (self, later)]
        )
        joined["version"] = np.concatenate(
            [_renumbered(each.version, each.versions, versions) for each in (self, later)]
        )
        return type(self)(symbols=symbols, versions=versions, **joined)


def episode_days(begun: ResolvedCalls, group: Ints, groups: int) -> list[list[EpisodeDay]]:
    """First calls of episodes summed by UTC day for each of `groups`; `group` [n] numbers them."""
    if not len(begun):
        return [[] for _ in range(groups)]
    first_day = int(begun.day[0])
    days = int(begun.day.max()) - first_day + 1
    cells, place = np.unique(group * days + (begun.day - first_day), return_inverse=True)
    net = begun.net_bps
    won = net > 0.0
    sums = (
        np.bincount(place),
        np.bincount(place, won).astype(np.int64),
        np.bincount(place, np.where(won, net, 0.0)),
        np.bincount(place, net),
    )
    found: list[list[EpisodeDay]] = [[] for _ in range(groups)]
    for at, *of_day in zip(cells.tolist(), *(each.tolist() for each in sums), strict=True):
        found[at // days].append(EpisodeDay(*of_day))
    return found


def _renumbered(numbers: Ints, names: tuple[str, ...], among: tuple[str, ...]) -> Ints:
    """`numbers` [n] of `names` as numbers of `among`; -1 stays."""
    return _ints([*(among.index(name) for name in names), -1])[numbers]


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
