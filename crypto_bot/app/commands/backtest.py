"""`crypto-bot backtest`: runs the engine over stored candles and prints the results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from math import nan

from rich.table import Table

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.flags import Parser, add_settings, instant_of, settings_of
from crypto_bot.app.commands.screen import ends, percent, screen
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
    table = Table("source", "calls", "right", "95 %", "confidence", "trades", "mean bps", "95 %")
    for name, record in [*report.by_source.items(), ("ALL", report.overall)]:
        table.add_row(str(name), *_cells(record))
    console = screen()
    console.print(table)
    console.print(
        f"{done.candles:,} candles in {took_s:.1f} s, {done.candles / took_s:,.0f} a second. "
        "Returns are gross, of the first of stop and targets; they are no claim of profit."
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
    mean = record.mean_return_bps
    return (
        f"{record.n:,}",
        percent(record.hit_rate.value),
        ends(record.hit_rate),
        percent(nan if record.mean_confidence is None else record.mean_confidence),
        f"{record.trades:,}",
        f"{mean.value:+.1f}" if mean.is_estimated else "–",
        ends(mean, 1.0),
    )
