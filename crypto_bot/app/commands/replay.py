"""`crypto-bot replay --verify`: recomputes the logged predictions from the stored candles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.backtest import IN_MEMORY, replay_into, replay_parser
from crypto_bot.app.commands.flags import settings_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.served_recipe import served_recipe
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import model_registry
from crypto_bot.backtesting.replay import Engaged
from crypto_bot.backtesting.verification import Verification, compare, pages
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Signal
from crypto_bot.ports import LogPosition, PredictionQueries

if TYPE_CHECKING:
    from crypto_bot.serving.logged_models import LoggedModels

FAILED = 1
_SHOWN = 20


def replay(argv: Sequence[str]) -> int:
    """Reports every difference; returns 1 if there is any. Raises ConfigError, StoreError."""
    parser = replay_parser("crypto-bot replay", "Recomputes the prediction log.")
    parser.add_argument("--verify", action="store_true", help="compare with the log")
    flags = parser.parse_args(argv)
    if not flags.verify:
        raise ConfigError(
            "use crypto-bot replay --verify; to replay any history use crypto-bot backtest"
        )
    settings = settings_of(flags)
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        done, lost = verify(settings, database, flags.since, flags.until)
    return _report(done, lost)


def verify(
    settings: Settings, database: Database, since_ms: int | None, until_ms: int | None
) -> tuple[Verification, list[str]]:
    """Compares `[since_ms, until_ms]` (None: the whole log); also lists deleted models.

    The replay always starts with the log and runs every coin of it when the engine did, because
    the record of the rules, and so their confidence, depends on all of it. Raises ConfigError for
    an empty log, StoreError.
    """
    timeframe = settings.timeframe
    store = SqlPredictionStore(database, timeframe)
    queries = SqlPredictionQueries(database, timeframe)
    newest = store.newest_opens()
    if not newest:
        raise ConfigError(
            f"engine {database.key.name} has no predictions of {settings.tf} to verify in "
            f"{database.name}: name its exchange with --exchange"
        )
    first_ms = store.first_bar(min(newest.values()))
    last_ms = max(newest.values())
    oldest_ms = store.oldest_open() or first_ms  # older ones may have been deleted
    since_ms = oldest_ms if since_ms is None else max(since_ms, oldest_ms)
    until_ms = last_ms if until_ms is None else min(until_ms, last_ms)

    engaged = _engaged(settings, store, newest)
    models = _logged_models(settings, queries, len(engaged)) if settings.use_ml else None
    archive = SqlCandleArchive(database, timeframe)
    with closing(Database.open(IN_MEMORY, settings.engine_key)) as target:
        replay_into(
            *(settings, tuple(engaged), archive, target),
            since_ms=first_ms,
            until_ms=last_ms,
            registry=models,
            engaged=engaged,
        )
        made = pages(SqlPredictionQueries(target, timeframe), since_ms, until_ms)
        logged = pages(queries, since_ms, until_ms)
        return compare(logged, made), models.lost if models else []


def _engaged(
    settings: Settings, store: SqlPredictionStore, newest: Mapping[str, int]
) -> dict[str, Engaged]:
    """The coins of the log; those that are in the symbols file no more up to their last line."""
    current = load_symbols(settings.symbols_file)
    last_ms, caught_up = max(newest.values()), store.caught_up()
    return {
        symbol: Engaged(last_ms if symbol in current else at_ms, caught_up.get(symbol, ()))
        for symbol, at_ms in newest.items()
    }


def _logged_models(settings: Settings, queries: PredictionQueries, coins: int) -> LoggedModels:
    from crypto_bot.serving.logged_models import LoggedModels  # noqa: PLC0415 - loads torch

    @lru_cache(maxsize=2)
    def logged(open_ms: int) -> Mapping[str, Signal]:
        after = LogPosition(open_ms + 1, "")
        page = queries.log_page(LogFilter(since_ms=open_ms), after, coins + 1)
        return {line.stored.signal.symbol: line.stored.signal for line in page}

    policy = model_registry(settings).policy
    return LoggedModels(served_recipe(settings).models_dir, settings.timeframe, policy, logged)


def _report(done: Verification, lost: Sequence[str]) -> int:
    console = screen()
    for difference in done.differences[:_SHOWN]:
        console.print(
            f"{difference.id}  {difference.field}: logged {difference.logged}, "
            f"recomputed {difference.recomputed}",
            markup=False,
        )
    if len(done.differences) > _SHOWN:
        console.print(f"... and {len(done.differences) - _SHOWN:,} more")
    for name in lost:
        console.print(f"not recomputed, the model is no longer stored: {name}", markup=False)
    console.print(
        f"{done.lines:,} predictions recomputed, {done.models:,} of them by models: "
        f"{len(done.differences):,} differences"
    )
    return FAILED if done.differences else 0
