"""The panel of the daily answers: what it draws, and what it says where there is no answer."""

from __future__ import annotations

import re

from crypto_bot.adapters.web.page.outlook_panel import OutlookReading, outlook_panel
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Pred, Probabilities, Source
from crypto_bot.labels.registered import LABELS
from crypto_bot.ports import DayRecord
from crypto_bot.statistics.performance import performance
from tests.adapters.web.page.made_figures import NOW_MS, card, entry
from tests.adapters.web.page.pages import HOSTILE
from tests.domain.paper_accounts import signal


def reading(horizon: str = "7d", settled: int = 40) -> OutlookReading:
    """Right three times in four, on as many days as calls were settled."""
    metrics = card().metrics
    assert metrics is not None
    counted = metrics._replace(labels=(("SHORT", 40), ("NO_TRADE", 20), ("LONG", 40)))
    made = signal(
        "BTCUSDT",
        pred=Pred.LONG,
        atr=2.0,
        probabilities=Probabilities(0.3, 0.15, 0.55),
        source=Source.DAILY_OUTLOOK,
        label=LABELS.get(f"move_{horizon}"),
        model_version="lstm_v1+3f9c2a1d",
    )
    days = [
        DayRecord(
            *(made.source, "BTCUSDT", day, 1, int(day % 4 > 0), 1, 10.0, 0.5, 0.25),
            *(0, 1, int(day % 4 > 0), 9.0 * (day % 4 > 0), 3.0),
        )
        for day in range(settled)
    ]
    model = entry("BTCUSDT", card("LOW")._replace(metrics=counted))
    return OutlookReading(horizon, made, NOW_MS - DAY_MS, model, performance(days, 7))


def test_probabilities_beside_base_rates_with_age_verdict_and_record() -> None:
    shown = outlook_panel([reading(), reading("30d", settled=0)], NOW_MS)
    assert re.findall(r"\d+ days", shown) == ["7 days", "30 days"]
    assert shown.count("LOW") == shown.count("24 h old") == 2
    levels = re.findall(r'class="(long|none|short)" width="([\d.]+)%".*\n?.*x1="([\d.]+)%"', shown)
    assert (
        levels
        == [("long", "55.0", "40.0"), ("none", "15.0", "20.0"), ("short", "30.0", "40.0")] * 2
    )
    assert shown.count("Hit rate, live") == 1
    assert "75%" in shown
    assert "n 40 (40 calls)" in shown


def test_without_an_answer_it_gives_the_reason_escaped() -> None:
    silent = reading()._replace(answer=None)
    silent = silent._replace(model=silent.model._replace(reason=HOSTILE))
    shown = outlook_panel([silent], NOW_MS)
    assert "No answer: &lt;img" in shown
    assert "P(long)" not in shown
    assert outlook_panel([], NOW_MS) == ""
