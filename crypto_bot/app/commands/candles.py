"""`crypto-bot candles sync | import | export | check`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

from rich.table import Table

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.candle_transfer import (
    ImportReport,
    Rules,
    export_folder,
    import_folder,
)
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.gap_report import GapReport, check
from crypto_bot.app.candle_sync import compare, sync
from crypto_bot.app.commands.flags import Parser, add_settings, path_of, settings_of, switch_of
from crypto_bot.app.commands.progress import numbered
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.market_data import newest_possible_ms
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import known_symbols, load_symbols, symbols_in
from crypto_bot.domain.instant import DAY_MS, instant
from crypto_bot.features.views import RuleViews

FAILED = 1
_VERIFIED_DAYS = 7


def candles(argv: Sequence[str]) -> int:
    """Runs a subcommand; returns 1 if a file or coin failed. Raises ConfigError, StoreError."""
    flags = _parser().parse_args(argv)
    settings = settings_of(flags)
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        archive = SqlCandleArchive(database, settings.timeframe)
        if flags.command == "sync":
            if flags.verify:
                return _compare(settings, archive, flags.days or _VERIFIED_DAYS)
            return _sync(settings, archive, flags.days)
        symbols = _symbols(flags, settings, archive)
        if flags.command == "import":
            rules = Rules(SystemClock().now_ms(), flags.skip_bad, bool(flags.replace))
            reports = import_folder(archive, flags.path, settings.timeframe, symbols, rules)
            for report in reports:
                _print_import(report)
            return FAILED if any(report.stored == 0 for report in reports) else 0
        if flags.command == "export":
            exported = export_folder(archive, flags.path, symbols, flags.format)
            for written in exported:
                _print(f"{written.symbol}: {written.rows:,} rows -> {written.path}")
            if not exported:
                sys.stderr.write(_nothing(settings))
            return 0
        return _check(settings, archive, symbols, remove=flags.remove)


def _parser() -> Parser:
    parser = Parser(prog="crypto-bot candles", description="The stored candles.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    fetch = commands.add_parser("sync", help="fetch missing candles from the exchange")
    add_settings(fetch, "tf", "symbols_file", "database_url", "exchange", "exchange_url")
    fetch.add_argument("--days", type=_positive, help="history that each coin is to have")
    text = f"compare the last --days (default {_VERIFIED_DAYS}) with the exchange instead"
    fetch.add_argument("--verify", action="store_true", help=text)
    for name, text in (
        ("import", "store Parquet or CSV files"),
        ("export", "write Parquet or CSV files"),
        ("check", "report the gaps, and rows that cannot be true"),
    ):
        command = commands.add_parser(name, help=text)
        add_settings(command, "tf", "database_url", "exchange")
        command.add_argument("--symbols", help="such as BTCUSDT,ETHUSDT; default all")
        if name != "check":
            command.add_argument("path", type=path_of, help="folder of <SYMBOL>.parquet or .csv")
        if name == "import":
            command.add_argument("--skip_bad", action="store_true", help="store the valid rows")
            _add_switch(command, "replace", "change stored candles that differ")
        if name == "check":
            _add_switch(command, "remove", "delete rows that cannot be true")
        if name == "export":
            command.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    return parser


def _symbols(
    flags: argparse.Namespace, settings: Settings, archive: SqlCandleArchive
) -> tuple[str, ...] | None:
    """Those of `--symbols`; what is exported or checked must be stored. Raises ConfigError."""
    if not flags.symbols:
        return None
    if flags.command == "import":
        return symbols_in(flags.symbols, load_symbols(settings.symbols_file), "--symbols")
    return known_symbols(flags.symbols, archive.newest_opens(), "--symbols")


def _add_switch(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    text = f"1: {what}; 0 (default): say how many"
    parser.add_argument(f"--{name}", type=switch_of, metavar="{0,1}", default=0, help=text)


def _check(
    settings: Settings, archive: SqlCandleArchive, symbols: Sequence[str] | None, *, remove: int
) -> int:
    """Shows what is stored; 1 where it has rows that cannot be true and are not removed."""
    reports = check(archive, settings.timeframe, symbols, newest_possible_ms(settings))
    if not reports:
        sys.stderr.write(_nothing(settings))
        return 0
    _show(reports)
    wrong = [report for report in reports if report.impossible]
    for report in wrong:
        text = f"{report.symbol}: {len(report.impossible):,} impossible rows, the first: "
        if remove:
            archive.remove(report.symbol, report.impossible)
        done = "removed" if remove else "'candles check --remove 1' deletes them"
        sys.stderr.write(f"{text}{report.why}; {done}\n")
    return FAILED if wrong and not remove else 0


def _nothing(settings: Settings) -> str:
    return (
        f"no {settings.tf} candle of {settings.exchange.id} is stored: use crypto-bot candles sync "
        "or import first\n"
    )


def _positive(text: str) -> int:
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError(f"{days} is not at least 1")
    return days


def _sync(settings: Settings, archive: SqlCandleArchive, days: int | None) -> int:
    """Fetches up to the newest closed candle, and back to what is asked for or the rules need."""
    symbols = load_symbols(settings.symbols_file)
    history_ms = _history_ms(settings, symbols, days)
    with numbered(len(symbols)) as on_coin:

        def arrived(symbol: str, candles: int, gaps: int) -> None:
            on_coin(symbol, f"{candles:,} candles, {gaps} gaps")

        problems = asyncio.run(
            sync(
                *(settings, archive, symbols, lambda until_ms: until_ms - history_ms, arrived),
                on_part=_went_back,
            )
        )
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return FAILED if problems else 0


def _went_back(since_ms: int, done: int, total: int) -> None:
    _print(f"history back to {instant(since_ms)[:10]} ({done} of {total})")


def _compare(settings: Settings, archive: SqlCandleArchive, days: int) -> int:
    """Compares stored candles with the exchange's; 1 where a coin failed or one differs."""
    symbols = load_symbols(settings.symbols_file)
    compared, problems = asyncio.run(compare(settings, archive, symbols, days * DAY_MS))
    for each in sorted(compared):
        changed = (
            f"{each.changed:,} differ, stored as revisions" if each.changed else "none differs"
        )
        missing = f", {each.missing:,} are not stored" if each.missing else ""
        _print(f"{each.symbol}: {each.candles:,} candles compared, {changed}{missing}")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return FAILED if problems or any(each.changed or each.missing for each in compared) else 0


