"""The live record: read in portions it equals the one read at once."""

from __future__ import annotations

from pathlib import Path

from crypto_bot.app.weekly_report import report_week
from crypto_bot.domain.alarm import Alarm, Drifted
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN
from crypto_bot.domain.role_change import Because, RoleChange
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.models.catalog import SwitchedOff
from crypto_bot.ports import ResolvedCall, StoredSignal
from crypto_bot.reports.live_record import LiveRecord, Selection, SourceGroup, Window
from tests.reports.made_calls import BAR_MS, T0, call, market


class Log:
    """Resolved calls up to a moment that a test moves."""

    def __init__(self, rows: list[ResolvedCall], days: int = 100) -> None:
        self.rows = sorted(rows, key=lambda row: row.candle_open_ms)
        self.asked: list[int] = []
        self.at(days)

    def at(self, days: int) -> int:
        """Moves to so many days after the first candle, which are returned."""
        self.now_ms = T0 + days * DAY_MS
        return days

    def between(self, since_ms: int, until_ms: int, *, settled: bool) -> list[ResolvedCall]:
        """A call is settled with the last candle of its horizon."""
        return [
            row
            for row in self.rows
            if since_ms <= row.candle_open_ms < until_ms
            and (row.candle_open_ms + row.horizon_ms < self.now_ms) is settled
        ]

    def resolved_calls(self, since_ms: int, until_ms: int) -> list[ResolvedCall]:
        self.asked.append(since_ms)
        return self.between(since_ms, until_ms, settled=True)

    def latest_predictions(self) -> list[StoredSignal]:
        """None: as if a coin were a day behind."""
        return []

    def oldest_open(self, since_ms: int) -> int | None:
        found = self.between(since_ms, self.now_ms, settled=False)
        return found[0].candle_open_ms if found else None


def record_of(log: Log) -> LiveRecord:
    return LiveRecord(log, SwitchedOff(), lambda: log.now_ms)  # type: ignore[arg-type]


ALL = Selection(window=Window.ALL)


def test_portions_and_the_whole_say_the_same() -> None:
    log = Log(market(12))
    grown = record_of(log)
    for day in range(8, 13):
        grown.report(ALL, log.at(day))
    assert log.asked[-1] > T0, "only the last days are read again"
    whole = record_of(log)
    assert grown.report(ALL, 12) == whole.report(ALL, 12)
    assert grown.models(12) == whole.models(12)


def test_a_coin_that_lags_by_a_day_is_taken_in() -> None:
    rows = market(5)
    log = Log([row for row in rows if row.symbol != "C3USDT"])
    record = record_of(log)
    record.report(ALL, log.at(2))
    lagging = [row for row in rows if row.candle_open_ms >= T0 + DAY_MS]
    log.rows = [row for row in log.rows if row.candle_open_ms < T0 + DAY_MS] + lagging
    assert record.report(ALL, log.at(6)).calls == len(log.rows)


def test_the_record_of_daily_candles_waits_for_their_horizon() -> None:
    """Calls of 16 daily candles: a running engine knows as many as one that has just started."""
    day = DAY_MS // BAR_MS
    log = Log([call(bar * day, horizon_bars=16 * day) for bar in range(60)])
    running = record_of(log)
    counts = [running.report(ALL, log.at(days)).calls for days in range(1, 60)]
    assert counts[-1] == record_of(log).report(ALL, 59).calls == 43


def test_a_long_call_among_short_ones_is_not_forgotten() -> None:
    """A call of 30 days among calls of an hour, made by a model that answers no more."""
    others = [call(bar * 24, symbol="ETHUSDT", horizon_bars=4) for bar in range(160)]
    log = Log([call(1, horizon_bars=30 * DAY_MS // BAR_MS), *others])
    record = record_of(log)
    for days in (3, 10, 20, 29):
        headline = record.headline(log.at(days))
        assert headline.open_since_ms == T0 + BAR_MS
        assert "BTCUSDT" not in headline.by_coin
    known = record.report(ALL, log.at(31)).by_coin
    assert {line.name: line.n for line in known} == {"BTCUSDT": 1, "ETHUSDT": 124}


def test_the_headline_is_that_of_the_report() -> None:
    log = Log(market(60), 60)
    record, whole = record_of(log), record_of(log)
    headline, report = record.headline(1), whole.report(Selection(), 1)
    assert headline.trades == report.trades
    assert tuple(headline.by_coin.values()) == report.by_coin
    assert headline.loss == report.loss[-1]
    assert min(log.asked) < T0 + 20 * DAY_MS
    log.asked.clear()
    assert record.report(Selection(), 1) == report, "more days are read where they are needed"
    known = range(T0 + 20 * DAY_MS, T0 + 58 * DAY_MS)
    assert not [each for each in log.asked if each in known], "and only those"


def test_what_is_older_than_ninety_days_is_forgotten() -> None:
    log = Log(market(3))
    record = record_of(log)
    assert record.report(ALL, log.at(2)).days == 2
    assert record.report(ALL, log.at(91)).days == 2, "the third day is there, the first is not"
    assert record.report(ALL, log.at(300)).calls == 0


def test_a_report_is_made_once_until_something_new_comes() -> None:
    log = Log(market(3))
    record = record_of(log)
    first, asked = record.report(ALL, None), len(log.asked)
    assert record.report(ALL, None) is first
    assert len(log.asked) == asked
    assert record.report(ALL, T0) is not first
    assert len(log.asked) > asked


def test_selections() -> None:
    rules = [
        call(at, source=Source.MOMENTUM, pred="SHORT", label="SHORT") for at in range(0, 960, 8)
    ]
    record = record_of(Log([*market(10), *rules], 10))
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


class NoRoles:
    def changes(self) -> list[RoleChange]:
        change = RoleChange(T0 + 8 * DAY_MS, None, "new", "old", Because.EVIDENCE, "14 days <b>")
        return [change, change._replace(at_ms=T0, champion="older")]


def test_the_report_of_a_week_is_written_once(tmp_path: Path) -> None:
    log = Log(market(12), days=9)
    record, folder = record_of(log), tmp_path / "reports"
    alarm = Alarm(Drifted.INPUTS, "C0USDT", "rsi_14: shift 3.0 times the largest in training")
    week = folder, log.now_ms, record, NoRoles(), [alarm]
    notice = report_week(*week)  # type: ignore[arg-type]
    assert notice is not None
    assert "week until 2025-12-10: " in notice.text
    assert "1 changes of the served models" in notice.text
    (path,) = folder.iterdir()
    text = path.read_text("utf-8")
    assert str(path) in notice.text
    for there in ("all models", "new", "14 days &lt;b&gt;", str(alarm)):
        assert there in text
    assert "older" not in text
    later = log.at(15), log.at(16)
    assert report_week(folder, T0 + later[0] * DAY_MS, *week[2:]) is None  # type: ignore[arg-type]
    assert report_week(folder, T0 + later[1] * DAY_MS, *week[2:]) is not None  # type: ignore[arg-type]
