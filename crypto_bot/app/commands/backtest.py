"""`crypto-bot backtest`: runs the engine over stored candles and prints the results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from rich.markup import escape
from rich.table import Table

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.sentences import verdict_sentence
from crypto_bot.app.commands.flags import Parser, add_settings, instant_of, settings_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.market_data import newest_possible_ms
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import build_core
from crypto_bot.backtesting.replay import BatchedCommits, Engaged, Replay, ReplayClock, Replayed
from crypto_bot.domain.errors import ConfigError
from crypto_bot.ports import ModelSource, SignalSink
from crypto_bot.serving.model_source import Registry
from crypto_bot.statistics.performance import Performance, longest_block, review

IN_MEMORY = "sqlite://"


def backtest(argv: Sequence[str]) -> int:
    """Replays `--since` to `--until` and prints the record. Raises ConfigError, StoreError."""
    parser = replay_parser("crypto-bot backtest", "Runs the engine over stored candles.")
    parser.add_argument("--into", default=IN_MEMORY, help="an empty database for the signals")
    flags = parser.parse_args(argv)
    settings = settings_of(flags)
    symbols = load_symbols(settings.symbols_file)
    key = settings.engine_key
    with (
        closing(Database.open(settings.database_url, key)) as source,
        closing(Database.open(flags.into, key)) as target,
    ):
        archive = SqlCandleArchive(source, settings.timeframe)
        newest = archive.newest_opens(newest_possible_ms(settings))
        if not set(symbols) & set(newest):
            raise ConfigError(
                f"no candles of {settings.tf} are stored in {source.name}: use crypto-bot candles "
                "import or sync first"
            )
        until_ms = flags.until if flags.until is not None else max(newest.values())
        oldest = [candle.open_ms for s in symbols for candle in archive.read(s, 0, until_ms)[:1]]
        since_ms = flags.since if flags.since is not None else min(oldest, default=until_ms)
        if since_ms > until_ms:
            raise ConfigError("there is no candle between --since and --until")
        started = time.perf_counter()
        done = replay_into(settings, symbols, archive, target, since_ms=since_ms, until_ms=until_ms)
        took_s = time.perf_counter() - started
        queries = SqlPredictionQueries(target, settings.timeframe)
        rows = queries.performance_rows(None, None, None)
        block = longest_block(queries.latest_predictions(), settings.timeframe)
    report = review(rows, block)
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
    console.print(
        f"{done.candles:,} candles in {took_s:.1f} s, {done.candles / took_s:,.0f} a second. "
        "Consecutive calls of one side are one episode, which ends at the first of stop and target "
        "and is counted after costs; it is no claim of profit."
    )
    return 0


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