def _history_ms(settings: Settings, symbols: Sequence[str], days: int | None) -> int:
    if days is not None:
        return days * DAY_MS
    needed = RuleViews(symbols[:1], settings.timeframe).history_bars
    return (needed + settings.engine.record_bars) * settings.timeframe.ms


def _print_import(report: ImportReport) -> None:
    if report.problem is not None:
        sys.stderr.write(f"{report.symbol}: {report.problem}\n")
        return
    for fault in report.faults:
        rows = ", ".join(map(str, fault.first_rows))
        sys.stderr.write(f"{report.symbol}: {fault.count} x {fault.kind}, first rows {rows}\n")
    if report.faults and not report.stored:
        sys.stderr.write(f"{report.symbol}: nothing stored; --skip_bad stores the valid rows\n")
        return
    still_open = ", the open candle left out" if report.still_open else ""
    changed = f", {report.changed:,} changed stored candles" if report.changed else ""
    _print(
        f"{report.symbol}: {report.stored:,} of {report.rows:,} rows stored{still_open}{changed}"
    )


def _show(reports: Sequence[GapReport]) -> None:
    table = Table("coin", "rows", "first (UTC)", "last (UTC)", "gaps", "missing", "confirmed")
    for report in reports:
        table.add_row(
            report.symbol,
            f"{report.rows:,}",
            _day(report.first_open_ms),
            _day(report.last_open_ms),
            str(report.gaps),
            f"{report.missing_bars:,}",
            f"{report.confirmed:,}",
        )
    screen().print(table)


def _day(at_ms: int | None) -> str:
    if at_ms is None:
        return "–"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
