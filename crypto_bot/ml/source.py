"""The first link of the chain: the coin's own model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crypto_bot.domain.errors import ModelMissing, SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Source
from crypto_bot.domain.timeframe import Timeframe


class PerCoinModels:
    """Answers for the coins that have a published model under `models_dir`."""

    source = Source.ML_PER_COIN_V1

    def __init__(self, models_dir: Path, timeframe: Timeframe) -> None:
        self._models_dir = models_dir
        self._timeframe = timeframe

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        tf = self._timeframe.name
        return [
            ModelMissing(f"no model of {view.symbol} {tf} in {self._models_dir}") for view in views
        ]
