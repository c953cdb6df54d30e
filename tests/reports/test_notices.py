"""Which changes make a notice, and which do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from crypto_bot.domain.instant import MINUTE_MS
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.domain.signal import Pred, Probabilities, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import Health, assess
from crypto_bot.ports import StoredSignal
from crypto_bot.reports import notices
from crypto_bot.reports.digest import LONGEST, Entry, compose, plain
from tests.domain.paper_accounts import signal

QUARTER = Timeframe.parse("15m")
OPEN_MS = 1_764_547_200_000


def stored(pred: Pred, *, late: bool = False, entry: float = 91_234.56) -> StoredSignal:
    made = signal(
        pred=pred,
        entry=entry,
        atr=entry / 100,
        probabilities=Probabilities(0.2, 0.39, 0.41),
        confidence=0.412,
        source=Source.PROFESSIONAL_ANALYZER,
        expected_bps=14.24,
    )
    return StoredSignal(made, OPEN_MS + QUARTER.ms + 2_000, late)


def test_only_tradeable_signals_make_notices_with_their_levels() -> None:
    quiet = stored(Pred.NO_TRADE), stored(Pred.SHORT, late=True)
    made, small = notices.of_signals([*quiet, stored(Pred.LONG), stored(Pred.LONG, entry=1.234e-5)])
    text = (
        "BTCUSDT 15m LONG at 91234.56; stop 89409.87; targets 93059.25, 93971.6, 94883.94; "
        "confidence 41%; expected +14.2 bp before costs (PROFESSIONAL_ANALYZER)"
    )
    assert made == Notice(Topic.SIGNAL, Level.INFO, text)
    assert "at 0.00001234;" in small.text
    assert "e-" not in small.text


class Engine:
    """Health at a moment that the test moves."""

    def __init__(self) -> None:
        self.now_ms = OPEN_MS + 2 * QUARTER.ms
        self.health = Health(
            started_ms=OPEN_MS, last_cycle_ms=self.now_ms, last_open_ms=OPEN_MS + QUARTER.ms
        )
        self.changes = notices.HealthChanges()

    def notices(self, after_ms: int = 0, **change: int | None) -> list[tuple[Topic, str]]:
        self.now_ms += after_ms
        self.health = replace(self.health, **change)  # type: ignore[arg-type]  # names of fields
        report = assess(self.health, self.now_ms, QUARTER, patience_ms=MINUTE_MS)
        return [(each.topic, each.text) for each in self.changes.seen(report, self.now_ms)]


def test_an_outage_makes_a_notice_at_its_start_and_end() -> None:
    engine = Engine()
    assert engine.notices() == []
    down_ms = engine.now_ms
    assert engine.notices(exchange_down_since_ms=down_ms) == [
        (Topic.EXCHANGE, "the exchange is down since 2025-12-01T00:30:00.000Z")
    ]
    assert engine.notices(40 * MINUTE_MS) == [], "late signals are due to the outage"
    assert engine.notices(exchange_down_since_ms=None) == [
        (Topic.EXCHANGE, "the exchange is up again after 40 min 0 s")
    ]
    assert engine.notices(5_000) == []
    assert engine.notices(5_000, last_open_ms=OPEN_MS + 3 * QUARTER.ms) == [], "caught up in time"


def test_lasting_degradation_makes_a_notice_at_its_start_and_end() -> None:
    engine = Engine()
    assert engine.notices(16 * MINUTE_MS + 1) == []
    ((topic, text),) = engine.notices(MINUTE_MS)
    assert topic is Topic.ENGINE
    assert text.startswith("the engine is degraded: signals are behind: the newest are of the")
    assert engine.notices(MINUTE_MS) == []
    assert engine.notices(last_open_ms=OPEN_MS + 2 * QUARTER.ms) == [
        (Topic.ENGINE, "the engine is running again")
    ]


def test_models_make_notices_when_refused_and_when_served_again() -> None:
    changes = notices.ModelChanges()
    never = ModelEntry("ETHUSDT", False, False, "no model", None, missing=True)
    for served, reason, text in (
        (True, "it is served", None),
        (False, "its data ends long ago", "is refused: its data ends long ago"),
        (False, "its data ends long ago", None),
        (False, "damaged", "is refused: damaged"),
        (True, "v2 is ACTIVE", "is served again: v2 is ACTIVE"),
        (False, "no model", "is refused: no model"),
        (False, "no model", None),
    ):
        missing = reason == "no model"
        entry = ModelEntry("BTCUSDT", served, served, reason, None, missing=missing)
        texts = [each.text for each in changes.seen([entry, never])]
        assert texts == ([] if text is None else [f"the model of BTCUSDT {text}"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\r\n\tand a tab", "two lines and a tab"),
        ("bell \x07 and \x1b[31mred", "bell and [31mred"),
        ("right\u202eleft", "right left"),
        ("x" * 500, "x" * (LONGEST - 1) + "…"),
    ],
)
def test_a_notice_is_one_plain_line(text: str, line: str) -> None:
    assert plain(text) == line
    message = compose([Entry(1, OPEN_MS, Notice(Topic.MODEL, Level.INFO, text))], 0, UTC)
    assert message.body == line
