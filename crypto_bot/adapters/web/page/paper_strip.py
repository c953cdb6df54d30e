"""The figures at the head of the paper view, each with its yardstick."""

from __future__ import annotations

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import NOTHING, Card, pieces, tone
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.paper_report import AccountReport


def strip(account: AccountReport) -> Markup:
    """Worth, against buying and holding, and what a trade brought, as markup."""
    return pieces.strip([*_worth(account), *_trades(account)])


def _worth(account: AccountReport) -> tuple[Card, ...]:
    known = account.statistics
    start, cash = (formats.number(float(each), 2) for each in (account.start, account.cash))
    hold = formats.signed(100 * known.buy_and_hold_share, 2)
    change = formats.signed(100 * known.return_share, 2, "%")
    return (
        Card(
            "Equity",
            formats.number(float(account.equity), 2),
            f"start {start}; cash {cash}",
            aside=change,
            tone=tone(known.return_share, change),
        ),
        Card(
            "Against buy and hold",
            formats.signed(100 * (known.return_share - known.buy_and_hold_share), 2, "%"),
            f"the same money in equal parts: {hold}%",
        ),
        Card(
            "Drawdown, worst",
            formats.signed(-100 * known.max_drawdown, 1, "%"),
            "from the highest equity so far",
        ),
    )


def _trades(account: AccountReport) -> tuple[Card, ...]:
    known = account.statistics
    n, result, wins, sharpe = known.trades, known.expectancy_r, known.win_rate, known.sharpe
    none = "no trade has ended yet"
    factor = formats.number(known.profit_factor, 2)
    ratios = f"95% {formats.ends(sharpe, 1)}; Sortino {formats.number(known.sortino, 2)}"
    return (
        Card(
            "Result a trade",
            formats.signed(result.value, 2, "R"),
            f"95% {formats.ends(result, 2)}, n {formats.number(n)}" if n else none,
            picture=_forest(result),
        ),
        Card(
            "Win rate",
            formats.rate(wins.value, n),
            f"95% {formats.interval(wins, n)}; profit factor {factor}" if n else none,
        ),
        Card(
            "Sharpe, a year",
            formats.number(sharpe.value, 2),
            ratios if sharpe.is_bounded else "too few days to say",
            picture=_forest(sharpe),
        ),
        Card(
            "Fees and funding",
            formats.number(float(known.fees), 2),
            f"funding {formats.signed(float(known.funding), 2)}; turnover "
            f"{formats.number(known.turnover, 1)} times",
        ),
    )


def _forest(known: Interval) -> Markup:
    return cells.forest(known, 0.0) if known.is_bounded else NOTHING
