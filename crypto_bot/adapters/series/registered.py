"""The data series that feature sets may name, and how each is opened below a folder of files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from crypto_bot.adapters.series.files import FileLayout, FileSeries
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.registry import Registry
from crypto_bot.ports.market_data import Series

SERIES: Registry[Callable[[Path], Series]] = Registry("data series")


def _register(name: str, layout: FileLayout) -> None:
    SERIES.register(name, partial(FileSeries, name, layout))


_register("funding", FileLayout("funding/{symbol}", "rate"))
_register("open_interest", FileLayout("open_interest/{symbol}", "oi_close", "known_ms"))
_register("premium_1h", FileLayout("premium_1h/{symbol}", "premium", delay_ms=HOUR_MS))
_register("taker_volume_1h", FileLayout("flow_1h/{symbol}", "taker_buy_volume", delay_ms=HOUR_MS))
_register("btc_implied_volatility", FileLayout("dvol_1h/BTC", "close", delay_ms=HOUR_MS))
_register("fear_greed", FileLayout("macro/fear_greed", "fear_greed", delay_ms=DAY_MS))
