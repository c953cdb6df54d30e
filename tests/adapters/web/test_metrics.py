"""Prometheus metrics, and the queries of the dashboard and the alerts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web import Metrics
from crypto_bot.adapters.web.gauges import gauge, of_drift, of_models, of_notices, of_paper
from crypto_bot.domain.alarm import Alarm, Drifted
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.model_card import ModelMetrics
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import ChannelCounts, LoggedSignal
from crypto_bot.reports.live_skill import LiveModel, all_models
from crypto_bot.statistics.loss_curve import losses
from crypto_bot.statistics.resolved import ResolvedCalls
from tests.adapters.web.conftest import make_outcome, make_signal
from tests.adapters.web.page.made_figures import MadePaper
from tests.e2e.processes import ROOT
from tests.reports.made_calls import market

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]
DEPLOY = ROOT / "docs" / "deploy"


def samples(metrics: Metrics) -> Samples:
    """Every sample by name and labels, as Prometheus reads it."""
    found: Samples = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        assert family.documentation, family.name
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def live_model() -> LiveModel:
    """Of thirty days, beside tests that measured little."""
    calls = ResolvedCalls.of(market(30))
    skill = Interval(0.01, 0.0, 0.02)
    tested = ModelMetrics(9, 1, skill, skill, UNKNOWN, UNKNOWN, 1, 0.01, 0.01)
    return replace(all_models(calls, losses(calls)), symbol="BTCUSDT", tested=tested)


@pytest.fixture
def everything(metrics: Metrics, catalog: Any, database: Database) -> Metrics:
    """The metrics of the daemon, with paper trading."""
    channels = [ChannelCounts("1 Telegram", 7, 2, 1, is_up=False)]
    metrics.add(lambda: of_notices(channels))
    metrics.add(lambda: of_models(catalog.entries()))
    metrics.add(lambda: of_drift([], [live_model()]))
    metrics.add(lambda: [gauge("database_size_bytes", "On the disk", database.size_bytes)])
    metrics.add(lambda: [gauge("stream_listeners", "Clients", 3)])
    trading = MadePaper()
    trading.stop("a test", "it")
    metrics.add(lambda: of_paper(trading))
    first = make_signal()
    metrics.committed([first], [])
    metrics.committed([make_signal(bar=1)], [make_outcome(first)])
    metrics.candles_failed()
    metrics.cycle_finished(0.02)
    return metrics


def test_metrics_read_on_request(everything: Metrics) -> None:
    values = samples(everything)
    channel, account = ("channel", "1 Telegram"), ("account", "spot")
    for name, labels, value in (
        ("notices_told_total", (channel,), 7.0),
        ("notices_dropped_total", (channel,), 2.0),
        ("notices_waiting", (channel,), 1.0),
        ("notify_channel_up", (channel,), 0.0),
        ("model_served", (("symbol", "BTCUSDT"),), 1.0),
        ("models", (("verdict", "ACTIVE"),), 1.0),
        ("model_data_end_timestamp_seconds", (("symbol", "BTCUSDT"),), 1_764_546_300.0),
        ("stream_listeners", (), 3.0),
        ("paper_equity", (account,), 10_187.66),
        ("paper_cash", (account,), 5_201.1),
        ("paper_max_drawdown_ratio", (account,), 0.034),
        ("paper_refusals_total", (account, ("rule", "cooldown")), 61.0),
        ("paper_kill_switch", (), 1.0),
    ):
        assert values[f"crypto_bot_{name}"][labels] == value, name
    assert values["crypto_bot_database_size_bytes"][()] > 50_000
    assert values["process_resident_memory_bytes"][()] > 10e6
    assert values["process_start_time_seconds"][()] > 1.7e9


def test_a_coin_without_a_model_has_no_model_metrics(metrics: Metrics, catalog: Any) -> None:
    entries = [entry._replace(missing=entry.card is None) for entry in catalog.entries()]
    metrics.add(lambda: of_models(entries))
    assert len(samples(metrics)["crypto_bot_model_served"]) == 1


def test_drift_and_live_skill_are_metrics(metrics: Metrics) -> None:
    alarms = [Alarm(Drifted.INPUTS, coin, "") for coin in ("BTCUSDT", "ETHUSDT")]
    live = live_model()
    metrics.add(lambda: of_drift(alarms, [live]))
    values = samples(metrics)
    assert values["crypto_bot_model_drift"] == {
        (("what", "inputs"),): 2.0,
        (("what", "log loss"),): 0.0,
        (("what", "calibration"),): 0.0,
    }
    of_coin = (("symbol", "BTCUSDT"),)
    assert values["crypto_bot_model_live_skill"][of_coin] == live.skill.value
    assert values["crypto_bot_model_live_skill_high"][of_coin] == live.skill.high


def test_signals_and_hits_are_counted_but_no_hits_of_late_signals(metrics: Metrics) -> None:
    made = [make_signal(bar=bar) for bar in range(4)]
    late = make_signal(bar=4)._replace(late=True)
    hold = make_signal("ETHUSDT", pred=Pred.NO_TRADE)
    before, settled_before = make_signal("SOLUSDT"), make_signal("SOLUSDT", bar=1)
    restored = (before, None), (settled_before, make_outcome(settled_before))
    metrics.restore([LoggedSignal(*line) for line in restored])
    metrics.committed([*made, late, hold], [])
    unlabelled = make_outcome(made[3])._replace(label=None, correct=None)
    wrong = [make_outcome(each, correct=False) for each in (made[1], hold)]
    right = [make_outcome(each) for each in (made[0], late, before, settled_before)]
    metrics.committed([], [unlabelled, *wrong, *right])
    values = samples(metrics)
    of_rule, of_hold = (("source", "RSI_MA"),), (("source", "HOLD"),)
    assert values["crypto_bot_calls_settled_total"] == {of_rule: 3.0, of_hold: 1.0}
    assert values["crypto_bot_calls_right_total"] == {of_rule: 2.0, of_hold: 0.0}
    assert sum(values["crypto_bot_outcomes_total"].values()) == 7.0
    assert values["crypto_bot_signals_declined_total"] == {(("source", "ML_PER_COIN_V1"),): 6.0}
    assert values["crypto_bot_signals_late_total"][()] == 1.0
    signals = {labels[1][1]: n for labels, n in values["crypto_bot_signals_total"].items()}
    assert signals == {"RSI_MA": 5.0, "HOLD": 1.0}


def test_names_follow_the_conventions(everything: Metrics) -> None:
    """Prometheus, Metric and label naming: base units, totals, no unit twice."""
    for family in text_string_to_metric_families(everything.text().decode()):
        assert re.fullmatch(r"(crypto_bot|process)_[a-z][a-z0-9_]*", family.name)
        assert not re.search(r"_(ms|milliseconds|minutes|mb|percent)($|_)", family.name)
        if family.type == "counter":
            assert all(each.name.endswith("_total") for each in family.samples)


def expressions(value: Any) -> list[tuple[str, str]]:
    """(PromQL, legend) of every target in a dashboard."""
    if isinstance(value, dict):
        own = [(value["expr"], value.get("legendFormat", ""))] if "expr" in value else []
        return own + [each for part in value.values() for each in expressions(part)]
    if isinstance(value, list):
        return [each for part in value for each in expressions(part)]
    return []


def labels_of(values: Samples, name: str) -> set[str]:
    return {label for labels in values[name] for label, _ in labels}


def test_the_dashboard_queries_existing_metrics(everything: Metrics) -> None:
    values = samples(everything)
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    queries = expressions(dashboard)
    assert len(queries) > 30
    seen = set()
    for query, legend in queries:
        names = re.findall(r"\b((?:crypto_bot|process)_\w+)\{", query)
        assert names, query
        assert 'job="$job"' in query
        seen |= set(names)
        for name in names:
            assert name in values, name
            grouped = re.findall(r"by \((\w+)\)", query)
            wanted = {*grouped, *re.findall(r"\{\{(\w+)\}\}", legend)}
            assert wanted <= labels_of(values, name), (name, wanted)
    unseen = {name for name in values if name.startswith("crypto_bot_")} - seen
    assert all(name.endswith(("_created", "_sum", "_count", "_seconds")) for name in unseen), unseen
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert "http" not in json.dumps(dashboard), "it comes from this file alone"


def test_the_alerts_query_existing_metrics(everything: Metrics) -> None:
    values = samples(everything)
    text = (DEPLOY / "prometheus-alerts.yml").read_text("utf-8")
    queries = re.findall(r"expr: (.+)", text)
    assert len(queries) == text.count("alert: ")
    for name in re.findall(r"\b(?:crypto_bot|process)_\w+", "\n".join(queries)):
        assert name in values or name == "crypto_bot", name
