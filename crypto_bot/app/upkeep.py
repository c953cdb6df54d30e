"""What is done once a day while the engine runs: its database, and the roles of its models."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.retention import Retention
from crypto_bot.adapters.store.role_log import SqlRoleLog
from crypto_bot.app.promotion import Promotion
from crypto_bot.app.settings import Settings
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.models.registry import ModelRegistry
from crypto_bot.ports import Clock

_DAY_S = 86_400

_log = structlog.get_logger()


async def upkeep(
    settings: Settings,
    symbols: Sequence[str],
    registries: tuple[ModelRegistry | None, ModelRegistry | None],
    database: Database,
    clock: Clock,
) -> None:
    """Until it is cancelled; `registries` are of the champions and of the challengers.

    Raises StoreError, also where the file is damaged.
    """
    champions, challengers = registries
    both = [_stored(settings, database, clock)]
    if champions is not None and challengers is not None:
        promotion = Promotion(
            champions=champions,
            challengers=challengers,
            symbols=symbols,
            timeframe=settings.timeframe,
            roles=SqlRoleLog(database, settings.timeframe),
            now_ms=clock.now_ms,
        )
        both.append(promotion.run())
    await asyncio.gather(*both)


async def _stored(settings: Settings, database: Database, clock: Clock) -> None:
    """Deletes old predictions and checks the file."""
    retention = Retention(database, settings.timeframe)
    keep_ms = settings.store.keep_days * DAY_MS
    while True:
        deleted = await asyncio.to_thread(retention.delete_before, clock.now_ms() - keep_ms)
        if deleted:
            _log.info("predictions.deleted", n=deleted)
        await asyncio.sleep(_DAY_S)
        await asyncio.to_thread(database.check)
