"""Jobs: a form for each kind, and the newest ones with their progress."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from markupsafe import Markup
from nicegui import events, ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.figures import button, html, panel
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.markup import NOTHING, drawings, pieces
from crypto_bot.adapters.web.page.starting import start_job
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.ports import Job, JobForm, Jobs

_GLYPHS = {
    **dict.fromkeys(("running", "stopping"), ("clock", "")),
    "finished": ("tick", ""),
    "failed": ("cross", "crit"),
    "stopped": ("blocked", "warn"),
}
_UNDER_WAY = frozenset({"running", "stopping"})
_SHOWN_LINES = 24


class JobPanels:
    """Made once; `refresh` puts in how the jobs stand: all of them, or those of one `kind`."""

    def __init__(self, jobs: Jobs, viewer: Viewer, kind: str | None = None) -> None:
        self._jobs, self._viewer, self._kind = jobs, viewer, kind
        self._shown: Sequence[Job] = ()
        with ui.element("div").classes("job-forms"):
            for form in jobs.forms():
                if kind in {None, form.kind}:
                    with panel(form.title):
                        _Form(jobs, form, self.refresh)
        with panel("Jobs", "one at a time, the newest first") as self._panel:
            self._place = ui.element("div").classes("jobs")
        self._fill()

    async def refresh(self) -> None:
        """Reads how the jobs stand; they are drawn anew where something differs."""
        newest = await asyncio.to_thread(self._jobs.newest)
        found = [job for job in newest if self._kind in {None, job.kind}]
        if found != self._shown:
            self._shown = found
            self._fill()

    def _fill(self) -> None:
        self._panel.set_visibility(bool(self._shown) or self._kind is None)
        self._place.clear()
        with self._place:
            if not self._shown:
                html("empty muted", "No job has been started here yet.")
            shown = self._shown if self._kind is None else self._shown[:1]
            for at, job in enumerate(shown):
                with ui.element("div").classes("job"):
                    self._job(job, is_newest=at == 0)

    def _job(self, job: Job, *, is_newest: bool) -> None:
        html("job-line", _line(job, self._viewer))
        with ui.element("div").classes("acts"):
            if job.state in _UNDER_WAY:
                button("Cancel" if job.state == "running" else "End now", self._cancel, "switch")
            if job.result is not None:
                link = ui.link(f"Download {job.result.name}", shown_at(f"/jobs/{job.id}"))
                link.classes("switch").props("download")
            button("Copy command", partial(ui.clipboard.write, job.command), "switch")
        lines = "\n".join(job.lines[-_SHOWN_LINES:])
        is_open = is_newest and bool(lines)
        html("job-output", pieces.job_output(job.command, lines, is_open))

    async def _cancel(self) -> None:
        await asyncio.to_thread(self._jobs.cancel)
        await self.refresh()


class _Form:
    """The choices of a kind, the command that follows from them, and the button."""

    def __init__(self, jobs: Jobs, form: JobForm, refresh: Callable[[], Awaitable[None]]) -> None:
        self._jobs, self._form, self._refresh = jobs, form, refresh
        self._chosen = {field.name: field.options[0][0] for field in form.fields}
        ui.label(form.does).classes("muted")
        with ui.element("div").classes("filters"):
            for field in form.fields:
                select = html(
                    "", pieces.select(field.title, field.options, field.options[0][0]), tag="label"
                )
                choose = partial(self._choose, field.name)
                select.on("change", choose, js_handler="(event) => emit(event.target.value)")
        with ui.element("code").classes("command small"):
            self._command = ui.label(self._text())
        with ui.element("div").classes("acts"):
            button("Start", self._start, "switch solid")
            button("Copy command", lambda: ui.clipboard.write(self._text()), "switch")

    def _text(self) -> str:
        return self._jobs.command(self._form.kind, self._chosen)

    def _choose(self, name: str, event: events.GenericEventArguments) -> None:
        """What is no option of the form is refused where it is used; see `ports.Jobs`."""
        self._chosen[name] = str(event.args)
        self._command.set_text(self._text())

    async def _start(self) -> None:
        await start_job(self._jobs, self._form.kind, self._chosen)
        await self._refresh()


def _line(job: Job, viewer: Viewer) -> Markup:
    glyph, colour = _GLYPHS[job.state]
    steps = NOTHING
    if job.total:
        share = min(1.0, job.done / job.total)
        text = f"{formats.number(job.done)}/{formats.number(job.total)}{_left(job)}"
        steps = pieces.progress(drawings.level(share, "text"), text)
    state = pieces.tag(drawings.mark(glyph, colour) + f" {job.state}", colour)
    started = f"{formats.moment(job.started_ms, viewer.zone)} {viewer.zone_label}"
    return pieces.job(state, job.title, started, formats.age(job.seconds), steps)


def _left(job: Job) -> str:
    """The time left at the rate so far, while it runs."""
    if job.state != "running" or not 0 < job.done < job.total:
        return ""
    return f", about {formats.age(job.seconds * (job.total - job.done) / job.done)} left"
