"""System: jobs beside the engine, the newest lines of its log, the settings that it runs with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from markupsafe import Markup
from nicegui import ui

from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.figures import empty_state, html, panel
from crypto_bot.adapters.web.page.job_panels import JobPanels
from crypto_bot.adapters.web.page.markup import Column, Table, pieces
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.adapters.web.templating import render
from crypto_bot.ports import LogLine, SettingLine

PATH = "/system"
_PARTS = {"jobs": "Jobs", "log": "Engine's log", "settings": "Settings"}
_LEVELS = ("debug", "info", "warning", "error")
_COUNTS = ("200", "1000", "2000")
_COLOURS = {"warning": "warn", "error": "crit", "critical": "crit"}


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """One of the parts, named in the address."""
    part = asked["part"] if asked.get("part") in _PARTS else "jobs"
    html("", render("parts.html", path=PATH, parts=_PARTS, here=part))
    if part == "settings":
        _settings(board.setting_lines)
    elif part == "log":
        _log(board, viewer, asked)
    elif board.jobs is None:
        empty_state("No jobs", "They are started beside an engine.")
    else:
        panels = JobPanels(board.jobs, viewer)
        await panels.refresh()
        board.beaten.subscribe(panels.refresh)


def _settings(lines: Sequence[SettingLine]) -> None:
    sections: dict[str, list[SettingLine]] = {}
    for line in lines:
        sections.setdefault(line.name.rpartition(".")[0], []).append(line)
    ui.label(
        "As this engine runs with them, read once at its start. A flag is stronger than the "
        "environment, that than the settings file, that than the default."
    ).classes("muted note")
    for section, held in sections.items():
        with panel(section or "All"):
            html("scrolls", _SETTINGS.of(held))


def _with_code(text: str) -> Markup:
    """`text` with what stands in backticks as code."""
    code = Markup("<code>{}</code>")
    parts = enumerate(text.split("`"))
    return Markup().join(code.format(part) if at % 2 else part for at, part in parts)


_SETTINGS = Table[SettingLine](
    Column("Setting", lambda line: line.name.rpartition(".")[2]),
    Column("Set to", lambda line: line.value, "", "words strong"),
    Column(
        "From", lambda line: pieces.tag(line.source, "muted" if line.source == "default" else "")
    ),
    Column("Meaning", lambda line: _with_code(line.meaning), "more", "words muted"),
    kind="settings",
)


def _log(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    level = asked["level"] if asked.get("level") in _LEVELS else ""
    count = asked["lines"] if asked.get("lines") in _COUNTS else _COUNTS[0]
    kind, text = asked.get("kind", ""), asked.get("text", "").strip()
    kinds = sorted({kind, *(line.kind for line in board.log_lines())} - {""})
    choices = (
        ("level", "From level", [("", "all"), *zip(_LEVELS[1:], _LEVELS[1:], strict=True)], level),
        ("kind", "Kind", [("", "all"), *zip(kinds, kinds, strict=True)], kind),
        ("lines", "Lines", list(zip(_COUNTS, _COUNTS, strict=True)), count),
    )
    html("", render("system_log.html", path=PATH, choices=choices, text=text))
    lowest = _LEVELS.index(level) if level else 0
    with ui.element("div").classes("panel"):
        shown = html("scrolls log-lines")
    before: Sequence[LogLine] | None = None

    def follow() -> None:
        nonlocal before
        found = [
            line
            for line in board.log_lines()
            if (line.level not in _LEVELS or _LEVELS.index(line.level) >= lowest)
            and kind in {"", line.kind}
            and text.lower() in line.text.lower()
        ][-int(count) :][::-1]
        if found != before:
            before = found
            shown.set_content(_lines(found, viewer))

    follow()
    board.beaten.subscribe(follow)


def _lines(lines: Sequence[LogLine], viewer: Viewer) -> Markup:
    def at(line: LogLine) -> str:
        return f"{datetime.fromisoformat(line.at).astimezone(viewer.zone):%Y-%m-%d %H:%M:%S}"

    return Table[LogLine](
        Column(f"Logged, {viewer.zone_label}", at, "", "muted"),
        Column("Level", lambda line: pieces.tag(line.level, _COLOURS.get(line.level, "muted"))),
        Column("Kind", lambda line: line.kind, "more", "muted"),
        Column("Event", lambda line: line.text, "", "words"),
        nothing="No line matches. The engine keeps its newest 2,000.",
    ).of(lines)
