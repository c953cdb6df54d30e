"""Groups of metrics that are read when Prometheus requests them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import nan

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.paper_report import AccountReport
from crypto_bot.engine.health import HealthReport, Status
from crypto_bot.ports import ChannelCounts, PaperTrading

_PREFIX = "crypto_bot_"
_Kind = type[GaugeMetricFamily] | type[CounterMetricFamily]


class HealthGauges(Collector):
    """The engine's health, all of one moment."""

    def __init__(self, health: Callable[[], HealthReport]) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        report = self._health()
        known = report.health
        last_ms, lag_ms = known.last_open_ms, report.lag_ms
        yield _gauge(
            "exchange_up", "1 while the exchange is up", known.exchange_down_since_ms is None
        )
        yield _gauge(
            "running", "1 while every coin has its signal in time", report.status is Status.RUNNING
        )
        yield _gauge("owed_candles", "Closed candles without a signal", known.owed_candles)
        yield _gauge(
            "lag_seconds",
            "How long the next signals are overdue, by the engine's clock",
            nan if lag_ms is None else lag_ms / 1000,
        )
        yield _gauge(
            "last_candle_open_timestamp_seconds",
            "Newest candle with signals, Unix time",
            nan if last_ms is None else last_ms / 1000,
        )


class ModelGauges(Collector):
    """The models of the coins, as last read."""

    def __init__(self, models: Callable[[], Sequence[ModelEntry]]) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        entries = [entry for entry in self._models() if not entry.missing]
        yield _labelled(
            GaugeMetricFamily,
            "model_served",
            "1 if the model of the coin is served, 0 if it is refused",
            ("symbol",),
            (((entry.symbol,), entry.served) for entry in entries),
        )
        yield _labelled(
            GaugeMetricFamily,
            "model_data_end_timestamp_seconds",
            "Newest candle that the model has learned from, Unix time",
            ("symbol",),
            (
                ((entry.symbol,), entry.card.last_open_ms / 1000)
                for entry in entries
                if entry.card is not None
            ),
        )
        verdicts = Counter(entry.card.verdict for entry in entries if entry.card is not None)
        yield _labelled(
            GaugeMetricFamily,
            "models",
            "Published models by verdict",
            ("verdict",),
            (((verdict,), count) for verdict, count in sorted(verdicts.items())),
        )


class NoticeCounters(Collector):
    """Counts of notices for each receiver."""

    def __init__(self, counts: Callable[[], list[ChannelCounts]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts = self._counts()
        sent = [each.sent for each in counts]
        yield self._family(CounterMetricFamily, "notices_told", "Delivered", counts, sent)
        dropped = [each.dropped for each in counts]
        yield self._family(CounterMetricFamily, "notices_dropped", "Lost", counts, dropped)
        waiting = [each.waiting for each in counts]
        yield self._family(GaugeMetricFamily, "notices_waiting", "To deliver", counts, waiting)
        text = "1 while the receiver takes messages"
        up = [each.is_up for each in counts]
        yield self._family(GaugeMetricFamily, "notify_channel_up", text, counts, up)

    @staticmethod
    def _family(
        kind: _Kind,
        name: str,
        text: str,
        counts: Sequence[ChannelCounts],
        values: Sequence[float],
    ) -> Metric:
        rows = zip(((each.channel,) for each in counts), values, strict=True)
        return _labelled(kind, name, text, ("channel",), rows)


class OwnGauge(Collector):
    """One number, read on request."""

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._name = name
        self._text = text
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield _gauge(self._name, self._text, self._read())


class PaperGauges(Collector):
    """Paper trading, in the quote currency of each account."""

    def __init__(self, paper: PaperTrading) -> None:
        self._paper = paper

    def collect(self) -> Iterator[Metric]:
        accounts = self._paper.accounts()
        equity = [float(each.equity) for each in accounts]
        yield self._family("equity", "Cash and the worth of what is open", accounts, equity)
        cash = [float(each.cash) for each in accounts]
        yield self._family("cash", "Cash", accounts, cash)
        held = [len(each.open_positions) for each in accounts]
        yield self._family("open_positions", "Positions that are open", accounts, held)
        fallen = [each.statistics.max_drawdown for each in accounts]
        text = "Deepest fall of the equity below an earlier one, 0..1"
        yield self._family("max_drawdown_ratio", text, accounts, fallen)
        yield _labelled(
            CounterMetricFamily,
            "paper_refusals",
            "Signals that a rule of risk forbade to follow",
            ("account", "rule"),
            (
                ((each.name, rule), count)
                for each in accounts
                for rule, count in sorted(each.refusals.items())
            ),
        )
        yield _gauge(
            "paper_kill_switch", "1 while paper trading is stopped", self._paper.kill_switch().on
        )

    @staticmethod
    def _family(
        name: str, text: str, accounts: Sequence[AccountReport], values: Sequence[float]
    ) -> Metric:
        rows = zip(((each.name,) for each in accounts), values, strict=True)
        return _labelled(GaugeMetricFamily, f"paper_{name}", text, ("account",), rows)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}{name}", text, value=float(value))


def _labelled(
    kind: _Kind,
    name: str,
    text: str,
    labels: Sequence[str],
    rows: Iterable[tuple[tuple[str, ...], float]],
) -> Metric:
    family = kind(f"{_PREFIX}{name}", text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family
