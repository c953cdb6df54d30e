"""Candles in a file of one's own: a data set, or the CSV of one coin."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.csv_candles import read_csv_candles
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.candles import TrainingCandles, with_series
from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.sets import FeatureSet, schema_hash
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.training import data_set
from crypto_bot.training.panel import Coin


@dataclass(frozen=True)
class Source:
    """Candles of `symbols` in one file, with its timeframe.

    `recipe`: that of a data set; without it the file has candles alone. `schema_hash`: of the
    features whose series it holds. `simulated`: it was collected from the simulated exchange.
    """

    symbols: tuple[str, ...]
    timeframe: str
    coins: dict[str, Coin]
    recipe: dict[str, Any] | None = None
    schema_hash: str | None = None
    simulated: bool = False

    def candles(
        self, features: FeatureSet, settings: Settings, until_ms: int | None
    ) -> TrainingCandles:
        """Those of a CSV with the series that the settings know of, of a data set with its own.

        Raises ConfigError where a data set was collected for other features.
        """
        if self.schema_hash is None:
            held = TrainingCandles(self.coins, self._coin)
            return with_series(held, settings, until_ms, features.series)
        if self.schema_hash != schema_hash(features):
            raise ConfigError(
                f"the data set was collected for other features than {features.name}: collect anew"
            )
        return TrainingCandles(self.coins, self._coin, until_ms)

    def _coin(self, symbol: str) -> Coin:
        if symbol not in self.coins:
            raise ConfigError(f"no candles of {symbol}: the file holds {', '.join(self.coins)}")
        return self.coins[symbol]


def named_source(flags: argparse.Namespace) -> Source | None:
    """The file that `--data` or `--csv` names; None without either. Raises BadCandles."""
    if flags.data is not None:
        held = data_set.read(flags.data)
        return Source(
            *(held.symbols, held.timeframe, dict(held.coins)),
            *(held.recipe, held.features_hash, held.simulated),
        )
    if flags.csv is None:
        return None
    found = read_csv_candles(flags.csv, SystemClock().now_ms())
    sys.stdout.write(f"{flags.csv}: {found.words}\n")
    symbol = getattr(flags, "symbol", None) or found.symbol
    table = CandleTable(found.columns.open_ms, np.column_stack(found.columns[1:]))
    return Source((symbol,), found.timeframe.name, {symbol: Coin(symbol, table)})


def require_timeframe(source: Source | None, asked: str | None) -> str | None:
    """The timeframe of the file, or `asked` without one. Raises ConfigError where both differ."""
    if source is None:
        return asked
    if asked not in {None, source.timeframe}:
        raise ConfigError(f"the file has {source.timeframe} candles, not {asked}")
    return source.timeframe
