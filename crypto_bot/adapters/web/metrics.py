"""Prometheus metrics of the engine, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from crypto_bot.domain.outcome import Outcome
from crypto_bot.ports import StoredSignal
from crypto_bot.services.health import HealthReport, Status

_CYCLE_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 225.0)


class Metrics:
    """A sink of the engine; what `health` knows is read when it is asked for."""

    def __init__(self, health: Callable[[], HealthReport]) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._cycle = Histogram(
            "crypto_bot_cycle_seconds",
            "From the last candle to the committed signals",
            buckets=_CYCLE_BUCKETS_S,
            registry=registry,
        )
        self._signals = Counter(
            "crypto_bot_signals", "Committed signals", ["source", "pred"], registry=registry
        )
        self._late = Counter(
            "crypto_bot_signals_late", "Committed signals that came late", registry=registry
        )
        self._outcomes = Counter(
            "crypto_bot_outcomes", "Settled signals", ["status"], registry=registry
        )
        self._failed = Counter(
            "crypto_bot_candles_failed", "Candle requests without a sound answer", registry=registry
        )
        for name, text, read in (
            ("exchange_up", "1 while the exchange answers", _exchange_up),
            ("running", "1 while every coin has its signal in time", _running),
            ("owed_candles", "Closed candles without a signal", _owed_candles),
            ("last_candle_open_seconds", "Newest candle with signals, Unix time", _last_open_s),
        ):
            gauge = Gauge(f"crypto_bot_{name}", text, registry=registry)
            gauge.set_function(partial(_reading, read, health))

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """From any thread."""
        for stored in signals:
            self._signals.labels(stored.signal.source.value, stored.signal.pred.value).inc()
            if stored.late:
                self._late.inc()
        for outcome in outcomes:
            self._outcomes.labels(outcome.status.value).inc()

    def cycle_finished(self, duration_s: float) -> None:
        """From any thread; `duration_s` in seconds of a person."""
        self._cycle.observe(duration_s)

    def candles_failed(self, count: int = 1) -> None:
        """From any thread."""
        self._failed.inc(count)

    def text(self) -> bytes:
        """Prometheus text format."""
        return generate_latest(self._registry)


def _reading(read: Callable[[HealthReport], float], health: Callable[[], HealthReport]) -> float:
    return read(health())


def _exchange_up(report: HealthReport) -> float:
    return float(report.health.exchange_down_since_ms is None)


def _running(report: HealthReport) -> float:
    return float(report.status is Status.RUNNING)


def _owed_candles(report: HealthReport) -> float:
    return float(report.health.owed_candles)


def _last_open_s(report: HealthReport) -> float:
    last_open_ms = report.health.last_open_ms
    return nan if last_open_ms is None else last_open_ms / 1000
