"""The live record: read in portions it equals the one read at once."""

from __future__ import annotations

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.models.catalog import SwitchedOff
from crypto_bot.ports import ResolvedCall
from crypto_bot.reports.live_record import LiveRecord, Selection, SourceGroup, Window
from tests.reports.made_calls import BAR_MS, T0, call, market


class Log:
    """Resolved calls up to a moment that a test moves."""

    def __init__(self, rows: list[ResolvedCall]) -> None:
        self.rows = sorted(rows, key=lambda row: row.candle_open_ms)
        self.now_ms = T0 + 100 * DAY_MS
        self.asked: list[int] = []

    def is_settled(self, row: ResolvedCall) -> bool:
        """A call is settled with the last candle of its horizon."""
        return row.candle_open_ms + row.horizon_ms < self.now_ms

    def resolved_calls(self, since_ms: int, until_ms: int) -> list[ResolvedCall]:
        self.asked.append(since_ms)
        return [
            row
            for row in self.rows
            if since_ms <= row.candle_open_ms < until_ms and self.is_settled(row)
        ]

    def oldest_open(self, since_ms: int) -> int | None:
        return min(
            (
                row.candle_open_ms
                for row in self.rows
                if since_ms <= row.candle_open_ms < self.now_ms and not self.is_settled(row)
            ),
            default=None,
        )


def record_of(log: Log) -> LiveRecord:
    return LiveRecord(log, SwitchedOff(), lambda: log.now_ms)  # type: ignore[arg-type]


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


def test_a_coin_that_lags_by_a_day_is_taken_in() -> None:
    rows = market(5)
    log = Log([row for row in rows if row.symbol != "C3USDT"])
    log.now_ms = T0 + 2 * DAY_MS
    record = record_of(log)
    record.report(ALL, 2)
    lagging = [row for row in rows if row.candle_open_ms >= T0 + DAY_MS]
    log.rows = [row for row in log.rows if row.candle_open_ms < T0 + DAY_MS] + lagging
    log.now_ms = T0 + 6 * DAY_MS
    assert record.report(ALL, 6).calls == len(log.rows)


def test_the_record_of_daily_candles_waits_for_their_horizon() -> None:
    """Calls of 16 daily candles: a running engine knows as many as one that has just started."""
    day = DAY_MS // BAR_MS
    log = Log([call(bar * day, horizon_bars=16 * day) for bar in range(60)])
    running = record_of(log)
    for days in range(1, 60):
        log.now_ms = T0 + days * DAY_MS
        running.report(ALL, days)
    log.now_ms = T0 + 59 * DAY_MS
    assert running.report(ALL, 59).calls == record_of(log).report(ALL, 59).calls == 43


def test_a_long_call_among_short_ones_is_not_forgotten() -> None:
    """A call of 30 days among calls of an hour, made by a model that answers no more."""
    day = DAY_MS // BAR_MS
    others = [call(bar * 24, symbol="ETHUSDT", horizon_bars=4) for bar in range(160)]
    log = Log([call(1, horizon_bars=30 * day), *others])
    record = record_of(log)
    for days in (3, 10, 20, 29):
        log.now_ms = T0 + days * DAY_MS
        assert record.headline(days).open_since_ms == T0 + BAR_MS
        assert "BTCUSDT" not in record.headline(days).by_coin
    log.now_ms = T0 + 31 * DAY_MS
    known = record.report(ALL, 31).by_coin
    assert {line.name: line.n for line in known} == {"BTCUSDT": 1, "ETHUSDT": 124}


def test_the_headline_is_that_of_the_report() -> None:
    log = Log(market(60))
    log.now_ms = T0 + 60 * DAY_MS
    record, whole = record_of(log), record_of(log)
    headline, report = record.headline(1), whole.report(Selection(), 1)
    assert headline.trades == report.trades
    assert tuple(headline.by_coin.values()) == report.by_coin
    assert headline.loss == report.loss[-1]
    assert min(log.asked) < T0 + 20 * DAY_MS
    assert record.report(Selection(), 1) == report, "more days are read where they are needed"


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
    asked = len(log.asked)
    assert record.report(ALL, None) is first
    assert len(log.asked) == asked
    assert record.report(ALL, T0) is not first
    assert len(log.asked) > asked


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
    assert everything.predicted_by is SourceGroup.MODELS
    assert everything.long == models.long
    assert everything.loss == models.loss
    assert of_rules.loss != models.loss
    assert of_rules.predicted_by is SourceGroup.RULES
    assert [line.name for line in of_rules.by_source] == ["MOMENTUM SHORT"]
    sides = [record.report(ALL._replace(side=side), 1).trades.n for side in (Pred.LONG, Pred.SHORT)]
    assert sum(sides) == everything.trades.n
    assert record.report(ALL._replace(side=Pred.LONG), 1).confusion == everything.confusion
    day = record.report(Selection(Window.DAY), 1)
    assert day.calls == 4 * 24 + 12
    assert len(day.loss) == len(everything.loss) == 5, "the curve reaches back 30 days"


def test_an_empty_record_has_a_report() -> None:
    record = record_of(Log([]))
    found = record.report(Selection(), 1)
    assert found.calls == 0
    assert found.trades.rate == UNKNOWN
    assert found.loss == ()
    assert record.models(1).together.n == 0
