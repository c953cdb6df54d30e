"""Starting a job from a button of the page."""

from __future__ import annotations

from collections.abc import Mapping

from nicegui import ui

from crypto_bot.domain.errors import JobError
from crypto_bot.ports import Jobs


async def start_job(jobs: Jobs, kind: str, chosen: Mapping[str, str]) -> None:
    """Starts it, and says whether it could be."""
    try:
        await jobs.start(kind, chosen)
    except JobError as error:
        ui.notify(str(error), type="warning")
    else:
        ui.notify("It has started: System shows how far it is.")
