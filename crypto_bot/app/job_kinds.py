"""The jobs that may be started beside the engine, each a command of the terminal with choices."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from crypto_bot.app.commands.flags import flags_of
from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import JobError
from crypto_bot.domain.instant import DAY_MS, instant
from crypto_bot.domain.signal import Source
from crypto_bot.models.registry import challengers_dir
from crypto_bot.ports import CANDLES, TRAIN, JobField, JobForm
from crypto_bot.recipes.shipped import names
from crypto_bot.reports.log_export import LOG_FORMATS

Chosen = Mapping[str, str]
_MONTHS = 12
_DAYS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year", "1095": "3 years"}


_EXPORTED = [*((days, f"last {name}") for days, name in _DAYS.items()), ("", "all")]


class JobKind(NamedTuple):
    """A form, and the words of the command for what was chosen in it.

    `words(chosen, folder)`: the folder takes what it makes, the file `result(chosen)`.
    """

    form: JobForm
    words: Callable[[Chosen, Path], list[str]]
    result: Callable[[Chosen], str] = lambda _: ""


def job_kinds(
    settings: Settings, now_ms: Callable[[], int], exchange_url: Callable[[], str | None]
) -> dict[str, JobKind]:
    """Those of an engine with these settings and the market's clock, by name, as of now.

    `exchange_url`: where its exchange is, for a simulated market is the one that is running.
    """
    kinds = (
        _train(settings),
        _candles(settings, exchange_url),
        _backtest(settings, now_ms),
        _export(settings, now_ms),
    )
    return {kind.form.kind: kind for kind in kinds}


def checked(form: JobForm, chosen: Chosen) -> dict[str, str]:
    """One option of each field, the usual one where none is chosen. Raises JobError."""
    if unknown := set(chosen) - {field.name for field in form.fields}:
        raise JobError(f"{form.title} has no choice '{min(unknown)}'")
    found = {}
    for field in form.fields:
        options = [value for value, _ in field.options]
        found[field.name] = chosen.get(field.name, options[0])
        if found[field.name] not in options:
            raise JobError(f"{field.title}: '{found[field.name]}' is none of {', '.join(options)}")
    return found


def _days(name: str, title: str, *days: str) -> JobField:
    return JobField(name, title, [(each, _DAYS[each]) for each in days])


def _train(settings: Settings) -> JobKind:
    own = settings.recipe
    recipes = [own, *(name for name in names() if name != own)]
    fields = [
        JobField("recipe", "Recipe", [(name, name.replace("_", " ")) for name in recipes]),
        JobField(
            *("role", "What passes"),
            [("champion", "is served at once"), ("challenger", "answers beside, to be compared")],
        ),
        JobField("resume", "A run that did not end", [("0", "begins anew"), ("1", "goes on")]),
    ]
    folders = {"champion": settings.models_dir, "challenger": challengers_dir(settings.models_dir)}
    does = "Trains, tests and publishes the models of every coin, and leaves a core to the engine."
    workers = max(1, len(os.sched_getaffinity(0)) - 1)

    def words(chosen: Chosen, _: Path) -> list[str]:
        shared = ["device", "symbols_file", "models_dir", "database_url", "exchange"]
        if chosen["recipe"] == own:  # others bring a timeframe of their own
            shared.append("tf")
        named = [] if chosen["recipe"] == names()[0] else ["--recipe", chosen["recipe"]]
        asked = settings.model_copy(update={"models_dir": folders[chosen["role"]]})
        resumed = ["--resume", "1"] if chosen["resume"] == "1" else []
        if chosen["role"] == "challenger":  # it is wanted because the one that answers is not new
            resumed += ["--force", "1"]
        most = ["--max_workers", str(workers)]
        return ["train", "all", *named, *flags_of(asked, *shared), *most, *resumed]

    return JobKind(JobForm(TRAIN, "Training", does, fields), words)


def _candles(settings: Settings, exchange_url: Callable[[], str | None]) -> JobKind:
    does = "Fetches candles from the exchange up to now, and so far back."
    shared = "tf", "symbols_file", "database_url", "exchange", "exchange_url"
    form = JobForm(CANDLES, "Candles", does, [_days("days", "Back to", "90", "365", "1095")])

    def words(chosen: Chosen, _: Path) -> list[str]:
        at = settings.exchange.model_copy(update={"url": exchange_url()})
        named = flags_of(settings.model_copy(update={"exchange": at}), *shared)
        return ["candles", "sync", "--days", chosen["days"], *named]

    return JobKind(form, words)


def _backtest(settings: Settings, now_ms: Callable[[], int]) -> JobKind:
    does = "Runs the rules, models and paper accounts over the stored candles."
    shared = "tf", "symbols_file", "database_url", "exchange", "models_dir", "recipe", "device"
    ways = JobField(
        *("sources", "Sources"),
        [
            ("published", "published models, then rules"),
            ("rules", "rules alone"),
            ("walk", "models fitted anew every 30 days"),
        ],
    )
    spans = _days("days", "Last", "7", "30", "90", "365")
    form = JobForm("backtest", "Backtest", does, [spans, ways])

    def words(chosen: Chosen, _: Path) -> list[str]:
        wanted = ["--since", _day(now_ms(), chosen["days"])]
        if chosen["sources"] == "walk":
            wanted += ["--walk_forward", "30d", "--family", "lightgbm"]
        wanted += ["--use_ml", str(int(chosen["sources"] == "published"))]
        return ["backtest", *wanted, *flags_of(settings, *shared)]

    return JobKind(form, words)


def _export(settings: Settings, now_ms: Callable[[], int]) -> JobKind:
    does = "Writes the predictions with their outcomes to a file."
    sources = [("", "all"), *((each.value, each.value) for each in Source)]
    months = _months(now_ms())
    form = JobForm(
        *("export", "Export", does),
        [
            JobField("time", "Time", [*_EXPORTED, *((each, _title(each)) for each in months)]),
            JobField("source", "Source", sources),
            JobField("format", "File", [(name, name) for name in LOG_FORMATS.names()]),
        ],
    )

    def words(chosen: Chosen, folder: Path) -> list[str]:
        wanted = [str(folder / _exported(chosen))]
        if chosen["time"] in months:
            wanted += ["--since", chosen["time"], "--until", _after(chosen["time"])]
        elif chosen["time"]:
            wanted += ["--since", _day(now_ms(), chosen["time"])]
        if chosen["source"]:
            wanted += ["--source", chosen["source"]]
        return ["export", *wanted, *flags_of(settings, "tf", "database_url", "exchange")]

    return JobKind(form, words, _exported)


def _exported(chosen: Chosen) -> str:
    return f"predictions.{chosen['format']}"


def _months(now_ms: int) -> list[str]:
    """The first days of the month of now and of those before it."""
    first = datetime.fromtimestamp(now_ms / 1000, UTC).date().replace(day=1)
    found = [first]
    while len(found) < _MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return [each.isoformat() for each in found]


def _after(month: str) -> str:
    return (date.fromisoformat(month) + timedelta(days=31)).replace(day=1).isoformat()


def _title(month: str) -> str:
    """`July 2025`, which is found by the key `J` in a list."""
    return f"{date.fromisoformat(month):%B %Y}"


def _day(now_ms: int, days: str) -> str:
    return instant(now_ms - int(days) * DAY_MS)[:10]
