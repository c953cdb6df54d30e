"""Daily candles of a generated market, and small daily models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import starmap
from pathlib import Path

from crypto_bot.app.outlook import outlook_engine
from crypto_bot.app.settings import Settings
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.artifact import publish
from crypto_bot.models.verdict import Verdict
from crypto_bot.ports import Clock
from simulated_exchange.generated import GeneratedMarket
from tests.models.made_models import tiny_model

DAY = Timeframe.parse("1d")
RECIPE = Path(__file__).with_name("made_daily.toml")
"""Three horizons on the features that the small models read."""
START_MS = 1_764_547_200_000  # 2025-12-01, a close of days


def publish_daily(
    settings: Settings, horizon: str, symbol: str | None, seed: int = 0, data_ends_ms: int = 0
) -> Path:
    """A daily model that is marked WARMUP; returns its folder."""
    made = tiny_model(
        symbol,
        seed=seed,
        verdict=Verdict.WARMUP,
        data_ends_ms=data_ends_ms or START_MS - 5 * DAY.ms,
    )
    spec = replace(made.spec, timeframe=DAY.name, label=LABELS.get(f"move_{horizon}"))
    return publish(replace(made, spec=spec), outlook_engine(settings, horizon).settings.models_dir)


class DailyFeed:
    """True daily candles up to the time of `clock`."""

    def __init__(self, symbols: Sequence[str], clock: Clock) -> None:
        market = GeneratedMarket(symbols, DAY.ms, seed=3)
        first_ms, last_ms = START_MS - 800 * DAY.ms, START_MS + 40 * DAY.ms
        self.truth = {
            symbol: list(starmap(Candle, market.candles(symbol, first_ms, last_ms)))
            for symbol in symbols
        }
        self._clock = clock

    def halted(self, symbol: str) -> str | None:
        return None

    async def price(self, symbol: str) -> float:
        raise ExchangeUnavailable(symbol)

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        last_ms = min(until_ms, DAY.last_closed(self._clock.now_ms()))
        return [each for each in self.truth[symbol] if since_ms <= each.open_ms <= last_ms]
