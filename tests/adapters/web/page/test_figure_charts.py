"""Options of the charts: plain JSON without NaN, only colours of the palette, as many series."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from math import nan
from typing import Any

import numpy as np
import pytest

from crypto_bot.adapters.web.page.axes import Options
from crypto_bot.adapters.web.page.curves_chart import curves_options
from crypto_bot.adapters.web.page.equity_chart import drawdowns, equity_options
from crypto_bot.adapters.web.page.palette import PALETTES, Palette, Theme
from crypto_bot.adapters.web.page.performance_charts import (
    calibration_words,
    groups_options,
    loss_options,
    reliability_options,
)
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper_report import EquityPoint, KillSwitch
from crypto_bot.statistics import breakdown
from crypto_bot.statistics.loss_curve import LossPoint
from crypto_bot.statistics.reliability import reliability
from crypto_bot.statistics.resolved import ResolvedCalls
from tests.adapters.web.page.made_figures import NOW_MS, account, opened
from tests.reports.made_calls import call, market

DARK = PALETTES[Theme.DARK]
STOPPED = KillSwitch(True, 1_764_540_000_000, "page", "a test")
RUNNING = KillSwitch(on=False)
CURVES = {"validation, move head": [0.7, 0.6, 0.65], "fit, move head": [0.7, 0.5]}
FEW = breakdown.by_hour(ResolvedCalls.of([call(0)]))


def observed(count: int) -> Any:
    p = np.linspace(0.1, 0.5, count)
    return reliability(p, np.arange(count) % 3 == 0)


def points(count: int, *, sure: bool = True) -> list[LossPoint]:
    reach = Interval(-0.007, -0.02, 0.01) if sure else Interval(-0.007)
    return [LossPoint(at * 86_400_000, 100, 1.03, 1.04, reach) for at in range(count)]


def charts(palette: Palette) -> dict[str, list[Options]]:
    """Each chart with much, with little and with nothing to draw."""
    hours = breakdown.by_hour
    return {
        "reliability": [
            reliability_options(palette, observed(n), observed(m))
            for n, m in ((300, 300), (300, 5), (0, 0))
        ],
        "loss": [
            loss_options(palette, made, utc=True)
            for made in (points(30), points(5, sure=False), [])
        ],
        "groups": [
            groups_options(palette, lines, "hour", limit)
            for lines, limit in (
                (hours(ResolvedCalls.of(market(6))), 0.53),
                (hours(ResolvedCalls.of([])), nan),
                (FEW, nan),
            )
        ],
        "equity": [
            equity_options(palette, made, switch, utc=True)
            for made, switch in (
                (account(), RUNNING),
                (account(), STOPPED),
                (opened(NOW_MS), STOPPED),
            )
        ],
        "curves": [curves_options(palette, made) for made in (CURVES, {})],
    }


def named(options: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(options, dict):
        for key, value in options.items():
            if isinstance(value, str):
                yield key, value
            yield from named(value)
    elif isinstance(options, list):
        for value in options:
            yield from named(value)


@pytest.mark.parametrize("theme", list(Theme))
def test_options_are_json_in_colours_of_the_palette(theme: Theme) -> None:
    allowed = {*PALETTES[theme], "transparent"}
    for options in chain.from_iterable(charts(PALETTES[theme]).values()):
        text = json.dumps(options, allow_nan=False)
        assert set(re.findall(r"#[0-9A-Fa-f]{3,8}", text)) <= allowed
        assert {each for key, each in named(options) if key.lower().endswith("color")} <= allowed
        assert (options["animation"], options["aria"]["enabled"]) == (False, True)


@pytest.mark.parametrize("name", charts(DARK))
def test_series_and_code_are_the_same_whatever_is_drawn(name: str) -> None:
    """With fewer series NiceGUI would replace the chart, and what was chosen in it would be lost.

    Code that the browser evaluates is constant: nothing of the data gets into it.
    """
    shapes = {
        (
            tuple((series["type"], series["name"]) for series in options["series"]),
            frozenset(value for key, value in named(options) if key.startswith(":")),
        )
        for options in charts(DARK)[name]
    }
    assert len(shapes) == 1


def test_reliability_draws_every_bin_with_its_interval_and_names_its_error() -> None:
    made = observed(300)
    options = reliability_options(DARK, made, observed(0))
    diagonal, long, short, long_n, _ = options["series"]
    assert len(long["data"]) == len(long["markLine"]["data"]) == len(made.bins) == 8
    assert short["data"] == []
    assert sum(n for _, n in long_n["data"]) == 300
    low, high = diagonal["data"][0][0], diagonal["data"][1][0]
    assert low <= min(each.observed.low for each in made.bins)
    assert high >= max(each.observed.high for each in made.bins)
    assert options["xAxis"][0]["min"] == options["yAxis"][0]["min"] == low
    assert calibration_words(observed(5)) == "n 5, too few to say"
    assert re.fullmatch(r"error \.\d{3}, noise floor \.\d{3} \(.+\)", calibration_words(made))


def test_the_loss_and_its_band() -> None:
    lower, height, line = loss_options(DARK, points(3), utc=True)["series"]
    assert line["data"][-1] == [2 * 86_400_000, -0.7]
    assert line["endLabel"]["formatter"] == "−0.7%"
    assert (lower["data"][0][1], height["data"][0][1]) == (-2.0, 3.0)


def test_hours_with_few_calls_have_a_line_and_no_dot() -> None:
    dots, ends, few, limit, counts = groups_options(DARK, FEW, "hour", nan)["series"]
    assert dots["data"] == limit["data"] == []
    assert [each[0] for each in few["data"]] == ["00"]
    assert len(ends["data"]) == 2
    assert counts["data"] == [1] + [0] * 23


def test_equity_marks_the_worst_drawdown_and_shades_what_is_stopped() -> None:
    curve = [EquityPoint(at, Decimal(n), Decimal(1)) for at, n in enumerate((100, 120, 90, 130))]
    assert drawdowns(curve) == [[0, 0.0], [1, 0.0], [2, -25.0], [3, 0.0]]
    made = account()
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
    assert [each["data"] for each in (fit["markPoint"], *others)] == [[], [], []]
