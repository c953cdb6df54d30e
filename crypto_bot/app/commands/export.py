"""`crypto-bot export`: predictions with their outcomes, as CSV or Parquet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.flags import Parser, add_settings, instant_of, path_of, settings_of
from crypto_bot.app.outlook import add_horizon, opened_log
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import known_symbols, load_symbols
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Source
from crypto_bot.reports.log_export import LOG_FORMATS, Line, LogFormat, log_lines

STDOUT = Path("-")


def export(argv: Sequence[str]) -> int:
    """Writes the file whole or not at all. Raises ConfigError, StoreError."""
    flags = _parser().parse_args(argv)
    path: Path = flags.path
    name = "csv" if path == STDOUT else path.suffix.removeprefix(".")
    if name not in LOG_FORMATS.names():
        endings = " or ".join(f".{each}" for each in LOG_FORMATS.names())
        raise ConfigError(f"{path}: the name must end in {endings}, or be - for CSV on stdout")
    log_format = LOG_FORMATS.get(name)
    source = None if flags.source is None else Source(flags.source)
    with opened_log(settings_of(flags), flags.horizon) as (settings, database):
        queries = SqlPredictionQueries(database, settings.timeframe)
        logged = [stored.signal.symbol for stored in queries.latest_predictions()]
        symbol = _symbol(flags.symbol, settings, logged)
        wanted = LogFilter(symbol, source, flags.since, flags.until)
        if path == STDOUT:
            return _print(log_format.pieces(log_lines(queries, wanted)))
        rows = _write(queries, wanted, log_format, path)
    what = "matches" if logged else f"is in {database.name}: start the engine first"
    note = "" if rows else f" (no prediction {what})"
    sys.stdout.write(f"{rows:,} predictions of {settings.tf} -> {path}{note}\n")
    return 0


def _symbol(named: str | None, settings: Settings, logged: Sequence[str]) -> str | None:
    """The coin of `--symbol`, which is in the log or followed. Raises ConfigError."""
    if named is None:
        return None
    followed = load_symbols(settings.symbols_file)
    (symbol,) = known_symbols(named, {*logged, *followed}, "--symbol")
    return symbol


def _print(pieces: Iterator[bytes]) -> int:
    try:
        for piece in pieces:
            sys.stdout.write(piece.decode())
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _write(
    queries: SqlPredictionQueries, wanted: LogFilter, log_format: LogFormat, path: Path
) -> int:
    rows = 0

    def counted() -> Iterator[list[Line]]:
        nonlocal rows
        for page in log_lines(queries, wanted):
            rows += len(page)
            yield page

    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(log_format.pieces(counted()))
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}): use another") from error
    finally:
        part.unlink(missing_ok=True)
    return rows


def _parser() -> Parser:
    text = "Predictions with their outcomes, newest first."
    parser = Parser(prog="crypto-bot export", description=text)
    add_settings(parser, "tf", "database_url", "exchange")
    add_horizon(parser)
    parser.add_argument(
        "path", type=path_of, help="a .csv or .parquet file, or - for CSV on stdout"
    )
    parser.add_argument("--symbol", help="such as BTCUSDT; default all")
    parser.add_argument("--source", type=str.upper, choices=[each.value for each in Source])
    parser.add_argument("--since", type=instant_of, help="first candle, ISO-8601 UTC")
    parser.add_argument("--until", type=instant_of, help="the candle after the last, ISO-8601 UTC")
    return parser
