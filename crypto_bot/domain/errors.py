"""The error tree. A message says what happened, with which value, and what to do."""

from __future__ import annotations

from crypto_bot.domain.instant import DAY_MS, instant


class CryptoBotError(Exception):
    """Base of all errors of this program."""


class ConfigError(CryptoBotError):
    """Bad usage or bad settings: one line, exit 2."""


class MarketDataError(CryptoBotError):
    """The exchange did not give usable data."""


class ExchangeUnavailable(MarketDataError):
    """No usable reply: timeouts, 5xx, refused connections, an open breaker."""


class MarketEnded(MarketDataError):
    """A replayed market has no more candles."""


class RateLimited(MarketDataError):
    """The exchange asked for a pause of `retry_after_s` seconds (429 or 418)."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadCandles(MarketDataError):
    """Invalid candles: NaN, disorder, duplicates, off grid."""


class BadPrices(MarketDataError):
    """Invalid quotes, order book or funding: a bid above its ask, zero, NaN, stale."""


class SignalUnavailable(CryptoBotError):
    """A source has no signal for this candle; `str(error)` is the reason. The next is asked.

    `near` is that of `domain.signal.Declined`.
    """

    def __init__(self, reason: str, near: float | None = None) -> None:
        super().__init__(reason)
        self.near = near


class ModelMissing(SignalUnavailable):
    """No model has been published for this coin and timeframe."""


class ModelStale(SignalUnavailable):
    """The data of a model ended longer before the candle than the settings allow."""

    def __init__(self, model: str, until_ms: int, age_ms: int, limit_ms: int) -> None:
        super().__init__(
            f"{model} is stale: its data ended at {instant(until_ms)}, {age_ms / DAY_MS:.0f} days "
            f"before this candle, and {limit_ms / DAY_MS:g} days are the limit"
        )
        self.model, self.until_ms, self.age_ms, self.limit_ms = model, until_ms, age_ms, limit_ms


class ModelIncompatible(SignalUnavailable):
    """The model was made for other features or by an unknown format."""


class ModelRejected(SignalUnavailable):
    """The model's own measurements forbid serving it."""


class StoreError(CryptoBotError):
    """The database failed or refused: the process should end; a restart is the recovery."""


class TrainingError(CryptoBotError):
    """A training job could not be completed."""


class NotEnoughData(TrainingError):
    """Too few candles, or labels of only one class."""


class TrainingDiverged(TrainingError):
    """The loss became non-finite."""


class JobError(CryptoBotError):
    """A job beside the engine cannot be started: another runs, or it is not one that may be."""


def first_line(error: Exception) -> str:
    """The first line of the message of a library's error."""
    return (str(error).strip().splitlines() or [""])[0]
