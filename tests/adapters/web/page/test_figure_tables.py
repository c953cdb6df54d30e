"""Sentences and tables: what they say, and that nothing in them is markup of others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from crypto_bot.adapters.web.page import model_rows, paper_tables
from crypto_bot.adapters.web.page import performance_tables as tables
from crypto_bot.adapters.web.page.paper_strip import strip
from crypto_bot.adapters.web.page.sentences import verdict_sentence
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.paper_report import Refusal
from crypto_bot.domain.signal import Pred
from crypto_bot.reports.live_skill import LiveModel
from crypto_bot.statistics import breakdown
from crypto_bot.statistics.resolved import ResolvedCalls
from tests.adapters.web.page.made_figures import (
    NOW_MS,
    MadeCatalog,
    MadeDesk,
    account,
    card,
    position,
)
from tests.reports.made_calls import call, market

HOSTILE = "<img src=x onerror=alert(1)>'\""
FIRST = "The first come within hours."


def trades(gains: int, losses: int, symbol: str = "BTCUSDT") -> ResolvedCalls:
    returns = [120.0] * gains + [-80.0] * losses
    return ResolvedCalls.of(
        [call(at, return_bps=each, symbol=symbol) for at, each in enumerate(returns)]
    )


def said(gains: int, losses: int) -> str:
    return verdict_sentence(breakdown.overall(trades(gains, losses)), FIRST).text


def test_the_sentence_has_three_words_and_their_figures() -> None:
    assert said(90, 10) == (
        "Above break-even. Hit rate 90% [83, 94], n 100; break-even after costs 45.0%. "
        "Of this window alone: the next one may differ."
    )
    assert said(10, 90) == (
        "Below break-even. Hit rate 10% [6, 17], n 100; break-even after costs 45.0%."
    )
    assert said(47, 53) == (
        "Not proven. Hit rate 47% [38, 57], n 100; break-even after costs 45.0%. If the true rate "
        "is 47%, about 2,290 more would settle it."
    )


def test_the_sentence_with_little_or_nothing_to_say() -> None:
    assert said(0, 0) == f"No resolved LONG or SHORT. {FIRST}"
    assert said(5, 6).startswith("Too few to say. 11 of the 30 calls that an estimate takes")
    assert said(40, 0).startswith("No yardstick. Hit rate 100%")
    even = replace(breakdown.overall(trades(45, 55)), break_even=0.4501)
    assert verdict_sentence(even, FIRST).text.endswith(
        "More calls than can be waited for would be needed to tell the two apart."
    )


def sound(markup: str) -> ET.Element:
    """As a tree: attributes without quotes get them first, as a browser reads them."""
    quoted = re.sub(r"=([\w-]+)(?=[ >])", r'="\1"', markup)
    return ET.fromstring(f"<div>{quoted}</div>")


def assert_harmless(markup: str) -> None:
    tree = sound(markup)
    assert not list(tree.iter("img"))
    assert not list(tree.iter("script"))
    assert not [key for each in tree.iter() for key in each.attrib if key.startswith("on")]


def test_tables_of_the_performance_view() -> None:
    calls = ResolvedCalls.of(market(8))
    own, random = breakdown.by_source(calls), breakdown.random_side(calls)
    rows = list(sound(tables.source_table(own, random)).iter("tr"))
    assert len(rows) == 1 + len(own) + 1
    heads = [row.find("th").text for row in rows]  # type: ignore[union-attr]
    assert heads == ["Source", "ML, short", "ML, long", "Random side, same exits"]
    coins = sound(tables.coin_table(breakdown.by_coin(calls)))
    assert len(list(coins.iter("tr"))) == 5
    assert len(list(sound(tables.volatility_table(breakdown.by_volatility(calls))).iter("tr"))) == 5
    confusion = sound(tables.confusion_table(breakdown.confusion(calls)))
    counts = [int(each.text.replace(",", "")) for each in confusion.iter("b") if each.text]
    assert sum(counts) == len(calls)


def test_tables_of_nothing_say_so() -> None:
    none = ResolvedCalls.of([])
    for markup in (
        tables.source_table((), breakdown.random_side(none)),
        tables.coin_table(()),
        tables.volatility_table(()),
        tables.confusion_table(breakdown.confusion(none)),
        paper_tables.positions_table((), NOW_MS),
        paper_tables.trades_table((), Viewer()),
        paper_tables.newest_refusals((), Viewer()),
    ):
        assert "empty" in markup
        assert "<table" not in markup


def test_few_calls_have_no_percentage_and_do_not_rule_the_scale() -> None:
    few = breakdown.by_coin(trades(1, 0, "FEWUSDT"))
    many = breakdown.by_coin(trades(50, 50))
    assert "fewer than 30" in tables.coin_table(few)
    assert "%</b>" not in tables.coin_table(few)
    low, high = tables.scale([*few, *many])
    assert high < 0.9
    assert low > 0.2


def test_a_hostile_symbol_is_text() -> None:
    lines = breakdown.by_coin(trades(20, 20, HOSTILE))
    assert_harmless(tables.coin_table(lines))
    measure = Interval(0.01, 0.0, 0.02)
    live = LiveModel(HOSTILE, HOSTILE, 50, 5, measure, measure, 0.01, 0.02, None)
    assert_harmless(tables.live_table(live, [live]))


@pytest.mark.parametrize(
    ("live", "word"),
    [((0.0, 0.01), "worse"), ((0.015, 0.03), "as tested"), ((0.03, 0.04), "better")],
)
def test_live_beside_tested(live: tuple[float, float], word: str) -> None:
    tested = Interval(0.02, 0.012, 0.028)
    assert word in tables.likeness(Interval(0.0, *live), tested)
    assert tables.likeness(UNKNOWN, tested) == ""


def test_models_are_grouped_by_verdict_the_bad_first() -> None:
    symbols = [f"C{at:02}USDT" for at in range(30)]
    found = model_rows.groups(MadeCatalog(symbols).entries())
    assert [group.verdict for group in found] == [
        *("BLOCKED", "REJECTED", "LOW", "WARMUP", "ACTIVE"),
        "NO MODEL",
    ]
    assert sum(len(group.entries) for group in found) == 30
    odd = ModelEntry("XUSDT", False, False, "odd", card("CURIOUS"))
    assert [group.verdict for group in model_rows.groups([odd])] == ["CURIOUS"]


def test_a_reason_begins_with_the_loss_beside_its_baseline() -> None:
    rejected = ModelEntry("X", False, False, "", card("REJECTED"))
    assert model_rows.reason(rejected).startswith("log loss 1.041, baseline 1.038: worse")
    active = ModelEntry("X", True, True, "", card("ACTIVE"))
    assert model_rows.reason(active) == "log loss 1.029, baseline 1.038: better"
    none = ModelEntry("X", False, False, "no model has been published", None)
    assert model_rows.reason(none) == "no model has been published"


def test_an_opened_model_lists_failed_gates_first_with_value_and_limit() -> None:
    entry = ModelEntry("BTCUSDT", False, False, "it is BLOCKED", card("BLOCKED"))
    tree = sound(model_rows.opened(entry, Viewer()))
    rows = ["".join(row.itertext()).strip() for row in tree.iter("tr")]
    assert rows[1].startswith("direction auc ceiling")
    assert "failed" in rows[1]
    assert "0.5300" in rows[1]
    assert "0.5600" in rows[1]
    assert sum("passed" in row for row in rows) == 6
    assert "17 Jul 2023" not in rows[0]


def test_hostile_files_of_a_model_are_text() -> None:
    base = card("BLOCKED")
    made = base._replace(
        version=HOSTILE,
        verdict=HOSTILE,
        reasons=(HOSTILE,),
        accepted_because=HOSTILE,
        gates=(base.gates[0]._replace(name=HOSTILE, words=HOSTILE),),
        family=HOSTILE,
    )
    entry = ModelEntry(HOSTILE, False, False, HOSTILE, made)
    (group,) = model_rows.groups([entry])
    for markup in (
        model_rows.heading(group),
        model_rows.line(entry, NOW_MS),
        model_rows.opened(entry, Viewer()),
    ):
        assert_harmless(markup)


def test_a_model_without_measurements_is_told() -> None:
    entry = ModelEntry("BTCUSDT", True, True, "", card()._replace(metrics=None, gates=()))
    assert "not measured" in model_rows.line(entry, NOW_MS)
    assert "Its files hold no measurement." in model_rows.opened(entry, Viewer())


def track_at(markup: str) -> float:
    dot = sound(markup).find(".//circle")
    assert dot is not None
    return float(dot.attrib["cx"].rstrip("%"))


@pytest.mark.parametrize("side", [Pred.LONG, Pred.SHORT])
def test_a_position_is_drawn_from_its_stop_to_its_target(side: Pred) -> None:
    places = [
        track_at(paper_tables.way(position("BTCUSDT", side, r, NOW_MS))) for r in (-1.0, 0.0, 1.0)
    ]
    assert places == pytest.approx([4.0, 50.0, 96.0])


def test_a_stop_that_has_passed_the_entry_is_still_the_left_end() -> None:
    trailing = replace(
        position("BTCUSDT", Pred.LONG, 1.5, NOW_MS),
        stop=Decimal(101),
        targets=(Decimal(102),),
    )
    assert track_at(paper_tables.way(trailing)) == pytest.approx(50.0)
    blind = replace(trailing, price=None)
    assert paper_tables.way(blind) == ""


def cells_of(markup: str) -> Sequence[str]:
    return ["".join(each.itertext()).strip() for each in sound(markup).iter("td")]


def test_positions_and_trades_in_figures() -> None:
    made = account("spot", MadeDesk())
    held = cells_of(paper_tables.positions_table(made.open_positions, NOW_MS))
    assert "+0.7R" in held
    assert "+8.75" in held
    assert "100.7" in held
    done = cells_of(paper_tables.trades_table(made.closed_trades, Viewer()))
    assert "−13.75" in done
    assert "trailing stop" in done
    unknown = replace(made.closed_trades[0], reason="LIQUIDATED")
    assert "LIQUIDATED" in paper_tables.trades_table([unknown], Viewer())


def test_the_figures_of_an_account_have_yardsticks() -> None:
    text = "".join(sound(strip(account("spot", MadeDesk()))).itertext())
    assert "10,187.66" in text
    assert "+7.22%" in text  # 3.12 % less the −4.10 % of buying and holding
    assert "95% [−0.21, +0.31], n 48" in text
    desk = MadeDesk()
    desk.empty = True
    assert "10,000.00" in strip(account("spot", desk))
    assert strip(account("spot", desk)).count("no trade has ended yet") == 4  # in words and titles


def test_rules_are_told_with_what_they_refused_the_most_first() -> None:
    tree = sound(paper_tables.refusals_table(account("spot", MadeDesk())))
    names = [each.text for each in tree.iter("b")]
    assert names == ["max positions", "cooldown", "correlated positions", "daily loss", "kill"]


def test_hostile_texts_of_a_desk_are_text() -> None:
    made = account("spot", MadeDesk())
    hostile = replace(
        made,
        rules={HOSTILE: HOSTILE},
        refusals={HOSTILE: 3},
        open_positions=(replace(made.open_positions[0], symbol=HOSTILE),),
        closed_trades=(replace(made.closed_trades[0], symbol=HOSTILE, reason=HOSTILE),),
    )
    for markup in (
        paper_tables.refusals_table(hostile),
        paper_tables.positions_table(hostile.open_positions, NOW_MS),
        paper_tables.trades_table(hostile.closed_trades, Viewer()),
        paper_tables.newest_refusals(
            [Refusal("spot", f"{HOSTILE}:15m:1", NOW_MS, HOSTILE, HOSTILE)], Viewer()
        ),
    ):
        assert_harmless(markup)
