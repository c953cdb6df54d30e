"""The daily answers for those who show them."""

from __future__ import annotations

from typing import NamedTuple

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports.log import PredictionQueries
from crypto_bot.ports.models import ModelCatalog


class OutlookLog(NamedTuple):
    """The answers for one horizon, such as `7d`, and the models that give them."""

    horizon: str
    timeframe: Timeframe
    queries: PredictionQueries
    catalog: ModelCatalog
    training: str
    """The command that trains them."""
