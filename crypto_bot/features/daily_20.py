"""`daily_20`: twenty columns of a coin's candles, market cap and social figures, by `ta`.

What has the size of a price, a volume or a market cap is made relative, so that coins can be
pooled: `close`, `volume`, `volume_ma` and `market_cap` are logarithms of the value over its mean of
the last 90 bars; the averages and bands are relative to the close, as are `macd`, `macd_signal` and
`hl_spread`. `change_1h` is that of one bar and `change_24h` that of 24, whatever the timeframe.
Social figures are as their source has them. What is not known is 0, with 0 in its `_known` column.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.features.recent import (
    HISTORY_BARS,
    advance_recent,
    log_relative,
    new_recent,
    relative,
)
from crypto_bot.features.sets import FeatureSet
from crypto_bot.market_data.observations import Booleans, Floats, SeriesColumn

MEAN_BARS = 90
WARM_UP_BARS = 100
SERIES = ("market_cap", "social_score", "sentiment_pos", "sentiment_neg")
MAX_AGE_DAYS = 3
COLUMNS = (
    *("close", "change_1h", "change_24h", "hl_spread", "log_returns"),
    *("rsi", "macd", "macd_signal", "bb_upper", "bb_lower", "ema_20", "ema_50", "volume_ma"),
    *("volume", "volume_change", "market_cap", "market_cap_change"),
    *("social_score", "sentiment_pos", "sentiment_neg"),
    *("market_cap_known", "market_cap_change_known"),
    *("social_score_known", "sentiment_pos_known", "sentiment_neg_known"),
)


def measure(candles: Floats, extras: Floats, known: Booleans) -> Floats:
    """See `recent.Measure`; NaN where a window is not complete."""
    return np.column_stack([_of_candles(candles), _of_series(extras, known)])


def _of_candles(candles: Floats) -> Floats:
    import pandas as pd  # noqa: PLC0415 - loads for a second, and other sets need neither
    from ta.momentum import RSIIndicator  # noqa: PLC0415 - as above
    from ta.trend import MACD, EMAIndicator, SMAIndicator  # noqa: PLC0415 - as above
    from ta.volatility import BollingerBands  # noqa: PLC0415 - as above

    _, high, low, close, volume = (pd.Series(np.ascontiguousarray(each)) for each in candles.T)
    macd, bands = MACD(close), BollingerBands(close, 20, 2)
    volume_ma = SMAIndicator(volume, 20).sma_indicator()
    usual, usual_volume = (each.rolling(MEAN_BARS).mean().to_numpy() for each in (close, volume))
    price, traded = close.to_numpy(), volume.to_numpy()
    to_price = (
        *(bands.bollinger_hband(), bands.bollinger_lband()),
        *(EMAIndicator(close, span).ema_indicator() for span in (20, 50)),
    )
    return np.column_stack(
        [
            log_relative(price, usual),
            close.pct_change(1),
            close.pct_change(24),
            (high - low) / close,
            np.log(close / close.shift(1)),
            RSIIndicator(close, 14).rsi(),
            macd.macd() / close,
            macd.macd_signal() / close,
            *(each / close - 1.0 for each in to_price),
            log_relative(volume_ma.to_numpy(), usual_volume),
            log_relative(traded, usual_volume),
            relative(traded, volume.shift(1).to_numpy()),
        ]
    )


def _of_series(extras: Floats, known: Booleans) -> Floats:
    import pandas as pd  # noqa: PLC0415 - as above

    cap = pd.Series(np.where(known[:, 0], extras[:, 0], np.nan))
    usual = cap.rolling(MEAN_BARS, min_periods=1).mean()
    changed = (cap.notna() & cap.shift(1).notna()).to_numpy()
    now, before, mean = (np.array(each, np.float64) for each in (cap, cap.shift(1), usual))
    flags = np.column_stack([known[:, 0], changed, known[:, 1:]])
    return np.column_stack(
        [
            np.where(known[:, 0], log_relative(now, mean), 0.0),
            np.where(changed, relative(now, before), 0.0),
            extras[:, 1:],
            flags.astype(np.float64),
        ]
    )


DAILY_20 = FeatureSet(
    name="daily_20",
    version=1,
    columns=COLUMNS,
    warm_up_limit=WARM_UP_BARS,
    history_bars=HISTORY_BARS,
    new_memory=partial(new_recent, groups=len(SERIES)),
    advance=partial(advance_recent, measure=measure),
    recent_return="log_returns",
    series=tuple(SeriesColumn(name, MAX_AGE_DAYS * DAY_MS) for name in SERIES),
    parameters={"mean_bars": MEAN_BARS, "warm_up": WARM_UP_BARS, "ta": "0.11.0"},
)
