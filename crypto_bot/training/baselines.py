"""Baselines: what a model's word is measured beside, fitted and judged on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.families.family import Examples, Family, HeadLogits
from crypto_bot.models.families.logistic import LogisticFamily
from crypto_bot.models.families.trees import TreeFamily, TreeSettings
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, Floats, Ints
from crypto_bot.training.evaluate import References

MAJORITY, PERSISTENCE = "majority", "persistence"
REVERSAL, LOGISTIC, TREES = "one_hour_reversal", "logistic", "lightgbm_two_head"
UNKNOWN_LABEL = 3
"""For `known` labels: nothing is known, as at the start of a series or after a gap."""
_PRIOR_ROWS = 100.0
"""A coin's (or season's) own frequencies are pulled towards the pool's as by this many rows."""
_SEASONS = 24
"""At most."""


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
        """Hour of day at which the candle opened (UTC), or its weekday for bars of a day."""
        if self.timeframe.ms >= DAY_MS:
            return self.open_ms // DAY_MS % 7
        return self.open_ms % DAY_MS // HOUR_MS


@dataclass(frozen=True, slots=True)
class FoldRows:
    """One fold: what may be learned from, and the rows to answer.

    `ends` [m]: rows of `fit.features` to predict, described by `keys`; `fit_keys` describes
    `fit`. `return_column`: the column with the return of the past hour over its volatility.
    `overlapping`: all the rows that `fit` is a selection of, weighted; trees learn more from them.
    """

    fit: Examples
    validation: Examples
    fit_keys: RowKeys
    ends: Ints
    keys: RowKeys
    move_columns: Ints
    up_columns: Ints
    return_column: int
    overlapping: Examples | None = None


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


def references(labels: Ints, fit_keys: RowKeys, keys: RowKeys) -> References:
    """Prior of the coin, and of the coin and its season, from fit rows, for rows `keys` [m].

    A coin's prior is pulled towards the pool's, a season's towards the coin's, each as by 100 rows.
    """
    pool = np.bincount(labels, minlength=3) / labels.size
    coins = int(max(fit_keys.coin.max(), keys.coin.max())) + 1
    by_coin = _frequencies(fit_keys.coin, labels, np.tile(pool, (coins, 1)))
    by_season = _frequencies(
        _SEASONS * fit_keys.coin + fit_keys.season, labels, np.repeat(by_coin, _SEASONS, 0)
    )
    return References(by_coin[keys.coin], by_season[_SEASONS * keys.coin + keys.season])


def baseline_logits(
    fold: FoldRows, *, seed: int = 0, tree_settings: TreeSettings | None = None
) -> dict[str, HeadLogits]:
    """Logits [m] of every baseline by name, as raw as a model's: calibrate them the same way."""
    prior = references(fold.fit.labels, fold.fit_keys, fold.keys).prior
    none = np.empty(0, dtype=np.int64)
    families: dict[str, Family] = {
        REVERSAL: LogisticFamily(none, np.array([fold.return_column])),
        LOGISTIC: LogisticFamily(fold.move_columns, fold.up_columns),
        TREES: TreeFamily(
            fold.move_columns, fold.up_columns, seed, tree_settings or TreeSettings()
        ),
    }
    simple = {
        MAJORITY: _logits_of(prior),
        PERSISTENCE: _logits_of(_persistence(fold)),
    }
    learned_from = {TREES: fold.overlapping or fold.fit}
    fitted = {
        name: family.fit(learned_from.get(name, fold.fit), fold.validation)
        for name, family in families.items()
    }
    learned = {name: model.logits(fold.fit.features, fold.ends) for name, model in fitted.items()}
    return simple | learned


def _persistence(fold: FoldRows) -> Floats:
    pool = np.bincount(fold.fit.labels, minlength=3) / fold.fit.labels.size
    table = _frequencies(
        fold.fit_keys.known, fold.fit.labels, np.tile(pool, (UNKNOWN_LABEL + 1, 1))
    )
    return table[fold.keys.known]


def _frequencies(group: Ints, labels: Ints, towards: Floats) -> Floats:
    """Label frequencies of each group, [groups, 3], pulled towards the rows of `towards`."""
    counts = np.bincount(3 * group + labels, minlength=towards.size).reshape(-1, 3)
    mixed: Floats = counts + _PRIOR_ROWS * towards
    mixed /= mixed.sum(axis=1, keepdims=True)
    return mixed


def _logits_of(p: Floats) -> HeadLogits:
    moved = p[:, LONG] + p[:, SHORT]
    return HeadLogits(
        np.log(moved) - np.log(p[:, NO_TRADE]), np.log(p[:, LONG]) - np.log(p[:, SHORT])
    )
