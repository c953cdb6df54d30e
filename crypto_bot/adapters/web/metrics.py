"""Prometheus metrics of the engine, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from crypto_bot import __version__
from crypto_bot.adapters.web.gauges import of_health
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Source
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import LoggedSignal, StoredSignal

_CYCLE_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 225.0)
_OPEN_SIGNALS = 65_536
"""Maximum number of open signals kept: one with a gap in its candles is never settled."""


class Metrics:
    """A sink of the engine; other values are read on request."""

    def __init__(self, health: Callable[[], HealthReport]) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._cycle = Histogram(
            "crypto_bot_cycle_seconds",
            "From the last candle to the committed signals",
            buckets=_CYCLE_BUCKETS_S,
            registry=registry,
        )
        self._signals = self._counter("signals", "Committed signals", "source", "pred")
        self._late = self._counter("signals_late", "Committed signals that were late")
        self._declined = self._counter(
            "signals_declined", "Committed signals for which a source gave no call", "source"
        )
        self._outcomes = self._counter("outcomes", "Settled signals", "status")
        self._settled = self._counter(
            "calls_settled", "Settled calls with a label, made in time", "source"
        )
        self._hits = self._counter("calls_right", "Those of them that were right", "source")
        self._failed = self._counter("candles_failed", "Candle requests without a sound answer")
        self._revised = self._counter("candles_revised", "Stored candles that an exchange changed")
        Info("crypto_bot", "The program", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)
        self.add(lambda: of_health(health()))
        self._open: dict[str, Source] = {}

    def add(self, read: Callable[[], Iterable[Metric]]) -> None:
        """Adds the metrics that `read` returns on each request, from any thread; see `gauges`."""
        self._registry.register(_OnRequest(read))

    def restore(self, lines: Iterable[LoggedSignal]) -> None:
        """Sets the open signals; call before the first commit."""
        self._remember([line.stored for line in lines if line.outcome is None])

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """From any thread."""
        for stored in signals:
            signal = stored.signal
            self._signals.labels(signal.source.value, signal.pred.value).inc()
            if stored.late:
                self._late.inc()
            for declined in signal.declined:
                self._declined.labels(declined.source.value).inc()
        self._remember(signals)
        for outcome in outcomes:
            self._outcomes.labels(outcome.status.value).inc()
            source = self._open.pop(outcome.prediction_id, None)
            if source is not None and outcome.correct is not None:
                self._settled.labels(source.value).inc()
                self._hits.labels(source.value).inc(outcome.correct)

    def cycle_finished(self, duration_s: float) -> None:
        """From any thread; `duration_s` in real seconds."""
        self._cycle.observe(duration_s)

    def candles_failed(self, count: int = 1) -> None:
        """From any thread."""
        self._failed.inc(count)

    def candles_revised(self, count: int) -> None:
        """From any thread."""
        self._revised.inc(count)

    def text(self) -> bytes:
        """Prometheus text format. May read the database."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"crypto_bot_{name}", text, labels, registry=self._registry)

    def _remember(self, signals: Iterable[StoredSignal]) -> None:
        for stored in signals:
            if not stored.late:
                self._open[stored.signal.id] = stored.signal.source
        while len(self._open) > _OPEN_SIGNALS:
            del self._open[next(iter(self._open))]


class _OnRequest(Collector):
    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()
