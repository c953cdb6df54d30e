"""`crypto-bot paper`: status of the paper accounts, and their kill switch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import accumulate

from rich.markup import escape
from rich.table import Table

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.sentences import trades_sentence
from crypto_bot.app.commands.flags import Parser, add_settings, settings_of
from crypto_bot.app.commands.screen import curve, screen
from crypto_bot.app.paper import stop_file, trading
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols
from crypto_bot.domain.instant import instant
from crypto_bot.domain.paper_report import AccountReport, KillSwitch
from crypto_bot.engine.paper.trading import PaperTrading

_BY = "command"


def paper(argv: Sequence[str]) -> int:
    """Works with or without a running engine. Raises ConfigError, StoreError."""
    parser = Parser(prog="crypto-bot paper", description="The paper accounts.")
    parser.add_argument("action", choices=("status", "stop", "resume"))
    parser.add_argument("--reason", default="", help="the reason, for stop")
    add_settings(parser, "tf", "symbols_file", "database_url", "exchange")
    flags = parser.parse_args(argv)
    settings = settings_of(flags)
    console = screen()
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        paper = _paper(settings, database)
        if flags.action == "stop":
            paper.stop(_BY, flags.reason)
        elif flags.action == "resume":
            stop_file(settings).unlink(missing_ok=True)
            paper.resume(_BY)
        else:
            accounts = paper.accounts()
            for account in (each for each in accounts if each.curve):
                verdict = trades_sentence(account)
                console.print(f"[bold]{account.name}: {verdict.word}[/] {escape(verdict.rest)}")
                changes = (day.change for day in paper.days(account.name))
                equity = [float(each) for each in accumulate(changes, initial=account.start)]
                low, high = (formats.number(end(equity), 2) for end in (min, max))
                console.print(f"equity by day {curve(equity)} {low} to {high}")
            console.print(_status(accounts, database.name))
        console.print(_switch_text(paper.kill_switch()))
    return 0


def _paper(settings: Settings, database: Database) -> PaperTrading:
    """The accounts as the engine left them, at the time of its market."""
    machine = SystemClock()
    at_ms: list[int] = []
    symbols = load_symbols(settings.symbols_file)
    paper = trading(settings, symbols, database, lambda: at_ms[0] if at_ms else machine.now_ms())
    paper.recover(at_open=True, instruments={})
    newest = [account.curve[-1].at_ms for account in paper.accounts() if account.curve]
    if settings.simulated and newest:
        at_ms.append(max(newest) + settings.timeframe.ms)
    return paper


def _status(accounts: Sequence[AccountReport], database: str) -> Table | str:
    if not accounts:
        return "No account: paper.enabled is off."
    if not any(account.curve for account in accounts):
        return f"No account has been opened in {database}: start the engine first."
    return accounts_table(accounts)


def accounts_table(accounts: Sequence[AccountReport]) -> Table:
    """A line for each account."""
    columns = ("account", "market", "equity", "cash", "open", "trades")
    results = ("return", "hold", "drawdown", "mean, net", "fees")
    table = Table(*columns, *results, "refused")
    for each in accounts:
        statistics = each.statistics
        table.add_row(
            each.name,
            each.market,
            formats.number(float(each.equity), 2),
            formats.number(float(each.cash), 2),
            str(len(each.open_positions)),
            str(statistics.trades),
            formats.signed(100 * statistics.return_share, 2, "%"),
            formats.signed(100 * statistics.buy_and_hold_share, 2, "%"),
            formats.signed(-100 * statistics.max_drawdown, 1, "%"),
            formats.signed(statistics.expectancy_r.value, 2, "R"),
            formats.number(float(statistics.fees), 2),
            ", ".join(f"{rule} {n:,}" for rule, n in sorted(each.refusals.items())) or "–",
        )
    return table


def _switch_text(switch: KillSwitch) -> str:
    if not switch.on:
        return "Paper trading is on."
    since = "" if switch.since_ms is None else f" since {instant(switch.since_ms)}"
    why = f": {switch.reason}" if switch.reason else ""
    return f"Paper trading is stopped{since} by {switch.by}{why}. Resume: crypto-bot paper resume"
