"""The figures at the head of the paper view, each with its yardstick."""

from __future__ import annotations

from html import escape

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper_report import AccountReport, AccountStatistics


def strip(account: AccountReport) -> str:
    """Worth, against buying and holding, and what a trade brought, as markup."""
    return "".join((*_worth(account), *_trades(account.statistics)))


def _worth(account: AccountReport) -> tuple[str, ...]:
    told = account.statistics
    start, cash = (formats.number(float(each), 2) for each in (account.start, account.cash))
    return (
        _card(
            "Equity",
            formats.number(float(account.equity), 2),
            f"start {start}; cash {cash}",
            _change(100 * told.return_share, 2, "%"),
        ),
        _card(
            "Against buy and hold",
            formats.signed(100 * (told.return_share - told.buy_and_hold_share), 2, "%"),
            f"the same money in equal parts: {formats.signed(100 * told.buy_and_hold_share, 2)}%",
        ),
        _card(
            "Drawdown, worst",
            formats.signed(-100 * told.max_drawdown, 1, "%"),
            "from the highest equity so far",
        ),
    )


def _trades(told: AccountStatistics) -> tuple[str, ...]:
    n = told.trades
    none = "no trade has ended yet"
    factor = formats.number(told.profit_factor, 2)
    sharpe = f"95% {formats.ends(told.sharpe, 1)}; Sortino {formats.number(told.sortino, 2)}"
    return (
        _card(
            "Result a trade",
            formats.signed(told.expectancy_r.value, 2, "R"),
            f"95% {formats.ends(told.expectancy_r, 2)}, n {formats.number(n)}" if n else none,
            picture=_forest(told.expectancy_r, 0.0),
        ),
        _card(
            "Win rate",
            formats.rate(told.win_rate.value, n),
            f"95% {formats.interval(told.win_rate, n)}; profit factor {factor}" if n else none,
        ),
        _card(
            "Sharpe, a year",
            formats.number(told.sharpe.value, 2),
            sharpe if told.sharpe.is_bounded else "too few days to say",
            picture=_forest(told.sharpe, 0.0),
        ),
        _card(
            "Fees and funding",
            formats.number(float(told.fees), 2),
            f"funding {formats.signed(float(told.funding), 2)}; turnover "
            f"{formats.number(told.turnover, 1)} times",
        ),
    )


def _card(title: str, figure: str, foot: str, aside: str = "", picture: str = "") -> str:
    return (
        f"<div class='card panel'><div class=head><span>{title}</span></div>"
        f"<div class=middle><b class=figure>{figure}</b>{aside}{picture}</div>"
        f"<div class=foot title='{escape(foot)}'>{escape(foot)}</div></div>"
    )


def _change(value: float, decimals: int, unit: str = "") -> str:
    told = formats.signed(value, decimals, unit)
    tone = "" if told[0] not in f"+{formats.MINUS}" else "long" if value > 0 else "short"
    return f"<span class='aside {tone}'>{told}</span>"


def _forest(told: Interval, yardstick: float) -> str:
    if not told.is_bounded:
        return ""
    low, high = min(told.low, yardstick), max(told.high, yardstick)
    margin = 0.1 * (high - low) or 1.0
    span = (low - margin, high + margin)
    return cells.forest(told, yardstick, span)
