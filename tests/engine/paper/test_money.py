"""Closed trades in parts: each part by hand, and all of them add up."""

from __future__ import annotations

import csv
from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.paper_report import DayResult, EquityPoint
from crypto_bot.domain.signal import Pred
from crypto_bot.engine.paper.money import candles_of, day_results, money_parts
from crypto_bot.reports.trade_export import NAMES, trades_csv
from tests.adapters.web.page.made_figures import BAR_MS, NOW_MS, QUARTER, MadePaper, trade

TRADES = [trade(("BTCUSDT", "ETHUSDT")[at % 2], at, NOW_MS) for at in range(40)]


def test_every_part_holds_each_trade_once() -> None:
    parts = money_parts(TRADES, [])
    for groups in parts.by.values():
        assert sum(group.trades for group in groups) == len(TRADES)
        assert sum(group.net for group in groups) == sum(each.net for each in TRADES)
    assert sum(count for _, count in parts.r_counts) == len(TRADES)
    assert {low: n for low, n in parts.r_counts if n} == {-1.5: 16, 0.0: 8, 0.5: 8, 1.5: 8}
    assert [group.name for group in parts.by["time held"]] == ["2 to 4 h"]
    assert [group.mean_r.is_estimated for group in parts.by["side"]] == [False, False]


def test_results_of_days_add_up_to_the_change_of_equity() -> None:
    start = NOW_MS // DAY_MS * DAY_MS
    equity = (Decimal(100), Decimal(101), Decimal(99), Decimal(98))
    at = (start + HOUR_MS, start + DAY_MS, start + 2 * DAY_MS, start + 2 * DAY_MS + HOUR_MS)
    points = [EquityPoint(*each, Decimal(100)) for each in zip(at, equity, strict=True)]
    ended = replace(TRADES[0], exit_ms=start + DAY_MS)
    days = day_results(points, Decimal(102), [ended])
    assert days == (
        DayResult(start, Decimal(1), 0),
        DayResult(start + DAY_MS, Decimal(-2), 1),
        DayResult(start + 2 * DAY_MS, Decimal(3), 0),
    )


@pytest.mark.parametrize(
    ("side", "expected"),
    [(Pred.LONG, (100.0, 300.0, -200.0)), (Pred.SHORT, (-100.0, 200.0, -300.0))],
)
def test_an_excursion_is_seen_from_the_side_of_the_trade(
    side: Pred, expected: tuple[float, float, float]
) -> None:
    made = replace(TRADES[0], side=side, entry=Decimal(100), exit=Decimal(101))
    candles = [Candle(0, 100.0, 102.0, 98.0, 101.0, 1.0), Candle(1, 101.0, 103.0, 99.0, 101.0, 1.0)]
    ((_, *measured),) = money_parts([made], [(made, candles)]).excursions
    assert measured == pytest.approx(expected)
    made = replace(made, entry_ms=NOW_MS + 2_000, exit_ms=NOW_MS + 2 * BAR_MS)
    assert candles_of(made, QUARTER) == (NOW_MS, NOW_MS + BAR_MS)


def test_all_trades_are_downloaded_the_newest_first() -> None:
    text = b"".join(trades_csv(MadePaper(), "spot")).decode()
    rows = list(csv.DictReader(StringIO(text)))
    assert tuple(rows[0]) == NAMES
    assert len(rows) == 40
    ends = [row["ended"] for row in rows]
    assert ends == sorted(ends, reverse=True)
    assert Decimal(rows[0]["net"]) == trade("BTCUSDT", 0, NOW_MS).net
