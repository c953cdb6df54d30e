"""`classic_csv`: the candle itself and five classic indicators, by `ta`.

`open`, `high`, `low` and `close` are relative to the close before, the averages and `macd` to the
close, `volume` is the logarithm of the volume over its mean of 50 bars, and `volume_ratio` the
volume over its mean of 20.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from crypto_bot.features.recent import (
    HISTORY_BARS,
    advance_recent,
    log_relative,
    new_recent,
    relative,
)
from crypto_bot.features.sets import FeatureSet
from crypto_bot.market_data.observations import Booleans, Floats

WARM_UP_BARS = 60
COLUMNS = (
    *("open", "high", "low", "close", "volume"),
    *("sma_20", "sma_50", "rsi_14", "macd", "volume_ratio"),
)


def measure(candles: Floats, extras: Floats, known: Booleans) -> Floats:
    """See `recent.Measure`; NaN where a window is not complete."""
    del extras, known
    import pandas as pd  # noqa: PLC0415 - loads for a second, and other sets need neither
    from ta.momentum import RSIIndicator  # noqa: PLC0415 - as above
    from ta.trend import MACD, SMAIndicator  # noqa: PLC0415 - as above

    *prices, volume = (pd.Series(np.ascontiguousarray(each)) for each in candles.T)
    close, traded = prices[-1], volume.to_numpy()
    usual = [SMAIndicator(volume, bars).sma_indicator().to_numpy() for bars in (20, 50)]
    return np.column_stack(
        [
            *(price / close.shift(1) - 1.0 for price in prices),
            log_relative(traded, usual[1]),
            *(SMAIndicator(close, bars).sma_indicator() / close - 1.0 for bars in (20, 50)),
            RSIIndicator(close, 14).rsi(),
            MACD(close).macd() / close,
            1.0 + relative(traded, usual[0]),
        ]
    )


CLASSIC_CSV = FeatureSet(
    name="classic_csv",
    version=1,
    columns=COLUMNS,
    warm_up_limit=WARM_UP_BARS,
    history_bars=HISTORY_BARS,
    new_memory=partial(new_recent, groups=0),
    advance=partial(advance_recent, measure=measure),
    recent_return="close",
    parameters={"warm_up": WARM_UP_BARS, "ta": "0.11.0"},
)
