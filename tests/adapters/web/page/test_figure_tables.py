"""Sentences and tables where there is little to say; the usual case stands in the golden files."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from crypto_bot.adapters.web.page import model_rows, paper_figures
from crypto_bot.adapters.web.page import performance_tables as tables
from crypto_bot.adapters.web.page.sentences import verdict_sentence
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.signal import Pred
from crypto_bot.statistics import breakdown
from crypto_bot.statistics.resolved import ResolvedCalls
from tests.adapters.web.page.made_figures import (
    NOW_MS,
    MadeCatalog,
    account,
    card,
    entry,
    opened,
    position,
)
from tests.reports.made_calls import call

FIRST = "The first come within hours."


def trades(gains: int, losses: int, symbol: str = "BTCUSDT") -> ResolvedCalls:
    returns = [120.0] * gains + [-80.0] * losses
    return ResolvedCalls.of(
        [call(at, return_bps=each, symbol=symbol) for at, each in enumerate(returns)]
    )


@pytest.mark.parametrize(
    ("gains", "losses", "sentence"),
    [
        (90, 10, ("Above break-even. Hit rate 90% [83, 94], n 100 (100 calls); break-even 45.0%, "
                 "after costs. Of this time alone: the next may differ.")),
        (10, 90, ("Below break-even. Hit rate 10% [6, 17], n 100 (100 calls); break-even 45.0%, "
                 "after costs.")),
        (47, 53, ("Not proven. Hit rate 47% [38, 57], n 100 (100 calls); break-even 45.0%, after "
                 "costs. If the true rate is 47%, about 2,290 more would settle it.")),
        (0, 0, f"No resolved LONG or SHORT. {FIRST}"),
        (5, 6, ("Too few to say. 11 of the 30 episodes that an estimate takes; 95% interval "
                "[21, 72].")),
        (40, 0, ("No yardstick. Hit rate 100% [91, 100], n 40 (40 calls); all were won, or none, "
                "so nothing is known of a break-even.")),
    ],
)  # fmt: skip
def test_the_sentence_has_a_word_and_its_figures(gains: int, losses: int, sentence: str) -> None:
    line = breakdown.overall(trades(gains, losses))
    assert verdict_sentence(line.record, line.calls, FIRST).text == sentence


def test_rates_that_are_too_close_would_take_too_many_calls() -> None:
    even = replace(breakdown.overall(trades(45, 55)).record, break_even=0.4501)
    assert "More episodes than can be waited for" in verdict_sentence(even, 100, FIRST).text


def test_few_calls_have_no_percentage_and_do_not_rule_the_scale() -> None:
    few = breakdown.by_coin(trades(1, 0, "FEWUSDT"))
    assert "fewer than 30" in tables.coin_table(few)
    assert "%</b>" not in tables.coin_table(few)
    low, high = tables.scale([*few, *breakdown.by_coin(trades(50, 50))])
    assert 0.2 < low < high < 0.9


@pytest.mark.parametrize(
    ("live", "word"),
    [((0.0, 0.01), "worse"), ((0.015, 0.03), "as tested"), ((0.03, 0.04), "better")],
)
def test_live_beside_tested(live: tuple[float, float], word: str) -> None:
    tested = Interval(0.02, 0.012, 0.028)
    assert word in tables.likeness(Interval(0.0, *live), tested)
    assert tables.likeness(UNKNOWN, tested) == ""


def test_models_are_grouped_by_verdict_the_bad_first() -> None:
    entries = MadeCatalog.of_every_verdict([f"C{at:02}USDT" for at in range(30)]).entries()
    found = model_rows.groups([*entries, entry("XUSDT", card("CURIOUS"))])
    order = ["BLOCKED", "REJECTED", "LOW", "WARMUP", "ACTIVE", "CURIOUS", "NO MODEL"]
    assert list(found) == order
    assert sum(len(line.coins) for lines in found.values() for line in lines) == 31


def test_coins_that_the_pool_answers_for_are_one_line() -> None:
    pool = [entry(f"C{at}USDT", card("STALE"))._replace(pooled=True) for at in range(3)]
    (line,) = model_rows.groups(pool)["STALE"]
    assert line.name == "3 coins"
    assert line.coins == ("C0USDT", "C1USDT", "C2USDT")


def test_what_is_not_known_is_named() -> None:
    made = entry("BTCUSDT", card()._replace(metrics=None, gates=()))
    line = model_rows.Line(made, ("BTCUSDT",))
    assert "not measured" in model_rows.closed(line, NOW_MS)
    assert "Its files hold no measurement." in model_rows.opened(line, Viewer())
    unknown = replace(account().closed_trades[0], reason="LIQUIDATED")
    assert "LIQUIDATED" in paper_figures.trades_table([unknown], Viewer())
    without_trades = paper_figures.strip(opened(NOW_MS), [])
    assert "10,000.00" in without_trades
    assert without_trades.count("no trade has ended yet") == 4  # in words and titles


@pytest.mark.parametrize("side", [Pred.LONG, Pred.SHORT])
def test_a_position_is_drawn_from_its_stop_to_its_target(side: Pred) -> None:
    for r, at in ((-1.0, "4.0"), (0.0, "50.0"), (1.0, "96.0")):
        assert f'cx="{at}%"' in paper_figures.way(position("BTCUSDT", side, r, NOW_MS))
    held = position("BTCUSDT", Pred.LONG, 1.5, NOW_MS)
    trailing = replace(held, stop=Decimal(101), targets=(Decimal(102),))
    assert 'cx="50.0%"' in paper_figures.way(trailing), "the stop has passed the entry"
    assert paper_figures.way(replace(trailing, price=None)) == ""
