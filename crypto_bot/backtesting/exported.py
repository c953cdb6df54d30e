"""The figures of a backtest as JSON, and its trades as lines of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from crypto_bot.backtesting.figures import AccountFigures, BacktestFigures
from crypto_bot.backtesting.search import SearchFigures
from crypto_bot.domain.instant import DAY_MS, instant
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper_report import EquityPoint

TRADE_NAMES = (
    *("account", "prediction_id", "symbol", "side", "source", "entered", "ended", "amount"),
    *("entry", "exit", "reason", "gross", "fees", "funding", "net", "r", "mfe_bps", "mae_bps"),
)


def as_json(figures: BacktestFigures, sentence: str) -> dict[str, Any]:
    """Plain values; what is not known is None. Returns and drawdowns in percent, shares 0..1."""
    episodes, control = figures.review.overall.episodes, figures.control
    holds = {symbol: _percent(share) for symbol, share in figures.holds.items()}
    return {
        "sentence": sentence,
        "timeframe": figures.timeframe,
        "since": instant(figures.since_ms),
        "until": instant(figures.until_ms),
        "candles": figures.candles,
        "models": figures.models,
        "accounts": [_account(each) for each in figures.accounts],
        "buy_and_hold": {"equal_parts_pct": _percent(figures.held_in_parts), "coins_pct": holds},
        "episodes": {
            "n": episodes.n,
            "calls": figures.review.overall.trades,
            "hit_rate": _known(episodes.hit_rate.value),
            "interval": _ends(episodes.hit_rate),
            "break_even": _known(episodes.break_even),
            "mean_net_bps": _known(episodes.mean_net_bps.value),
        },
        "random_entry": None if control is None else control._asdict(),
    }


def search_json(figures: SearchFigures, sentence: str) -> dict[str, Any]:
    """The same of a search: what its settings did on the outer folds, and nothing else."""
    return {
        "sentence": sentence,
        "account": figures.account,
        "timeframe": figures.timeframe,
        "models": figures.models,
        "trials": figures.made,
        "accounts_tried": figures.tried,
        "searches_judged": figures.judged,
        "settings": dict(figures.settings),
        "shown": {
            each.name: {
                "return_pct": _percent(each.change),
                "max_drawdown_pct": _percent(each.drawdown),
                "trades": each.trades,
                "sharpe": _known(each.sharpe.value),
                "sharpe_interval": _ends(each.sharpe),
                "deflated_sharpe": _known(each.deflated_sharpe),
                "above_default_pct_a_year": _known(each.better.value),
                "above_default_interval": _ends(each.better),
            }
            for each in figures.shown
        },
        "folds": [
            {
                "searched": [instant(each) for each in judged.fold.searched],
                "judged": [instant(each) for each in judged.fold.outer],
                "chosen": {name: dict(values) for name, values in judged.chosen.items()},
                "return_pct": {name: _percent(run.change) for name, run in judged.runs.items()},
            }
            for judged in figures.folds
        ],
    }


def trade_lines(figures: BacktestFigures) -> Iterator[dict[str, Any]]:
    """Every trade of every account under `TRADE_NAMES`, in the order in which they ended."""
    for account in figures.accounts:
        for closed, way in account.trades:
            yield {
                "account": account.report.name,
                **{name: getattr(closed, name, None) for name in TRADE_NAMES[1:]},
                "entered": instant(closed.entry_ms),
                "ended": instant(closed.exit_ms),
                "mfe_bps": round(way.best_bps, 2),
                "mae_bps": round(way.worst_bps, 2),
            }


def _account(each: AccountFigures) -> dict[str, Any]:
    known, shuffled = each.report.statistics, each.shuffled
    return {
        "name": each.report.name,
        "market": each.report.market,
        "return_pct": _percent(known.return_share),
        "max_drawdown_pct": _percent(known.max_drawdown),
        "sharpe": _known(known.sharpe.value),
        "sharpe_interval": _ends(known.sharpe),
        "deflated_sharpe": _known(each.deflated_sharpe),
        "trials": each.trials,
        "sortino": _known(each.sortino.value),
        "sortino_interval": _ends(each.sortino),
        "calmar": _known(each.calmar.value),
        "calmar_interval": _ends(each.calmar),
        "profit_factor": _known(each.profit_factor.value),
        "profit_factor_interval": _ends(each.profit_factor),
        "trades": known.trades,
        "win_rate": _known(known.win_rate.value),
        "win_rate_interval": _ends(known.win_rate),
        "expectancy_r": _known(known.expectancy_r.value),
        "expectancy_r_interval": _ends(known.expectancy_r),
        "gross": str(known.gross),
        "fees": str(known.fees),
        "funding": str(known.funding),
        "exposed": _known(each.exposed),
        "invested": _known(each.invested),
        "turnover_year": _known(each.turnover_year),
        "net_at_cost_bps": {f"{level.bps:g}": round(level.net, 2) for level in each.costs},
        "break_even_cost_bps": _known(each.break_even_bps),
        "one_bar_late_return_pct": _percent(each.late_return),
        "shuffled_drawdown_pct": None
        if shuffled is None
        else {
            "median": _percent(shuffled.median),
            "worst_5_percent": _percent(shuffled.worst_5_percent),
            "share_deeper": _known(shuffled.deeper),
        },
        "months_pct": {
            instant(month.first_ms)[:7]: [_percent(month.account), _percent(month.buy_and_hold)]
            for month in each.months
        },
        "days_pct": _days(each.points),
        "refused": dict(each.report.refusals),
        "rules": dict(each.report.rules),
    }


def _days(points: Sequence[EquityPoint]) -> list[tuple[str, float | None, float | None]]:
    """Day, and what the account and buy and hold have gained since their start, at its end."""
    first = points[0]
    return [
        (
            instant(point.at_ms - 1)[:10],
            _percent(float(point.equity / first.equity) - 1.0),
            _percent(float(point.buy_and_hold / first.buy_and_hold) - 1.0),
        )
        for point in {(point.at_ms - 1) // DAY_MS: point for point in points}.values()
    ]


def _percent(share: float) -> float | None:
    return round(100.0 * share, 4) if isfinite(share) else None


def _known(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _ends(interval: Interval) -> list[float | None]:
    return [_known(interval.low), _known(interval.high)]
