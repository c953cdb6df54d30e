"""The live record: fed in portions it says what it would say if it were read at once."""

from __future__ import annotations

import pytest

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.ports import ResolvedCall
from crypto_bot.reports.live_record import LiveRecord, Selection, SourceGroup, Window
from tests.reports.made_calls import T0, call, market


class Log:
    """Resolved calls up to a moment that a test moves."""

    def __init__(self, rows: list[ResolvedCall]) -> None:
        self.rows = sorted(rows, key=lambda row: row.candle_open_ms)
        self.now_ms = T0 + 100 * DAY_MS
        self.asked: list[int] = []

    def resolved_calls(self, since_ms: int) -> list[ResolvedCall]:
        self.asked.append(since_ms)
        return [row for row in self.rows if since_ms <= row.candle_open_ms < self.now_ms]


class NoModels:
    note = None

    def entries(self) -> list[ModelEntry]:
        return []

    def entry(self, symbol: str) -> ModelEntry:
        raise NotImplementedError


def record_of(log: Log) -> LiveRecord:
    return LiveRecord(log, NoModels(), lambda: log.now_ms)  # type: ignore[arg-type]


ALL = Selection(window=Window.ALL)


def test_portions_and_the_whole_say_the_same() -> None:
    log = Log(market(12))
    log.now_ms = T0 + 8 * DAY_MS
    grown = record_of(log)
    grown.report(ALL, 8)
    for day in range(9, 13):
        log.now_ms = T0 + day * DAY_MS
        grown.report(ALL, day)
    assert log.asked[-1] > T0, "only the last days are read again"
    whole = record_of(log)
    assert grown.report(ALL, 12) == whole.report(ALL, 12)
    assert grown.models(12) == whole.models(12)


def test_late_settlements_within_three_days_are_taken_in() -> None:
    rows = market(5)
    log = Log([row for row in rows if row.symbol != "C3USDT"])
    log.now_ms = T0 + 2 * DAY_MS
    record = record_of(log)
    record.report(ALL, 2)
    log.rows = rows
    log.now_ms = T0 + 5 * DAY_MS
    assert record.report(ALL, 5).calls == len(rows)


def test_what_is_older_than_ninety_days_is_forgotten() -> None:
    log = Log(market(3))
    log.now_ms = T0 + 2 * DAY_MS
    record = record_of(log)
    assert record.report(ALL, 2).days == 2
    log.now_ms = T0 + 91 * DAY_MS
    assert record.report(ALL, 91).days == 2, "the third day is there and the first is not"
    log.now_ms = T0 + 300 * DAY_MS
    assert record.report(ALL, 300).calls == 0


def test_a_report_is_made_once_until_something_new_comes() -> None:
    log = Log(market(3))
    record = record_of(log)
    first = record.report(ALL, None)
    assert record.report(ALL, None) is first
    assert len(log.asked) == 1
    assert record.report(ALL, T0) is not first
    assert len(log.asked) == 2


def test_selections() -> None:
    rules = [
        call(at, source=Source.MOMENTUM, pred="SHORT", label="SHORT") for at in range(0, 960, 8)
    ]
    log = Log([*market(10), *rules])
    log.now_ms = T0 + 10 * DAY_MS
    record = record_of(log)
    everything = record.report(ALL, 1)
    models = record.report(Selection(Window.ALL, SourceGroup.MODELS), 1)
    of_rules = record.report(Selection(Window.ALL, SourceGroup.RULES), 1)
    assert everything.calls == models.calls + of_rules.calls
    assert everything.said_by is SourceGroup.MODELS
    assert everything.long == models.long
    assert everything.loss == models.loss
    assert of_rules.loss != models.loss
    assert of_rules.said_by is SourceGroup.RULES
    assert [line.name for line in of_rules.by_source] == ["MOMENTUM SHORT"]
    sides = [record.report(ALL._replace(side=side), 1).trades.n for side in (Pred.LONG, Pred.SHORT)]
    assert sum(sides) == everything.trades.n
    assert record.report(ALL._replace(side=Pred.LONG), 1).confusion == everything.confusion
    day = record.report(Selection(Window.DAY), 1)
    assert day.calls == 4 * 24 + 12
    assert len(day.loss) == len(everything.loss) == 5, "the curve reaches back 30 days"


def test_an_empty_record_has_a_report() -> None:
    record = record_of(Log([]))
    told = record.report(Selection(), 1)
    assert told.calls == 0
    assert told.trades.interval is None
    assert told.loss == ()
    assert record.models(1).together.n == 0


@pytest.mark.parametrize("window", list(Window))
def test_windows_are_named_by_their_days(window: Window) -> None:
    amount, unit = window.value.split()
    assert window.days == int(amount) / (24 if unit == "h" else 1)
