"""`crypto-bot backtest`: the engine and its paper accounts over history."""

from __future__ import annotations

import os
import shlex
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from rich.markup import escape
from rich.table import Table

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.web.backtest_beside import Side
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.sentences import trades_sentence, verdict_sentence
from crypto_bot.app.backtest_beside import (
    LIVE,
    beside_live,
    live_start,
    print_files,
    print_live,
    read_others,
)
from crypto_bot.app.backtest_files import Files, note, write
from crypto_bot.app.backtests import MadeCalls, past_in_files, stored_calls, stored_past
from crypto_bot.app.commands.flags import Parser, add_settings, instant_of, path_of, settings_of
from crypto_bot.app.commands.paper import accounts_table
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.logging import configure
from crypto_bot.app.market_data import newest_possible_ms
from crypto_bot.app.served_recipe import served_recipe
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.training.flags import duration_days
from crypto_bot.app.wiring import build_core, column_engine
from crypto_bot.backtesting.backtest import Backtest, Past
from crypto_bot.backtesting.columns import Models
from crypto_bot.backtesting.day_sums import day_records
from crypto_bot.backtesting.figures import BacktestFigures, figures_of
from crypto_bot.backtesting.replay import BatchedCommits, Engaged, Replay, ReplayClock, Replayed
from crypto_bot.domain.candle import nothing_inside
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.paper_report import AccountReport
from crypto_bot.models.families.registered import public_names
from crypto_bot.ports import ModelSource, SignalSink
from crypto_bot.serving.model_source import Registry
from crypto_bot.statistics.performance import Performance, review

IN_MEMORY = "sqlite://"


def backtest(argv: Sequence[str]) -> int:
    """Runs the engine and its accounts over a span. Raises ConfigError, StoreError."""
    flags = _parser().parse_args(argv)
    settings = settings_of(flags)
    others = read_others(path_of(each) for each in flags.beside if each != LIVE)
    key, symbols = settings.engine_key, load_symbols(settings.symbols_file)
    with (
        closing(Database.open(settings.database_url, key)) as source,
        closing(Database.open(flags.into, key)) as target,
    ):
        start = live_start(settings, source) if LIVE in flags.beside else None
        if start is not None and flags.since is None:
            flags.since = start.since_ms
        past, span_ms = past_of(settings, symbols, source, flags)
        if start is not None:  # live accounts know nothing of the inside of a candle
            past = replace(past, inside=nothing_inside)
        models = _walked(settings, symbols, flags, span_ms)
        started = time.perf_counter()
        if flags.into != IN_MEMORY or (settings.use_ml and models is None):
            if flags.candles is not None:
                raise ConfigError(
                    "published models, and --into, read candles of the database: bring them with "
                    "crypto-bot candles import, or use --use_ml 0 or --walk_forward"
                )
            made = MadeCalls()
            replay_into(
                *(settings, tuple(past.tables), SqlCandleArchive(source, settings.timeframe)),
                target,
                since_ms=span_ms[0],
                until_ms=span_ms[1],
                models=None if models is None else stored_calls(models),
                sinks=[made],
            )
            models = made.models(served_recipe(settings).source)
        done = Backtest.run(
            column_engine(settings, models), past, span_ms[0], threads=os.cpu_count() or 1
        )
        took_s = time.perf_counter() - started
        trials = note(settings, done, span_ms[1])
        opens_ms = None if start is None else start.opens_ms
        ledgers = done.ledgers(settings.paper.plans(), opens_ms=opens_ms)
        live = [] if start is None else beside_live(settings, source, ledgers)
        found = figures_of(done, ledgers, trials, _words(flags, models))
    _print(settings, done, ledgers.reports(), took_s)
    print_live(screen(), live)
    files = Files(flags.report, flags.json, flags.csv, flags.png)
    command = shlex.join(["crypto-bot", "backtest", *argv])
    _report(settings, found, command, files, others)
    return 0


def _report(
    settings: Settings,
    found: BacktestFigures,
    command: str,
    files: Files,
    others: Sequence[Side],
) -> None:
    """Writes and keeps the files, and prints the figures beside those of `others`."""
    held, written = write(settings, found, command, files, others)
    if others:
        print_files(screen(), held, others)
    for path in written:
        screen().print(str(path), soft_wrap=True, highlight=False)


def _words(flags: Namespace, models: Models | None) -> str:
    """What answered before the rules."""
    if models is None:
        return "Rules alone."
    if flags.walk_forward is None:
        return "Published models first, then rules."
    return (
        f"A model fitted anew every {flags.walk_forward:g} days on what came before answers first, "
        "then rules."
    )


def _parser() -> Parser:
    parser = replay_parser("crypto-bot backtest", "Runs the engine over stored candles.")
    add = parser.add_argument
    add_walk(parser)
    add("--into", default=IN_MEMORY, help="an empty database for the signals")
    text = f"'{LIVE}': the paper accounts of the engine; or a file of --json; may be given again"
    add("--beside", action="append", default=[], metavar="{live,FILE}", help=text)
    add("--report", type=path_of, metavar="FILE.html", help="all figures as one page")
    add("--json", type=path_of, metavar="FILE", help="all figures")
    add("--csv", type=path_of, metavar="FILE", help="every trade of every account")
    add("--png", type=path_of, metavar="FILE", help="equity and drawdown, beside buy and hold")
    text = "of the walk: models fitted at a time (default: cores, as memory allows)"
    add("--max_workers", type=int, help=text)
    return parser


