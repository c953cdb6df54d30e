"""The public JSON bodies: signals, outcomes, candles, records, health."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AliasPath, BeforeValidator, Field

from crypto_bot.adapters.web.bodies import Body, Json, Number, Sent, body
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import instant
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred, Role, Source
from crypto_bot.engine import health as engine
from crypto_bot.ports import LoggedSignal, StoredSignal
from crypto_bot.statistics.episodes import Episodes
from crypto_bot.statistics.performance import Performance

_SIDES = (Pred.SHORT, Pred.NO_TRADE, Pred.LONG)  # in the order of `Probabilities`
Instant = Annotated[str, Field(examples=["2025-12-01T00:15:02.113Z"])]


class Problem(Body):
    """The error of a request, as text."""

    detail: str


REFUSALS: dict[int | str, dict[str, Any]] = {404: {"model": Problem}, 422: {"model": Problem}}
"""Error responses of routes with a symbol or filters."""


class SignalBody(Body):
    """One signal; there is exactly one for each (symbol, tf, candle_open_ms)."""

    symbol: str
    tf: str
    pred: Pred
    confidence: float = Field(description="Estimated probability that `pred` is right, 0..1")
    probabilities: dict[Pred, float]
    expected_bps: float | None = Field(description="Expected gross return of the trade, if known")
    cost_bps: float | None
    source: Source
    model_version: str | None
    candle_open_ms: int = Field(description="UTC milliseconds")
    ts: Instant
    late: bool = Field(description="Made long after its candle closed; not in the live record")
    engine: str = Field(examples=["binance-spot"])
    role: Role
    horizon: str = Field(description="Candles until it is settled at the latest", examples=["16b"])
    classes: dict[str, float] = Field(description="Name of each class and its probability")
    entry: float
    stop_loss: float | None
    take_profits: list[float] | None
    reasons: list[str]

    @classmethod
    def of(cls, stored: StoredSignal) -> Self:
        """The signal as callers see it."""
        return cls(**_signal_fields(stored))


OutcomeBody = body(Outcome)


class LogLine(SignalBody):
    """A signal with its outcome, which is null while it is open."""

    id: str
    outcome: Json[Outcome] | None

    @classmethod
    def of_line(cls, line: LoggedSignal) -> Self:
        """The line as callers see it."""
        fields = _signal_fields(line.stored)
        return cls(**fields, id=line.stored.signal.id, outcome=line.outcome)


class Predictions(Body):
    """The newest signal of each symbol that has one."""

    success: Literal[True] = True
    count: int
    predictions: dict[str, SignalBody]


class SignalLog(Body):
    """A page of the prediction log, newest first."""

    success: Literal[True] = True
    count: int
    signals: list[LogLine]
    next_cursor: str | None = Field(description="`cursor` of the next page; null at the end")


class Candles(Body):
    """Closed candles, ascending."""

    success: Literal[True] = True
    symbol: str
    tf: str
    count: int
    candles: list[Json[Candle]]


class EpisodesBody(Body):
    """Decisions: consecutive calls of one side are one, with the result of its first call.

    Won is what returned more than its cost; returns are after costs. Below 30 episodes there is an
    interval and no estimate. See `crypto_bot.statistics.episodes`.
    """

    n: int
    won: int
    hit_rate: Number
    interval: tuple[float, float] | None
    n_effective: float | None
    break_even: Number = Field(description="The hit rate at which they earn nothing after costs")
    mean_net_bps: Number
    mean_net_interval_bps: tuple[float, float] | None

    @classmethod
    def of(cls, record: Episodes) -> Self:
        """An estimate and the ends of its interval are fields of their own."""
        rate, mean = record.hit_rate, record.mean_net_bps
        return cls(
            n=record.n,
            won=record.won,
            hit_rate=rate.value,
            interval=rate[1:] if rate.is_bounded else None,
            n_effective=record.n_effective,
            break_even=record.break_even,
            mean_net_bps=mean.value,
            mean_net_interval_bps=mean[1:] if mean.is_bounded else None,
        )


class PerformanceBody(Body):
    """A record of settled calls; see `crypto_bot.statistics.performance.Performance`.

    Below 30 calls there is an interval and no estimate. `hit_rate` is of single calls, NO_TRADE
    among them, and their returns are gross of all costs; `episodes` are decisions after costs.
    """

    n: int
    days: int
    hits: int
    hit_rate: Number = Field(description="Share of the calls whose label was the one called")
    hit_rate_interval: tuple[float, float] | None
    n_effective: float | None
    trades: int
    mean_return_bps: Number
    mean_return_interval_bps: tuple[float, float] | None
    mean_confidence: float | None
    calibration_gap: float | None
    brier: float | None
    brier_baseline: float | None
    no_calls: int = Field(description="NO_TRADE by labels without such a class; not in `n`")
    episodes: EpisodesBody

    @classmethod
    def of(cls, record: Performance) -> Self:
        """An estimate and the ends of its interval are fields of their own."""
        fields: dict[str, Any] = {name: getattr(record, name, None) for name in cls.model_fields}
        rate, mean = record.hit_rate, record.mean_return_bps
        fields |= {"hit_rate": rate.value, "mean_return_bps": mean.value}
        fields["episodes"] = EpisodesBody.of(record.episodes)
        fields["hit_rate_interval"] = rate[1:] if rate.is_bounded else None
        fields["mean_return_interval_bps"] = mean[1:] if mean.is_bounded else None
        return cls(**fields)


class PerformanceReport(Body):
    """Live performance: 95 % intervals, late signals left out."""

    success: Literal[True] = True
    overall: PerformanceBody
    by_source: dict[Source, PerformanceBody]
    by_symbol: dict[str, PerformanceBody]


class PredictCall(Sent):
    """The requested coin, by its asset or symbol, and the timeframe or horizon."""

    asset_symbol: str = Field(examples=["BTC"], min_length=1, max_length=32)
    timeframe: str = Field(examples=["15m", "7d"], max_length=8)


class Directions(Body):
    """Probabilities in percent."""

    bearish: float
    neutral: float
    bullish: float


class PredictAnswer(Body):
    """The newest answer as bearish, neutral or bullish, in percent."""

    prediction: Literal["bearish", "neutral", "bullish"]
    confidence: float
    probabilities: Directions
    as_of: Instant = Field(description="Close of the newest candle that the answer knows of")
    age_s: float


_OfMs = Annotated[Instant, BeforeValidator(instant)]


def _health(name: str, **more: Any) -> Any:
    """A field that is read from `HealthReport.health`."""
    return Field(validation_alias=AliasPath("health", name), **more)


class HealthBody(Body):
    """The health of the engine, with reasons."""

    status: engine.Status
    reasons: list[str]
    started: _OfMs = _health("started_ms")
    last_cycle: _OfMs | None = _health("last_cycle_ms")
    last_candle: _OfMs | None = _health(
        "last_open_ms", description="Open time of the newest candle with signals"
    )
    lag_s: Annotated[float, BeforeValidator(lambda lag_ms: lag_ms / 1000)] | None = Field(
        validation_alias="lag_ms", description="How long the next signals are overdue"
    )
    owed_candles: int = _health("owed_candles")
    exchange_down_since: _OfMs | None = _health("exchange_down_since_ms")


class MissedBody(Body):
    """A listener missed more commits than are sent again; the log has them."""

    since: Instant
    until: Instant
    detail: str = "read what was committed meanwhile from /api/signals"


def _signal_fields(stored: StoredSignal) -> dict[str, Any]:
    signal = stored.signal
    declined = [f"{each.source} declined: {each.reason}" for each in signal.declined]
    return {
        **{name: getattr(signal, name, None) for name in SignalBody.model_fields},
        "probabilities": dict(zip(_SIDES, signal.probabilities, strict=True)),
        "ts": instant(stored.created_ms),
        "late": stored.late,
        "classes": signal.distribution.by_class(),
        **signal.levels._asdict(),
        "reasons": [*signal.reasons, *declined],
    }
