"""The report of a backtest: one HTML file that asks no host for anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from importlib.resources import files
from math import isfinite
from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.backtest_curve import curve_of
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.markup import Card, Column, Table, tone
from crypto_bot.adapters.web.page.money_tables import bridge_table, groups_table
from crypto_bot.adapters.web.page.palette import system_tokens
from crypto_bot.adapters.web.page.sentences import Sentence, trades_sentence, verdict_sentence
from crypto_bot.adapters.web.page.trade import SOURCES
from crypto_bot.adapters.web.templating import render
from crypto_bot.backtesting.figures import AccountFigures, BacktestFigures, Trade
from crypto_bot.domain.interval import Interval
from crypto_bot.statistics.performance import Performance
from crypto_bot.statistics.standing import Standing, standing
from crypto_bot.training.returns import SURE

_STYLES = "crypto_bot.adapters.web.page"


class Row(NamedTuple):
    """A figure with its interval and what it means."""

    name: str
    value: str
    ends: str = ""
    words: str = ""


def sentence_of(figures: BacktestFigures) -> Sentence:
    """Above, not proven or below, of all episodes after costs."""
    record = figures.review.overall
    return verdict_sentence(record.episodes, record.trades, "A longer period may hold some.")


def page(figures: BacktestFigures, command: str, beside: Markup | None = None) -> str:
    """The whole document; it follows the theme of the reader's system.

    `beside`: panels of `backtest_beside` with other backtests.
    """
    styles = "".join(
        (files(_STYLES) / name).read_text("utf-8") for name in ("style.css", "figures.css")
    )
    since, until = (formats.moment(at, UTC) for at in (figures.since_ms, figures.until_ms))
    return render(
        "backtest.html",
        tokens=Markup(system_tokens() + styles),  # noqa: S704 - our own files
        sentence=sentence_of(figures),
        facts=f"{since} to {until} UTC, {len(figures.holds)} coins, "
        f"{figures.timeframe} candles, {formats.number(figures.candles)} signals. {figures.models}",
        command=command,
        sources=_sources(figures),
        control=_control(figures),
        holds=_holds(figures),
        beside=beside or "",
        accounts=[_account(each) for each in figures.accounts],
    )


def _account(each: AccountFigures) -> dict[str, object]:
    report = each.report
    return {
        "name": report.name,
        "sentence": account_sentence(each),
        "cards": _cards(each),
        "curve": curve_of(each.points, report.statistics.max_drawdown),
        "months": _months(each),
        "figures": _table(_rows(each)),
        "money": bridge_table(report),
        "costs": _costs(each),
        "parts": [
            (by, groups_table(by, groups, linked=False)) for by, groups in each.parts.by.items()
        ],
        "trades": _trades(each.trades),
        "rules": sorted(report.rules.items()),
    }


def account_sentence(each: AccountFigures) -> Sentence:
    """That of paper trading; a gain that the best of as many lucky tries would show is no proof."""
    found = trades_sentence(each.report)
    known = each.report.statistics
    if standing(known.trades, known.expectancy_r, 0.0) is not Standing.ABOVE:
        return found
    if each.deflated_sharpe >= SURE:
        return found
    return Sentence(
        "half",
        "Not proven.",
        f"{found.text} But the best of {each.trials} accounts without skill would look like this: "
        f"deflated Sharpe {formats.probability(each.deflated_sharpe)}, {SURE:g} is asked for.",
    )


def _cards(each: AccountFigures) -> list[Card]:
    known = each.report.statistics
    change = formats.signed(100 * known.return_share, 1, "%")
    held = formats.signed(100 * known.buy_and_hold_share, 1, "%")
    return [
        Card("Return", change, f"buy and hold {held}", tone=tone(known.return_share, change)),
        Card("Drawdown", formats.signed(-100 * known.max_drawdown, 1, "%"), _shuffled(each)),
        Card(
            "Sharpe",
            formats.number(known.sharpe.value, 2),
            f"95% {formats.ends(known.sharpe, 2)}",
        ),
        Card(
            "Deflated Sharpe",
            formats.probability(each.deflated_sharpe),
            f"of {each.trials} accounts tried over this time",
        ),
        Card(
            "Trades",
            formats.number(known.trades),
            f"won {formats.rate(known.win_rate.value, known.trades)} "
            f"{formats.interval(known.win_rate, known.trades)}",
        ),
        Card(
            "Break-even cost",
            formats.number(each.break_even_bps, 1) + " bp",
            "of a round trip, all in; below it the trades earn",
        ),
    ]


def _shuffled(each: AccountFigures) -> str:
    if each.shuffled is None:
        return "too few trades to shuffle"
    return (
        f"in other orders {formats.signed(-100 * each.shuffled.median, 1, '%')}, worst 5% "
        f"{formats.signed(-100 * each.shuffled.worst_5_percent, 1, '%')}"
    )


def _rows(each: AccountFigures) -> list[Row]:
    known = each.report.statistics
    late = formats.signed(100 * each.late_return, 1, "%")

    def ratio(name: str, found: Interval, words: str) -> Row:
        low, high = (formats.number(each, 2) for each in found[1:])
        ends = f"[{low}, {high}]" if found.is_bounded else ""
        return Row(name, formats.number(found.value, 2), ends, words)

    return [
        ratio("Sharpe", known.sharpe, "of daily returns, a year"),
        ratio("Sortino", each.sortino, "over the losses alone"),
        ratio("Calmar", each.calmar, "return of a year over the greatest daily drawdown"),
        ratio("Profit factor", each.profit_factor, "won over lost, by days"),
        ratio("Mean result, R", known.expectancy_r, "after fees and funding"),
        Row("Time in the market", formats.percent(each.exposed), "", "with any position"),
        Row("Invested", formats.percent(each.invested), "", "mean notional over mean equity"),
        Row("Turnover", formats.number(each.turnover_year, 0), "", "times the equity, a year"),
        Row("One bar late", late, "", "return with every fill a bar later"),
    ]


def _costs(each: AccountFigures) -> Markup:
    levels = [(f"{level.bps:g} bp", level.net) for level in each.costs]
    paid = ("fees paid, of every fill", -float(each.report.statistics.fees))
    return Table[tuple[str, float]](
        Column("A round trip costs", lambda line: line[0]),
        Column("Net of the same trades", lambda line: formats.signed(line[1], 2), "num"),
    ).of([*levels, paid])


def _table(rows: Sequence[Row]) -> Markup:
    return Table[Row](
        Column("Figure", lambda row: row.name),
        Column("Value", lambda row: row.value, "num"),
        Column("95%", lambda row: row.ends, "num", "muted"),
        Column("Meaning", lambda row: row.words, "more", "muted words"),
    ).of(rows)


def _months(each: AccountFigures) -> list[tuple[str, str, str, str]]:
    found = []
    for month in each.months:
        shown = formats.signed(100 * month.account, 1, "%")
        held = formats.signed(100 * month.buy_and_hold, 1, "%")
        found.append((formats.month(month.first_ms), shown, tone(month.account, shown), held))
    return found


def _trades(trades: Sequence[Trade]) -> str:
    """Rows for the script of the page: text that no page can end early, as `<` is escaped."""
    rows = [
        [
            *(closed.symbol, closed.side.value, SOURCES[closed.source]),
            *(closed.entry_ms, closed.exit_ms, float(closed.entry), float(closed.exit)),
            *(closed.reason, round(float(closed.net), 2), round(closed.r, 3)),
            *(round(way.best_bps), round(way.worst_bps)),
        ]
        for closed, way in trades
    ]
    return json.dumps(rows, separators=(",", ":")).replace("<", "\\u003c")


def _sources(figures: BacktestFigures) -> Markup:
    records = [(SOURCES[name], record) for name, record in figures.review.by_source.items()]
    shown = [line for line in [*records, ("all", figures.review.overall)] if line[1].trades]
    return Table[tuple[str, Performance]](
        Column("Source", lambda line: line[0]),
        Column("Episodes", lambda line: formats.number(line[1].episodes.n), "num"),
        Column("Calls", lambda line: formats.number(line[1].trades), "num", "muted"),
        Column(
            "Hit rate",
            lambda line: formats.rate(line[1].episodes.hit_rate.value, line[1].episodes.n),
            "num",
        ),
        Column(
            "95%",
            lambda line: formats.interval(line[1].episodes.hit_rate, line[1].episodes.n),
            "num",
            "muted",
        ),
        Column("Break-even", lambda line: formats.percent(line[1].episodes.break_even), "num"),
        Column(
            "Mean net",
            lambda line: formats.signed(line[1].episodes.mean_net_bps.value, 1, " bp"),
            "num",
        ),
        nothing="No LONG or SHORT.",
    ).of(shown)


def _control(figures: BacktestFigures) -> str:
    found = figures.control
    if found is None or not isfinite(found.mean_bps):
        return "No episode has ended."
    mean, random = (formats.signed(each, 1, " bp") for each in (found.mean_bps, found.random_bps))
    between = (
        f"95% of them between {formats.signed(found.low, 1)} and {formats.signed(found.high, 1)}"
    )
    return (
        f"The {formats.number(found.episodes)} episodes made {mean} each after a cost of "
        f"{figures.cost_bps:g} bp. As many entries at random candles of the same coins and sides, "
        f"with the same exits, make {random} ({between}); {formats.percent(found.below)} of the "
        "draws are below the episodes."
    )


def _holds(figures: BacktestFigures) -> list[tuple[str, str, str]]:
    found = []
    for symbol, share in sorted(figures.holds.items(), key=lambda each: -each[1]):
        shown = formats.signed(100 * share, 1, "%")
        found.append((formats.coin(symbol), shown, tone(share, shown)))
    return found