def add_walk(parser: Parser) -> None:
    """The flags of candles in files and of models that walk forward over them."""
    add = parser.add_argument
    add("--candles", type=path_of, help="folder or file of candles, instead of the database")
    text = "days, such as 30d: answer with models that are fitted anew so often, each on the past"
    add("--walk_forward", type=duration_days, metavar="DAYS", help=text)
    text = f"of the walk: {', '.join(public_names())} (default: that of the recipe)"
    add("--family", help=text)


def past_of(
    settings: Settings, symbols: Sequence[str], source: Database, flags: Namespace
) -> tuple[Past, tuple[int, int]]:
    """What is read, and its span: the opens of the first and of the last candle."""
    since_ms = 0 if flags.since is None else flags.since
    until_ms = newest_possible_ms(settings) if flags.until is None else flags.until
    if since_ms > until_ms:
        raise ConfigError("there is no candle between --since and --until")
    span_ms = since_ms, until_ms
    if flags.candles is not None:
        past = past_in_files(settings, symbols, source, flags.candles, span_ms)
    else:
        newest = SqlCandleArchive(source, settings.timeframe).newest_opens(until_ms)
        if not set(symbols) & set(newest):
            raise ConfigError(
                f"no candles of {settings.tf} are stored in {source.name}: use crypto-bot candles "
                "import or sync first"
            )
        past = stored_past(settings, symbols, source, span_ms)
    tables = past.tables.values()
    first_ms = max(since_ms, min(int(table.open_ms[0]) for table in tables))
    return past, (first_ms, max(int(table.open_ms[-1]) for table in tables))


def _walked(
    settings: Settings, symbols: tuple[str, ...], flags: Namespace, span_ms: tuple[int, int]
) -> Models | None:
    if flags.walk_forward is None:
        return None
    if flags.since is None:
        raise ConfigError("--walk_forward needs --since: the first model learns from before it")
    from crypto_bot.app.walks import Asked, walked_models  # noqa: PLC0415 - loads torch

    configure(settings.log.level, settings.log.format)
    asked = Asked(
        *span_ms, days=flags.walk_forward, family=flags.family, max_workers=flags.max_workers
    )
    return walked_models(settings, flags.candles, symbols, asked)


def _print(
    settings: Settings, done: Backtest, accounts: Sequence[AccountReport], took_s: float
) -> None:
    rows = day_records(done.calls, settings.timeframe, settings.decision.cost_bps)
    report = review(rows, done.block_days)
    table = Table(
        *("source", "episodes", "hit rate", "95 %", "break-even", "mean net bp", "95 %"),
        *("trades", "calls", "right", "confidence"),
    )
    for name, record in [*report.by_source.items(), ("ALL", report.overall)]:
        table.add_row(str(name), *_cells(record))
    console = screen()
    overall = report.overall
    verdict = verdict_sentence(overall.episodes, overall.trades, "A longer period may hold some.")
    console.print(f"[bold]{verdict.word}[/] {escape(verdict.rest)}", highlight=False)
    console.print(table)
    for account in accounts:
        found = trades_sentence(account)
        console.print(f"[bold]{account.name}: {found.word}[/] {escape(found.rest)}")
    if accounts:
        console.print(accounts_table(accounts))
    console.print(
        f"{done.candles:,} candles in {took_s:.1f} s, {done.candles / took_s:,.0f} a second. "
        "Consecutive calls of one side are one episode, which ends at the first of stop and target "
        "and is counted after costs; it is no claim of profit."
    )


def replay_parser(prog: str, description: str) -> Parser:
    """The flags of the commands that run the engine over stored candles."""
    parser = Parser(prog=prog, description=description)
    stored = ("tf", "symbols_file", "database_url", "exchange")
    add_settings(parser, *stored, "use_ml", "models_dir", "recipe", "device")
    parser.add_argument("--since", type=instant_of, help="first candle, ISO-8601 UTC")
    parser.add_argument("--until", type=instant_of, help="last candle, ISO-8601 UTC")
    return parser


def replay_into(
    settings: Settings,
    symbols: Sequence[str],
    archive: SqlCandleArchive,
    target: Database,
    *,
    since_ms: int,
    until_ms: int,
    registry: Registry | None = None,
    engaged: Mapping[str, Engaged] | None = None,
    models: ModelSource | None = None,
    sinks: Sequence[SignalSink] = (),
) -> Replayed:
    """The live cycle over `[since_ms, until_ms]` of `archive`, its signals into `target`.

    `registry`, `models` and `sinks` as for `wiring.build_core`, `engaged` as for `Replay`; a sink
    is called before the batch of its signals is committed.
    """
    clock = ReplayClock()
    commits = BatchedCommits(SqlPredictionStore(target, settings.timeframe))
    core = build_core(
        *(settings, symbols, clock, commits),
        archive=archive,
        registry=registry,
        models=models,
        sinks=sinks,
    )
    replay = Replay(
        symbols=symbols,
        timeframe=settings.timeframe,
        clock=clock,
        archive=archive,
        views=core.views,
        commits=commits,
        cycle=core.cycle,
        engaged=engaged or {},
    )
    return replay.run(since_ms, until_ms)


def _cells(record: Performance) -> tuple[str, ...]:
    held = record.episodes
    mean, confidence = held.mean_net_bps, record.mean_confidence
    return (
        formats.number(held.n),
        formats.rate(held.hit_rate.value, held.n),
        escape(formats.interval(held.hit_rate, held.n)),
        formats.percent(held.break_even),
        formats.signed(mean.value, 1),
        escape(formats.ends(mean, 1)),
        formats.number(record.trades),
        formats.number(record.n),
        formats.rate(record.hit_rate.value, record.n),
        formats.MISSING if confidence is None else formats.percent(confidence),
    )
