"""Options of the charts: plain JSON without NaN, only colours of the palette, as many series."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from math import nan
from typing import Any

import numpy as np
import pytest

from crypto_bot.adapters.web.page.axes import Options
from crypto_bot.adapters.web.page.curves_chart import curves_options
from crypto_bot.adapters.web.page.equity_chart import drawdowns, equity_options
from crypto_bot.adapters.web.page.groups_chart import groups_options
from crypto_bot.adapters.web.page.loss_chart import loss_options
from crypto_bot.adapters.web.page.palette import PALETTES, Palette, Theme
from crypto_bot.adapters.web.page.reliability_chart import calibration_words, reliability_options
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper_report import EquityPoint, KillSwitch
from crypto_bot.statistics import breakdown
from crypto_bot.statistics.loss_curve import LossPoint
from crypto_bot.statistics.reliability import reliability
from crypto_bot.statistics.resolved import ResolvedCalls
from tests.adapters.web.page.made_figures import MadeDesk, account
from tests.reports.made_calls import call, market

DARK = PALETTES[Theme.DARK]
CALLS = ResolvedCalls.of(market(6))
NONE = ResolvedCalls.of([])


def said(count: int) -> Any:
    p = np.linspace(0.1, 0.5, count)
    return reliability(p, np.arange(count) % 3 == 0)


def points(count: int, *, sure: bool = True) -> list[LossPoint]:
    reach = Interval(-0.007, -0.02, 0.01) if sure else Interval(-0.007)
    return [LossPoint(at * 86_400_000, 100, 1.03, 1.04, reach) for at in range(count)]


def desk(*, empty: bool) -> MadeDesk:
    made = MadeDesk()
    made.empty = empty
    return made


STOPPED = KillSwitch(True, 1_764_540_000_000, "page", "a test")
RUNNING = KillSwitch(on=False)
CURVES = {"validation, move head": [0.7, 0.6, 0.65], "fit, move head": [0.7, 0.5]}


def charts(palette: Palette) -> dict[str, list[Options]]:
    """Each chart with much, with little and with nothing to draw."""
    return {
        "reliability": [reliability_options(palette, said(n), said(m)) for n, m in
                        ((300, 300), (300, 5), (0, 0))],
        "loss": [loss_options(palette, made, utc=True) for made in
                 (points(30), points(5, sure=False), [])],
        "groups": [groups_options(palette, breakdown.by_hour(calls), "hour", limit)
                   for calls, limit in ((CALLS, 0.53), (NONE, nan),
                                        (ResolvedCalls.of([call(0)]), nan))],
        "equity": [equity_options(palette, account("spot", desk(empty=empty)), switch, utc=True)
                   for empty, switch in ((False, RUNNING), (False, STOPPED), (True, STOPPED))],
        "curves": [curves_options(palette, made) for made in (CURVES, {})],
    }  # fmt: skip


def values(options: Any) -> Iterator[Any]:
    if isinstance(options, dict):
        for value in options.values():
            yield from values(value)
    elif isinstance(options, list | tuple):
        for value in options:
            yield from values(value)
    else:
        yield options


NAMES = list(charts(DARK))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theme", list(Theme))
def test_options_are_json_in_colours_of_the_palette(name: str, theme: Theme) -> None:
    palette = PALETTES[theme]
    allowed = {*palette, "transparent"}
    for options in charts(palette)[name]:
        text = json.dumps(options, allow_nan=False)
        assert set(re.findall(r"#[0-9A-Fa-f]{3,8}", text)) <= allowed
        colours = [each for key, each in named(options) if key.lower().endswith("color")]
        assert set(colours) <= allowed
        assert options["animation"] is False
        assert options["aria"]["enabled"] is True


def named(options: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(options, dict):
        for key, value in options.items():
            if isinstance(value, str):
                yield key, value
            yield from named(value)
    elif isinstance(options, list):
        for value in options:
            yield from named(value)


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_has_as_many_series_whatever_it_shows(name: str) -> None:
    """Fewer would make NiceGUI replace the chart, and what was chosen in it would be lost."""
    shapes = {
        tuple((series["type"], series["name"]) for series in options["series"])
        for options in charts(DARK)[name]
    }
    assert len(shapes) == 1


@pytest.mark.parametrize("name", NAMES)
def test_what_the_browser_evaluates_is_the_same_whatever_is_drawn(name: str) -> None:
    evaluated = [
        sorted({value for key, value in named(options) if key.startswith(":")})
        for options in charts(DARK)[name]
    ]
    assert all(each == evaluated[0] for each in evaluated)


def test_reliability_draws_every_bin_with_its_interval() -> None:
    told = said(300)
    options = reliability_options(DARK, told, said(0))
    diagonal, long, short, long_n, _ = options["series"]
    assert len(long["data"]) == len(long["markLine"]["data"]) == len(told.bins) == 8
    assert short["data"] == []
    assert sum(n for _, n in long_n["data"]) == 300
    low, high = diagonal["data"][0][0], diagonal["data"][1][0]
    assert low <= min(each.observed.low for each in told.bins)
    assert high >= max(each.observed.high for each in told.bins)
    assert options["xAxis"][0]["min"] == options["yAxis"][0]["min"] == low


def test_calibration_in_words() -> None:
    assert calibration_words(said(5)) == "n 5, too few to say"
    words = calibration_words(said(300))
    assert re.fullmatch(r"error \.\d{3}, noise floor \.\d{3} \(.+\)", words), words


def test_the_loss_and_its_band() -> None:
    lower, height, line = loss_options(DARK, points(3), utc=True)["series"]
    assert line["data"][-1] == [2 * 86_400_000, -0.7]
    assert line["endLabel"]["formatter"] == "−0.7%"
    assert (lower["data"][0][1], height["data"][0][1]) == (-2.0, 3.0)
    assert line["markLine"]["data"] == [{"yAxis": 0}]


def test_hours_with_few_calls_have_a_line_and_no_dot() -> None:
    lines = breakdown.by_hour(ResolvedCalls.of([call(0)]))
    dots, ends, few, limit, counts = groups_options(DARK, lines, "hour", nan)["series"]
    assert dots["data"] == []
    assert [each[0] for each in few["data"]] == ["00"]
    assert len(ends["data"]) == 2
    assert limit["data"] == []
    assert counts["data"] == [1] + [0] * 23


def test_drawdown_is_below_the_highest_so_far() -> None:
    worth = (100, 120, 90, 130)
    curve = [EquityPoint(at, Decimal(each), Decimal(1)) for at, each in enumerate(worth)]
    assert drawdowns(curve) == [[0, 0.0], [1, 0.0], [2, -25.0], [3, 0.0]]
    assert drawdowns([]) == []


def test_equity_marks_the_worst_and_shades_what_is_stopped() -> None:
    made = account("spot", desk(empty=False))
    equity, hold, below, gains, losses = equity_options(DARK, made, STOPPED, utc=True)["series"]
    assert len(equity["data"]) == len(hold["data"]) == len(made.curve)
    (worst,) = below["markPoint"]["data"]
    assert worst["coord"][1] == min(each for _, each in below["data"])
    assert equity["markArea"]["data"] == [[{"xAxis": STOPPED.since_ms}, {"xAxis": made.at_ms}]]
    assert len(gains["data"]) + len(losses["data"]) == len(made.closed_trades)
    running = equity_options(DARK, made, RUNNING, utc=True)["series"][0]
    assert running["markArea"]["data"] == []


def test_learning_curves_mark_the_best_epoch_held_back() -> None:
    fit, held, *others = curves_options(DARK, CURVES)["series"]
    assert held["markPoint"]["data"][0]["coord"] == [1, 0.6]
    assert fit["markPoint"]["data"] == []
    assert [each["data"] for each in others] == [[], []]
