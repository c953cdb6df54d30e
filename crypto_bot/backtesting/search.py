"""A search for settings: how time is cut, what a trial is worth, and what is shown of it.

For each outer fold the search sees only what came before it. Settings are compared there, on inner
folds; those that are chosen run once on the outer fold, and nothing else is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isfinite, prod
from typing import Any, NamedTuple

import numpy as np

from crypto_bot.backtesting.backtest import Backtest
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper import Plan
from crypto_bot.engine.paper.statistics import MIN_DAYS, daily_returns, sharpe
from crypto_bot.market_data.observations import Floats
from crypto_bot.statistics.daily import MIN_CALLS
from crypto_bot.statistics.ratios import YEAR_DAYS, by_blocks
from crypto_bot.statistics.standing import Standing
from crypto_bot.training.returns import SURE, deflated_sharpe

INNER = 4
"""Inner folds of a search."""
LEAST_TRADES = MIN_CALLS
"""A trial with fewer on its inner folds is worth nothing: staying out is no setting."""
LEAST_DAYS = MIN_DAYS + 2
"""Of a fold: its first and its last day are not whole."""
BEST, MEDIAN, DEFAULT = "best", "median trial", "default"


class Span(NamedTuple):
    """Candles that open in `[since_ms, until_ms]`."""

    since_ms: int
    until_ms: int

    @property
    def days(self) -> float:
        """From the first open to the last."""
        return (self.until_ms - self.since_ms) / DAY_MS


class OuterFold(NamedTuple):
    """The inner folds of one search, and the time on which it is judged."""

    inner: tuple[Span, ...]
    outer: Span

    @property
    def searched(self) -> Span:
        """All that the search sees."""
        return Span(self.inner[0].since_ms, self.inner[-1].until_ms)


class Run(NamedTuple):
    """An account on one span: `returns` of whole days, `change` of all of it as a share."""

    returns: Floats
    change: float
    drawdown: float
    trades: int


class Tried(NamedTuple):
    """A finished trial: its settings by name, and its worth on the inner folds.

    `worth`: mean of the yearly Sharpe ratios of the folds; None for fewer than `LEAST_TRADES`.
    `key`: as in `trials.Trial`.
    """

    values: Mapping[str, Any]
    worth: float | None
    key: str


class Shown(NamedTuple):
    """The settings of one name on all outer folds together.

    `change`: compounded; `drawdown`: the deepest of a fold. `deflated_sharpe`: with the number of
    trials that were made. `better`: the yearly return above that of the default, in percent, by
    blocks of days.
    """

    name: str
    runs: Sequence[Run]
    change: float
    drawdown: float
    trades: int
    sharpe: Interval
    deflated_sharpe: float
    better: Interval

    @property
    def standing(self) -> Standing:
        """Above 0 only where the best of as many trials without skill would not be."""
        if self.sharpe.low > 0.0 and self.deflated_sharpe >= SURE:
            return Standing.ABOVE
        return Standing.BELOW if self.sharpe.high < 0.0 else Standing.NOT_PROVEN


class Judged(NamedTuple):
    """One outer fold: the settings that were chosen before it, and what each name did on it."""

    fold: OuterFold
    chosen: Mapping[str, Mapping[str, Any]]
    runs: Mapping[str, Run]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFigures:
    """What a search has shown. `made`: trials of this search; `tried`: accounts over this time.

    `judged`: how many searches were judged on these outer folds, this one included.
    """

    account: str
    timeframe: str
    coins: int
    models: str
    made: int
    tried: int
    judged: int
    folds: Sequence[Judged]

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that the newest search chose."""
        return self.folds[-1].chosen[BEST]

    @property
    def shown(self) -> list[Shown]:
        """Best, median trial and default."""
        return [self._shown(name) for name in (BEST, MEDIAN, DEFAULT)]

    def _shown(self, name: str) -> Shown:
        runs, default = ([fold.runs[each] for fold in self.folds] for each in (name, DEFAULT))
        returns, usual = (np.concatenate([run.returns for run in each]) for each in (runs, default))
        better = Interval() if name == DEFAULT else by_blocks(returns - usual, _yearly_percent)
        return Shown(
            name=name,
            runs=runs,
            change=prod(1.0 + run.change for run in runs) - 1.0,
            drawdown=max(run.drawdown for run in runs),
            trades=sum(run.trades for run in runs),
            sharpe=sharpe(returns.tolist()),
            deflated_sharpe=deflated_sharpe(returns, self.tried),
            better=better,
        )


