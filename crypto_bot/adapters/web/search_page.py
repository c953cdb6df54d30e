"""The report of a search: one HTML file that asks no host for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.markup import Column, Table
from crypto_bot.adapters.web.page.palette import system_tokens
from crypto_bot.adapters.web.page.sentences import Sentence
from crypto_bot.adapters.web.templating import render
from crypto_bot.backtesting.search import (
    BEST,
    DEFAULT,
    INNER,
    MEDIAN,
    Judged,
    SearchFigures,
    Shown,
    Span,
)
from crypto_bot.statistics.standing import Standing
from crypto_bot.training.returns import SURE

_WIDTH, _HEIGHT = 1000.0, 240.0
_GLYPHS = {Standing.ABOVE: "tick", Standing.NOT_PROVEN: "half", Standing.BELOW: "cross"}
_WORDS = {
    Standing.ABOVE: "Above zero.",
    Standing.NOT_PROVEN: "Not proven.",
    Standing.BELOW: "Below zero.",
}


class _Setting(NamedTuple):
    name: str
    usual: str
    chosen: tuple[str, ...]


def search_sentence(figures: SearchFigures) -> Sentence:
    """What the chosen settings did on the outer folds."""
    best = figures.shown[0]
    reach = f" {formats.ends(best.sharpe, 2)}" if best.sharpe.is_bounded else ""
    text = (
        f"Chosen settings made {_percent(best.change)} on {len(figures.folds)} outer folds, Sharpe "
        f"{formats.number(best.sharpe.value, 2)}{reach}; deflated Sharpe "
        f"{formats.probability(best.deflated_sharpe)} with {formats.number(figures.tried)} "
        f"accounts tried over this time, {SURE:g} is asked for."
    )
    return Sentence(_GLYPHS[best.standing], _WORDS[best.standing], text)


def again_words(figures: SearchFigures) -> str:
    """Says that the outer folds are no longer unseen; nothing for the first search."""
    if figures.judged < 2:
        return ""
    return (
        f"{figures.judged} searches have been judged on these outer folds, this one included. "
        "Whoever chooses among their results tunes on the outer folds: only candles that are "
        "still to come can judge that choice."
    )


def search_page(
    figures: SearchFigures, command: str, fragment: str, usual: Mapping[str, Any]
) -> str:
    """The whole document; `usual`: the default of each setting that was searched."""
    styles = "".join(
        (files("crypto_bot.adapters.web.page") / name).read_text("utf-8")
        for name in ("style.css", "figures.css")
    )
    curves, low, high = _curves(figures.shown)
    span = Span(figures.folds[0].fold.searched.since_ms, figures.folds[-1].fold.outer.until_ms)
    return render(
        "search.html",
        tokens=Markup(system_tokens() + styles),  # noqa: S704 - our own files
        facts=f"{_days(span)}, {figures.coins} coins, {figures.timeframe} candles, account "
        f"{figures.account}, {formats.number(figures.made)} trials. {figures.models}",
        command=command,
        sentence=search_sentence(figures),
        again=again_words(figures),
        shown=_shown(figures.shown),
        curves=curves,
        low=low,
        high=high,
        folds=_folds(figures.folds),
        chosen=_chosen(figures.folds, usual),
        fragment=fragment,
        inner=INNER,
    )


def _shown(lines: Sequence[Shown]) -> Markup:
    return Table[Shown](
        Column("Settings", lambda line: line.name),
        Column("Return", lambda line: _percent(line.change), "num"),
        Column("Drawdown", lambda line: _percent(-line.drawdown), "num"),
        Column("Sharpe", lambda line: formats.number(line.sharpe.value, 2), "num"),
        Column("95%", _ends, "num", "muted"),
        Column("Deflated", lambda line: formats.probability(line.deflated_sharpe), "num"),
        Column("Trades", lambda line: formats.number(line.trades), "num"),
        Column("Above default, a year", better_words, "num"),
    ).of(lines)


def _folds(folds: Sequence[Judged]) -> Markup:
    def change(name: str) -> Column[Judged]:
        return Column(name, lambda each: _percent(each.runs[name].change), "num")

    return Table[Judged](
        Column("Judged on", lambda each: _days(each.fold.outer)),
        Column("Searched", lambda each: _days(each.fold.searched), "", "muted"),
        *(change(name) for name in (BEST, MEDIAN, DEFAULT)),
    ).of(folds)


def _chosen(folds: Sequence[Judged], usual: Mapping[str, Any]) -> Markup:
    rows = [
        _Setting(key, words_of(value), tuple(words_of(fold.chosen[BEST][key]) for fold in folds))
        for key, value in usual.items()
    ]

    def chosen(number: int) -> Column[_Setting]:
        since = formats.day(folds[number].fold.outer.since_ms, UTC)
        return Column(f"for {since}", lambda row: row.chosen[number], "num")

    return Table[_Setting](
        Column("Setting", lambda row: row.name),
        Column("Default", lambda row: row.usual, "num", "muted"),
        *(chosen(number) for number in range(len(folds))),
    ).of(rows)


def words_of(value: Any) -> str:
    """A setting as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(words_of, value))
    return "its own" if value is None else str(value)


def _curves(shown: Sequence[Shown]) -> tuple[list[tuple[str, str]], str, str]:
    """Polylines of the compounded daily returns, and their lowest and highest end in percent."""
    paths = {}
    for line in shown:
        returns = np.concatenate([run.returns for run in line.runs])
        paths[line.name] = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    low = min(float(path.min()) for path in paths.values())
    high = max(float(path.max()) for path in paths.values())
    curves = []
    for name, path in paths.items():
        xs = np.linspace(0.0, _WIDTH, path.size)
        ys = (high - path) / ((high - low) or 1.0) * _HEIGHT
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        curves.append((name.split()[0], points))
    return curves, _percent(low - 1.0), _percent(high - 1.0)


def better_words(line: Shown) -> str:
    """The yearly return above that of the default, with its interval."""
    if not line.better.is_estimated:
        return formats.MISSING
    reach = f" {formats.ends(line.better, 1)}" if line.better.is_bounded else ""
    return f"{formats.signed(line.better.value, 1, '%')}{reach}"


def _ends(line: Shown) -> str:
    return formats.ends(line.sharpe, 2) if line.sharpe.is_bounded else ""


def _percent(share: float) -> str:
    return formats.signed(100.0 * share, 1, "%")


def _days(span: Span) -> str:
    return f"{formats.day(span.since_ms, UTC)} to {formats.day(span.until_ms, UTC)}"
