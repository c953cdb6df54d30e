"""The kill switch of paper trading: pressing it asks for a word, and so does taking it back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nicegui import ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.figures import button, html
from crypto_bot.adapters.web.page.markup import drawings
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.paper_report import KillSwitch
from crypto_bot.ports import PaperTrading

BY = "page"
"""Who is stored as having pressed it."""
STOP, RESUME = "STOP", "RESUME"


class Switch:
    """The bar while it is on, the button, and the dialog behind both."""

    def __init__(
        self, paper: PaperTrading, viewer: Viewer, renew: Callable[[], Awaitable[None]]
    ) -> None:
        self._paper, self._viewer, self._renew = paper, viewer, renew
        self._on, self._held = False, 0
        with ui.element("div").classes("stopped").props("role=alert") as self._bar:
            html("", drawings.mark("blocked"), tag="span")
            self._since = ui.label().classes("grow")
            button("Resume …", self._ask, "switch solid")
        self._bar.set_visibility(False)
        self._button: ui.element | None = None
        self._dialog = _Dialog(self._confirmed)

    def button(self) -> None:
        """Makes the button that stops, where the caller is."""
        self._button = button("Stop paper trading …", self._ask, "switch kill")
        with self._button:
            html("", drawings.mark("blocked"), tag="span").move(target_index=0)

    def show(self, switch: KillSwitch, held: int) -> None:
        """As it stands, with so many positions held in all."""
        self._on, self._held = switch.on, held
        self._bar.set_visibility(switch.on)
        if self._button is not None:
            self._button.set_visibility(not switch.on)
        since = ""
        if switch.since_ms is not None:
            at = formats.moment(switch.since_ms, self._viewer.zone)
            since = f" since {at} {self._viewer.zone_label}"
        by = f", by {switch.by}" if switch.by else ""
        why = f": {switch.reason}" if switch.reason else ""
        self._since.set_text(f"Paper trading is stopped{since}{by}{why}")

    def _ask(self) -> None:
        if self._on:
            self._dialog.ask(
                "Resume paper trading",
                "New signals that pass the rules open positions again, at live prices. What was "
                "closed stays closed.",
                RESUME,
            )
            return
        many = "1 position" if self._held == 1 else f"{self._held} positions"
        self._dialog.ask(
            "Stop paper trading",
            f"Closes {many} at the next price, in every account, and opens no more until a person "
            "resumes. It survives a restart.",
            STOP,
        )

    async def _confirmed(self, word: str, reason: str) -> None:
        if word == STOP:
            await asyncio.to_thread(self._paper.stop, BY, reason or "no reason given")
        else:
            await asyncio.to_thread(self._paper.resume, BY)
        await self._renew()


class _Dialog:
    """Asks for a word, letter by letter; nothing else lets it through."""

    def __init__(self, confirmed: Callable[[str, str], Awaitable[None]]) -> None:
        self._confirmed = confirmed
        self._box = ui.dialog()

    def ask(self, title: str, effect: str, word: str) -> None:
        """Opens it."""

        async def attempt() -> None:
            if (typed.value or "").strip() != word:
                wrong.set_text(f"Nothing was done: type {word} in capitals.")
                return
            self._box.close()
            await self._confirmed(word, (reason.value or "").strip())

        self._box.clear()
        with self._box, ui.element("div").classes("asks panel"):
            ui.label(title).classes("title")
            ui.label(effect)
            reason = ui.input("Reason, kept with it").props("dense outlined maxlength=200")
            reason.set_visibility(word == STOP)
            typed = ui.input(f"Type {word} to confirm").on("keydown.enter", attempt)
            typed.props("dense outlined autocomplete=off autofocus")
            wrong = ui.label().classes("crit").props("role=alert")
            with ui.element("div").classes("acts"):
                button("Cancel", self._box.close, "switch")
                button(title, attempt, "switch kill")
        self._box.open()
