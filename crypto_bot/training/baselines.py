"""Baselines: what a model is measured beside, fitted and judged on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.training.evaluate import References

MAJORITY, PERSISTENCE, CLIMATOLOGY = "majority", "persistence", "climatology"
REVERSAL, LOGISTIC, TREES = "one_hour_reversal", "logistic", "lightgbm_two_head"
RULES = (MAJORITY, PERSISTENCE, CLIMATOLOGY, REVERSAL)
"""Simple rules that a model can be measured beside; the last one needs a direction."""
UNKNOWN_LABEL = -1
"""For `known` labels: nothing is known, as at the start of a series or after a gap."""
_PRIOR_ROWS = 100.0
"""A coin's or a season's frequencies are pulled towards the pool's as by this many rows."""
_SEASON_ROWS = 1_000.0
"""The same of a coin's season, of which there are 192."""
_QUARTER_MS = HOUR_MS // 4
_SEASONS = 192
"""Quarters of an hour of a day, in the week and at its end."""


@dataclass(frozen=True, slots=True)
class RowKeys:
    """What the simple baselines know of rows, [n] each.

    Open times UTC ms, coin numbers, and the newest label of the same coin that was known at the
    row's close (`last_known`).
    """

    open_ms: Ints
    coin: Ints
    known: Ints
    timeframe: Timeframe

    @property
    def season(self) -> Ints:
        """Quarter of an hour and weekend at the close (UTC), or the weekday of bars of a day."""
        if self.timeframe.ms >= DAY_MS:
            return self.open_ms // DAY_MS % 7
        close_ms = self.open_ms + self.timeframe.ms
        weekend = close_ms // DAY_MS % 7 // 2 == 1  # the epoch was a Thursday
        season: Ints = close_ms % DAY_MS // _QUARTER_MS + _SEASONS // 2 * weekend
        return season


def last_known(open_ms: Ints, coin: Ints, label: Ints, horizon_ms: int) -> Ints:
    """The label of the row one horizon before each row [n], which its close has just decided.

    `UNKNOWN_LABEL` where that row is not there. Rows in any order, each (coin, open_ms) once.
    """
    out = np.full(label.size, UNKNOWN_LABEL, dtype=np.int64)
    for number in np.unique(coin):
        rows = np.flatnonzero(coin == number)
        rows = rows[np.argsort(open_ms[rows])]
        wanted = open_ms[rows] - horizon_ms
        found = np.minimum(np.searchsorted(open_ms[rows], wanted), rows.size - 1)
        there = open_ms[rows][found] == wanted
        out[rows[there]] = label[rows[found[there]]]
    return out


def references(labels: Ints, fit_keys: RowKeys, keys: RowKeys, classes: int) -> References:
    """Prior of the coin, and of the coin and its season, from fit rows, for rows `keys` [m].

    A coin's prior and the pool's season are pulled towards the pool's prior, each as by 100 rows. A
    coin's season is pulled, as by 1,000 of its few rows, towards the coin's prior times what the
    season is to the pool.
    """
    pool = np.bincount(labels, minlength=classes) / labels.size
    coins = int(max(fit_keys.coin.max(), keys.coin.max())) + 1
    by_coin = _frequencies(fit_keys.coin, labels, np.tile(pool, (coins, 1)))
    by_season = _frequencies(fit_keys.season, labels, np.tile(pool, (_SEASONS, 1)))
    expected = by_coin[:, None] * by_season / np.maximum(pool, np.finfo(np.float64).tiny)
    expected = expected.reshape(-1, classes) / expected.sum(axis=2).reshape(-1, 1)
    own = _frequencies(_SEASONS * fit_keys.coin + fit_keys.season, labels, expected, _SEASON_ROWS)
    return References(by_coin[keys.coin], own[_SEASONS * keys.coin + keys.season])


def persistence(labels: Ints, fit_keys: RowKeys, keys: RowKeys, classes: int) -> Floats:
    """P [m, classes] by the newest known label: how often each label followed it in fit rows."""
    pool = np.bincount(labels, minlength=classes) / labels.size
    kinds = classes + 1  # the last is for what is unknown
    table = _frequencies(fit_keys.known % kinds, labels, np.tile(pool, (kinds, 1)))
    return table[keys.known % kinds]


def by_rules(
    rules: Sequence[str], labels: Ints, fit_keys: RowKeys, keys: RowKeys, classes: int
) -> dict[str, Floats]:
    """P [m, classes] by each of `rules` that only counts labels of fit rows."""
    counted = references(labels, fit_keys, keys, classes)
    found = {MAJORITY: counted.prior, CLIMATOLOGY: counted.climatology}
    if PERSISTENCE in rules:
        found[PERSISTENCE] = persistence(labels, fit_keys, keys, classes)
    return {rule: found[rule] for rule in rules if rule in found}


def _frequencies(group: Ints, labels: Ints, towards: Floats, rows: float = _PRIOR_ROWS) -> Floats:
    """Label frequencies of each group, [groups, classes], pulled towards those of `towards`."""
    classes = towards.shape[1]
    counts = np.bincount(classes * group + labels, minlength=towards.size).reshape(-1, classes)
    mixed: Floats = counts + rows * towards
    mixed /= mixed.sum(axis=1, keepdims=True)
    return mixed
