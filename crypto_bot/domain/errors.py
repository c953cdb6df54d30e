"""The error tree. A message says what happened, with which value, and what to do.

CryptoBotError
├── ConfigError              bad usage or settings: one line, exit 2
├── MarketDataError
│   ├── ExchangeUnavailable  no usable reply: timeouts, 5xx, refused connections, an open breaker
│   ├── RateLimited          429 or 418; carries retry_after_s
│   ├── BadCandles           an invalid reply: NaN, disorder, duplicates, off grid
│   └── BadPrices            likewise: a bid above its ask, zero, NaN, stale
├── SignalUnavailable        a source declines; the next one is asked
│   ├── ModelMissing
│   ├── ModelStale
│   ├── ModelIncompatible
│   └── ModelRejected
├── StoreError               the database failed: crash; a restart is the recovery
└── TrainingError
    ├── NotEnoughData
    └── TrainingDiverged
"""


class CryptoBotError(Exception):
    """Base of all errors of this program."""


class ConfigError(CryptoBotError):
    """Bad usage or bad settings."""


class MarketDataError(CryptoBotError):
    """The exchange did not give usable data."""


class ExchangeUnavailable(MarketDataError):
    """The exchange could not be reached or gave no usable reply."""


class RateLimited(MarketDataError):
    """The exchange asked for a pause of `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadCandles(MarketDataError):
    """Invalid candles."""


class BadPrices(MarketDataError):
    """Invalid quotes, order book or funding."""


class SignalUnavailable(CryptoBotError):
    """A source has no signal for this candle; `str(error)` is the reason."""


class ModelMissing(SignalUnavailable):
    """No model has been published for this coin and timeframe."""


class ModelStale(SignalUnavailable):
    """The model is older than the settings allow."""


class ModelIncompatible(SignalUnavailable):
    """The model was made for other features or by an unknown format."""


class ModelRejected(SignalUnavailable):
    """The model's own measurements forbid serving it."""


class StoreError(CryptoBotError):
    """The database failed or refused; the process should end and be restarted."""


class TrainingError(CryptoBotError):
    """A training job could not be completed."""


class NotEnoughData(TrainingError):
    """Too few candles, or labels of only one class."""


class TrainingDiverged(TrainingError):
    """The loss became non-finite."""


def first_line(error: Exception) -> str:
    """The first line of the message of a library's error."""
    return (str(error).strip().splitlines() or [""])[0]
