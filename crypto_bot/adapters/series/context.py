"""Series in files that a user brings: where they lie and when they are known."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from crypto_bot.adapters.series.cache import SOON_MS
from crypto_bot.adapters.series.files import FileLayout, FileSeries
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.timeframe import Timeframe


def _files(name: str, layout: FileLayout) -> partial[FileSeries]:
    return partial(FileSeries, name, layout)


def trading_files(folder: Path, timeframe: Timeframe) -> dict[str, FileSeries]:
    """How candles of `timeframe` were traded, known at their closes, such as `flow_15m/BTCUSDT`."""
    layout = partial(FileLayout, f"flow_{timeframe.name}/{{symbol}}", delay_ms=timeframe.ms)
    return {
        "taker_share": FileSeries("taker_share", layout("taker_buy_volume", per="volume"), folder),
        "trade_size": FileSeries("trade_size", layout("quote_volume", per="trades"), folder),
    }


# Known as late as an engine has them that fetches them.
funding = _files("funding", FileLayout("funding/{symbol}", "rate", delay_ms=SOON_MS))
open_interest = _files(
    "open_interest", FileLayout("open_interest/{symbol}", "oi_close", known="known_ms")
)
premium_1h = _files(
    "premium_1h", FileLayout("premium_1h/{symbol}", "premium", delay_ms=HOUR_MS + SOON_MS)
)
btc_implied_volatility = _files(
    "btc_implied_volatility", FileLayout("dvol_1h/BTC", "close", delay_ms=HOUR_MS + SOON_MS)
)
# That of a day is published as the day begins; a day later it has certainly been.
fear_greed = _files("fear_greed", FileLayout("macro/fear_greed", "fear_greed", delay_ms=DAY_MS))
btc_dominance = _files(
    "btc_dominance", FileLayout("macro/btc_dominance", "btc_dominance", delay_ms=DAY_MS)
)
dxy = _files("dxy", FileLayout("macro/dxy", "dxy", delay_ms=DAY_MS))
bid_ask_ratio = _files("bid_ask_ratio", FileLayout("bid_ask_ratio/{symbol}", "bid_ask_ratio"))
