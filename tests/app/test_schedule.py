"""Jobs of the scheduler."""

from __future__ import annotations

import asyncio
import logging

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from crypto_bot.app.schedule import cancellable


async def test_a_job_that_a_shutdown_cancels_has_not_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def job() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    scheduler = AsyncIOScheduler()
    scheduler.add_job(cancellable(job))
    scheduler.start()
    await started.wait()
    scheduler.shutdown(wait=False)
    await ended.wait()
    await asyncio.sleep(0)
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
