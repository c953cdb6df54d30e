"""Backtests side by side: their figures line by line, for the page, the report and the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.markup import Column, Table
from crypto_bot.adapters.web.templating import render
from crypto_bot.domain.interval import Interval

Json = Mapping[str, Any]
_WIDTH, _HEIGHT = 1000.0, 240.0


class Side(NamedTuple):
    """A backtest under the `title` of its column; `figures` are those of `--json`."""

    title: str
    figures: Json


class Line(NamedTuple):
    """One figure of each of the backtests."""

    name: str
    cells: Sequence[str]


def lines_of(sides: Sequence[Side]) -> list[Line]:
    """What they are, and their decisions; a dash where a file of an older version has less."""
    return [Line(name, [shown(side.figures) for side in sides]) for name, shown in _WHOLE]


def account_lines(name: str, sides: Sequence[Side]) -> list[Line]:
    """The figures of the account `name` in each, and its months."""
    held = [_account(name, side.figures) for side in sides]
    months = sorted({month for each in held for month in each.get("months_pct", ())})
    return [
        *(Line(title, [shown(each) for each in held]) for title, shown in _ACCOUNT),
        *(Line(month, [_month(each, month) for each in held]) for month in months),
    ]


def account_names(sides: Sequence[Side]) -> list[str]:
    """Of all of them, in the order in which they are first seen."""
    found = (each["name"] for side in sides for each in side.figures["accounts"])
    return list(dict.fromkeys(found))


def panels(sides: Sequence[Side]) -> Markup:
    """All of it as HTML, with the equity of each account in one chart."""
    return render(
        "backtest_beside.html",
        whole=_table(lines_of(sides), sides),
        accounts=[
            (name, _curves(name, sides), _table(account_lines(name, sides), sides))
            for name in account_names(sides)
        ],
    )


def _table(lines: Sequence[Line], sides: Sequence[Side]) -> Markup:
    def cell(at: int) -> Callable[[Line], str]:
        return lambda line: line.cells[at]

    return Table[Line](
        Column("Figure", lambda line: line.name),
        *(
            Column(side.title, cell(at), "num", "words", "Backtest")
            for at, side in enumerate(sides)
        ),
        kind="beside",
    ).of(lines)


class _Curve(NamedTuple):
    title: str
    points: str


def _curves(name: str, sides: Sequence[Side]) -> tuple[list[_Curve], str, str]:
    """Polylines of the change since each start, over the same days, and the ends of the scale."""
    held = {side.title: _account(name, side.figures).get("days_pct") or [] for side in sides}
    days = sorted({day for curve in held.values() for day, *_ in curve})
    changes: list[float] = [change for curve in held.values() for _, change, _ in curve]
    if len(days) < 2:
        return [], "", ""
    low, high = min(0.0, *changes), max(0.0, *changes)
    at = {day: place / (len(days) - 1) * _WIDTH for place, day in enumerate(days)}

    def y(change: float) -> float:
        return (high - change) / ((high - low) or 1.0) * _HEIGHT

    curves = [
        _Curve(title, " ".join(f"{at[day]:.1f},{y(change):.1f}" for day, change, _ in curve))
        for title, curve in held.items()
    ]
    return curves, formats.signed(high, 1, "%"), formats.signed(low, 1, "%")


def _account(name: str, figures: Json) -> Json:
    return next((each for each in figures["accounts"] if each["name"] == name), {})


def _month(account: Json, month: str) -> str:
    change, _ = account.get("months_pct", {}).get(month) or (None, None)
    return formats.signed(change, 1, "%")


def _plain(key: str) -> Callable[[Json], str]:
    return lambda held: str(held.get(key) or formats.MISSING)


def _number(key: str, decimals: int = 0, unit: str = "") -> Callable[[Json], str]:
    def shown(held: Json) -> str:
        value = held.get(key)
        return formats.MISSING if value is None else formats.number(float(value), decimals) + unit

    return shown


def _signed(key: str, decimals: int, unit: str) -> Callable[[Json], str]:
    return lambda held: formats.signed(held.get(key), decimals, unit)


def _share(key: str) -> Callable[[Json], str]:
    return lambda held: formats.percent(Interval.of([held.get(key)]).value)


def _between(
    shown: Callable[[Json], str], key: str, decimals: int = 2, factor: float = 1.0
) -> Callable[[Json], str]:
    """With the interval in `key` behind it."""

    def both(held: Json) -> str:
        low, high = held.get(key) or (None, None)
        if low is None or high is None:
            return shown(held)
        ends = (formats.number(factor * each, decimals) for each in (low, high))
        return f"{shown(held)} [{', '.join(ends)}]"

    return both


def _of(part: str, shown: Callable[[Json], str]) -> Callable[[Json], str]:
    return lambda held: shown(held.get(part) or {})


def _period(held: Json) -> str:
    return f"{str(held.get('since'))[:10]} to {str(held.get('until'))[:10]}"


def _coins(held: Json) -> str:
    return formats.number(len(held.get("buy_and_hold", {}).get("coins_pct", ())))


_WHOLE = (
    ("Sentence", _plain("sentence")),
    ("Period", _period),
    ("Coins", _coins),
    ("Timeframe", _plain("timeframe")),
    ("Answers", _plain("models")),
    ("Episodes", _of("episodes", _number("n"))),
    ("Calls", _of("episodes", _number("calls"))),
    ("Hit rate", _of("episodes", _between(_share("hit_rate"), "interval", 1, 100.0))),
    ("Break-even", _of("episodes", _share("break_even"))),
    ("Mean net of an episode", _of("episodes", _signed("mean_net_bps", 1, " bp"))),
    ("Random entries", _of("random_entry", _signed("random_bps", 1, " bp"))),
    ("Buy and hold, equal parts", _of("buy_and_hold", _signed("equal_parts_pct", 2, "%"))),
)
_ACCOUNT = (
    ("Return", _signed("return_pct", 2, "%")),
    ("Drawdown", _number("max_drawdown_pct", 2, "%")),
    ("Sharpe", _between(_number("sharpe", 2), "sharpe_interval")),
    ("Deflated Sharpe", _number("deflated_sharpe", 2)),
    ("Accounts tried over this time", _number("trials")),
    ("Sortino", _between(_number("sortino", 2), "sortino_interval")),
    ("Calmar", _between(_number("calmar", 2), "calmar_interval")),
    ("Profit factor", _between(_number("profit_factor", 2), "profit_factor_interval")),
    ("Trades", _number("trades")),
    ("Won", _between(_share("win_rate"), "win_rate_interval", 1, 100.0)),
    ("Mean result, R", _between(_number("expectancy_r", 3), "expectancy_r_interval", 3)),
    ("Time in the market", _share("exposed")),
    ("Turnover a year", _number("turnover_year", 1)),
    ("Fees", _number("fees", 2)),
    ("Funding", _number("funding", 2)),
    ("Break-even cost", _number("break_even_cost_bps", 1, " bp")),
    ("One bar late", _signed("one_bar_late_return_pct", 2, "%")),
)
