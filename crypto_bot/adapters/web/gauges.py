"""Measurements of other parts, read when Prometheus requests them: each a group of metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import nan
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from crypto_bot.domain.alarm import Alarm, Drifted
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.engine.health import HealthReport, Status
from crypto_bot.ports import ChannelCounts, PaperTrading

if TYPE_CHECKING:
    from crypto_bot.reports.live_skill import LiveModel  # NumPy, which /healthz does not wait for

_PREFIX = "crypto_bot_"
_Rows = Iterable[tuple[str | tuple[str, ...], Any]]


def of_health(report: HealthReport) -> Iterator[Metric]:
    """The engine's health, all of one moment."""
    known = report.health
    up, running = known.exchange_down_since_ms is None, report.status is Status.RUNNING
    yield gauge("exchange_up", "1 while the exchange is up", up)
    yield gauge("running", "1 while every coin has its signal in time", running)
    yield gauge("owed_candles", "Closed candles without a signal", known.owed_candles)
    late = "How long the next signals are overdue, by the engine's clock"
    yield gauge("lag_seconds", late, _seconds(report.lag_ms))
    newest = "last_candle_open_timestamp_seconds", "Newest candle with signals, Unix time"
    yield gauge(*newest, _seconds(known.last_open_ms))


def of_models(models: Sequence[ModelEntry]) -> Iterator[Metric]:
    """The models of the coins, as last read."""
    entries = [entry for entry in models if not entry.missing]
    cards = {entry.symbol: entry.card for entry in entries if entry.card is not None}
    served = "model_served", "1 if the model of the coin is served, 0 if it is refused"
    yield _gauges(*served, ("symbol",), ((entry.symbol, entry.served) for entry in entries))
    end = "model_data_end_timestamp_seconds"
    text = "Newest candle that the model has learned from, Unix time"
    ends = ((symbol, card.last_open_ms / 1000) for symbol, card in cards.items())
    yield _gauges(end, text, ("symbol",), ends)
    verdicts = Counter(sorted(card.verdict for card in cards.values()))
    yield _gauges("models", "Published models by verdict", ("verdict",), verdicts.items())


def of_drift(alarms: Sequence[Alarm], live: Sequence[LiveModel]) -> Iterator[Metric]:
    """What has drifted, and the skill of each model live beside that of its tests."""
    counts = Counter(alarm.what.value for alarm in alarms)
    text = "Alarms that stand: coins whose inputs drifted, or 1"
    yield _gauges("model_drift", text, ("what",), [(each.value, counts[each]) for each in Drifted])
    known = [each for each in live if each.skill.is_estimated]
    text = "Log-loss skill against the label shares of 30 days, or an end of its 95 % interval"
    for name, place in (("live_skill", 0), ("live_skill_low", 1), ("live_skill_high", 2)):
        rows = [(each.symbol, each.skill[place]) for each in known]
        yield _gauges(f"model_{name}", text, ("symbol",), rows)
    tested = [
        (each.symbol, each.tested.skill_climatology.value)
        for each in known
        if each.tested is not None and each.tested.skill_climatology.is_estimated
    ]
    text = "The same against the climatology, on candles that it had never seen"
    yield _gauges("model_tested_skill", text, ("symbol",), tested)


def of_notices(counts: Sequence[ChannelCounts]) -> Iterator[Metric]:
    """Counts of notices for each receiver."""
    for make, name, text, read in (
        (_counters, "notices_told", "Delivered", attrgetter("sent")),
        (_counters, "notices_dropped", "Lost", attrgetter("dropped")),
        (_gauges, "notices_waiting", "To deliver", attrgetter("waiting")),
        (_gauges, "notify_channel_up", "1 while the receiver takes messages", attrgetter("is_up")),
    ):
        yield make(name, text, ("channel",), [(each.channel, read(each)) for each in counts])


def of_paper(paper: PaperTrading) -> Iterator[Metric]:
    """Paper trading, in the quote currency of each account."""
    accounts = paper.accounts()
    for name, text, read in (
        ("equity", "Cash and the worth of what is open", lambda each: each.equity),
        ("cash", "Cash", lambda each: each.cash),
        ("open_positions", "Positions that are open", lambda each: len(each.open_positions)),
        (
            "max_drawdown_ratio",
            "Deepest fall of the equity below an earlier one, 0..1",
            lambda each: each.statistics.max_drawdown,
        ),
    ):
        rows = [(each.name, read(each)) for each in accounts]
        yield _gauges(f"paper_{name}", text, ("account",), rows)
    refused = (
        ((each.name, rule), count)
        for each in accounts
        for rule, count in sorted(each.refusals.items())
    )
    text = "Signals that a rule of risk forbade to follow"
    yield _counters("paper_refusals", text, ("account", "rule"), refused)
    stopped = "paper_kill_switch", "1 while paper trading is stopped"
    yield gauge(*stopped, paper.kill_switch().on)


def gauge(name: str, text: str, value: float) -> Metric:
    """One number."""
    return GaugeMetricFamily(f"{_PREFIX}{name}", text, value=float(value))


def _gauges(name: str, text: str, labels: Sequence[str], rows: _Rows) -> Metric:
    return _filled(GaugeMetricFamily(f"{_PREFIX}{name}", text, labels=labels), rows)


def _counters(name: str, text: str, labels: Sequence[str], rows: _Rows) -> Metric:
    return _filled(CounterMetricFamily(f"{_PREFIX}{name}", text, labels=labels), rows)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, rows: _Rows) -> Metric:
    for key, value in rows:
        family.add_metric((key,) if isinstance(key, str) else key, float(value))
    return family


def _seconds(ms: int | None) -> float:
    return nan if ms is None else ms / 1000