def cut(span: Span, folds: int, gap_ms: int, step_ms: int) -> list[OuterFold]:
    """The second half of `span` in `folds` outer folds, each with all that came before it.

    `gap_ms` is left out before an outer fold: the purge and the embargo of the longest trade. Folds
    begin at midnight. Raises ConfigError where a fold would have too few days.
    """
    if folds < 1:
        raise ConfigError(f"{folds} outer folds: use 1 or more")
    first_ms = -(-span.since_ms // DAY_MS) * DAY_MS
    end_ms = span.until_ms + step_ms
    middle_ms = first_ms + (end_ms - first_ms) // 2
    found = []
    for number in range(folds):
        outer = _part(Span(middle_ms, end_ms), number, folds, step_ms)
        searched = Span(first_ms, outer.since_ms - gap_ms)
        inner = tuple(_part(searched, each, INNER, step_ms) for each in range(INNER))
        found.append(OuterFold(inner, outer))
    shortest = min(each.days for each in (*found[0].inner, *(fold.outer for fold in found)))
    if shortest < LEAST_DAYS:
        raise ConfigError(
            f"a fold would have {shortest:.0f} days, {LEAST_DAYS} are needed: use fewer --folds "
            "or an earlier --since"
        )
    return found


def run_of(done: Backtest, plan: Plan, span: Span) -> Run:
    """The account of `plan` on `span`, from its deposit on."""
    ledgers = done.within(*span).ledgers([plan])
    (report,), (trader,) = ledgers.reports(), ledgers.traders
    known = report.statistics
    returns = np.array(daily_returns(trader.curve.points))
    return Run(returns, known.return_share, known.max_drawdown, known.trades)


def worth_of(runs: Sequence[Run]) -> float | None:
    """The mean Sharpe ratio of the folds, a year; a fold without a trade has one of 0."""
    if sum(run.trades for run in runs) < LEAST_TRADES:
        return None
    ratios = [sharpe(run.returns.tolist()).value for run in runs]
    return fsum(each for each in ratios if isfinite(each)) / len(ratios)


def chosen_of(trials: Sequence[Tried]) -> dict[str, Mapping[str, Any]]:
    """The best trial and the one in the middle. Raises ConfigError where none traded enough."""
    ranked = sorted(
        (each for each in trials if each.worth is not None), key=lambda each: each.worth or 0.0
    )
    if not ranked:
        raise ConfigError(
            f"no trial made {LEAST_TRADES} trades on its inner folds: use a longer span, more "
            "coins, or a wider --space"
        )
    return {BEST: ranked[-1].values, MEDIAN: ranked[(len(ranked) - 1) // 2].values, DEFAULT: {}}


def _part(span: Span, number: int, parts: int, step_ms: int) -> Span:
    """One of equal parts of `[since_ms, until_ms)`, from midnight to the candle before midnight."""
    since_ms, end_ms = (
        (span.since_ms + (span.until_ms - span.since_ms) * each // parts) // DAY_MS * DAY_MS
        for each in (number, number + 1)
    )
    return Span(since_ms, end_ms - step_ms)


def _yearly_percent(returns: Floats) -> Floats:
    yearly: Floats = 100.0 * YEAR_DAYS * returns.mean(axis=1)
    return yearly
