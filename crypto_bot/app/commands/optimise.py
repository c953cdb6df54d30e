"""`crypto-bot optimise`: a search for settings, judged on time that it has not seen."""

from __future__ import annotations

import json
import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.connection import folder_beside
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.search_page import again_words, better_words, search_page
from crypto_bot.adapters.web.search_page import search_sentence as sentence_of
from crypto_bot.app.backtest_files import ledger_of
from crypto_bot.app.commands.backtest import add_walk, past_of
from crypto_bot.app.commands.flags import Parser, add_settings, instant_of, path_of, settings_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.search_space import (
    FAMILY,
    Space,
    fragment,
    longest_bars,
    space_of,
    usual_values,
)
from crypto_bot.app.searches import Fits, Search, Trials
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols
from crypto_bot.backtesting.exported import search_json
from crypto_bot.backtesting.search import Judged, OuterFold, SearchFigures, Span, chosen_of, cut
from crypto_bot.backtesting.trials import Trial, judged, noted, tried
from crypto_bot.domain.candle import nothing_inside
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.labels.registered import LABELS
from crypto_bot.recipes.shipped import recipe as recipe_of

_STORAGE = "searches.db"


def optimise(argv: Sequence[str]) -> int:
    """Searches, judges once, and shows what the outer folds say. Raises ConfigError, StoreError."""
    flags = _parser().parse_args(argv)
    if flags.trials < 1:
        raise ConfigError(f"--trials {flags.trials}: use 1 or more")
    settings = settings_of(flags)
    # Workers take their copy: the class of settings that are read from files has no name.
    settings = Settings.model_construct(**{n: getattr(settings, n) for n in Settings.model_fields})
    account = _account(settings, flags.account)
    family = _family(settings, flags)
    space = space_of(flags.space, family)
    search, span = _search(settings, account, flags, space)
    folds = cut(span, flags.folds, _gap_ms(search, space), settings.timeframe.ms)
    figures = _figures(search, space, folds, flags)
    lines = fragment(settings, account, figures.settings)
    _print(figures, lines)
    usual = usual_values(settings, account, space, family)
    page = search_page(figures, shlex.join(["crypto-bot", "optimise", *argv]), lines, usual)
    held = search_json(figures, sentence_of(figures).text)
    _write(flags.report, page)
    _write(flags.json, json.dumps(held, indent=1, ensure_ascii=False) + "\n")
    _write(flags.toml, lines)
    return 0


def _parser() -> Parser:
    text = "Searches settings on earlier time, and judges them once on later time."
    parser = Parser(prog="crypto-bot optimise", description=text)
    stored = ("tf", "symbols_file", "database_url", "exchange")
    add_settings(parser, *stored, "models_dir", "recipe", "device")
    add = parser.add_argument
    add("--since", type=instant_of, help="first candle, ISO-8601 UTC")
    add("--until", type=instant_of, help="last candle, ISO-8601 UTC")
    add_walk(parser)
    add("--account", help="the paper account of the settings (default: the first)")
    add("--space", type=path_of, metavar="FILE.toml", help="what may change (default: shipped)")
    add("--trials", type=int, default=100, help="of each outer fold (default 100)")
    add("--folds", type=int, default=3, help="outer folds in the second half (default 3)")
    add("--max_workers", type=int, help="trials at a time (default: cores)")
    add("--seed", type=int, default=0)
    text = f"SQLite file of the trials, from which the same search resumes (default: {_STORAGE})"
    add("--storage", type=path_of, metavar="FILE", help=text)
    add("--report", type=path_of, metavar="FILE.html", help="all figures as one page")
    add("--json", type=path_of, metavar="FILE", help="all figures")
    add("--toml", type=path_of, metavar="FILE", help="the settings that were chosen last")
    return parser


def _account(settings: Settings, name: str | None) -> str:
    names = [each.name for each in settings.paper.accounts]
    if not names or (name is not None and name not in names):
        raise ConfigError(f"no paper account {name or ''}: there is {', '.join(names) or 'none'}")
    return names[0] if name is None else name


def _family(settings: Settings, flags: Namespace) -> dict[str, object]:
    """The settings of the family that a search may change; none where no model is fitted."""
    if flags.walk_forward is None or flags.family is None:
        return {}
    from crypto_bot.app.walks import settings_of_family  # noqa: PLC0415 - loads torch

    return settings_of_family(settings, flags.family)


def _search(
    settings: Settings, account: str, flags: Namespace, space: Space
) -> tuple[Search, Span]:
    symbols = load_symbols(settings.symbols_file)
    if flags.walk_forward is not None and flags.since is None:
        raise ConfigError("--walk_forward needs --since: the first model learns from before it")
    with closing(Database.open(settings.database_url, settings.engine_key)) as source:
        past, span_ms = past_of(settings, symbols, source, flags)
    past = replace(past, inside=nothing_inside)  # minutes are read from the database, now closed
    span = Span(*span_ms)
    models = fits = None
    if any(each.section == FAMILY for each in space):
        fits = Fits(candles=flags.candles, symbols=symbols, family=flags.family)
    elif flags.walk_forward is not None:
        from crypto_bot.app.walks import Asked, walked_models  # noqa: PLC0415 - loads torch

        days, workers = flags.walk_forward, flags.max_workers
        asked = Asked(*span, days=days, family=flags.family, max_workers=workers)
        models = walked_models(settings, flags.candles, symbols, asked)
    search = Search(
        settings=settings,
        account=account,
        past=past,
        since_ms=span.since_ms,
        walk_days=flags.walk_forward,
        models=models,
        fits=fits,
    )
    return search, span


def _gap_ms(search: Search, space: Space) -> int:
    """The purge and the embargo before an outer fold: of the longest trade, and a day at least."""
    settings, timeframe = search.settings, search.settings.timeframe
    longest_ms = longest_bars(settings, search.account, space) * timeframe.ms
    if search.walk_days is not None:
        label = LABELS.get(recipe_of(settings.recipe).outputs[0].label)
        longest_ms = max(longest_ms, label.horizon.ms(timeframe))
    return longest_ms + max(DAY_MS, longest_ms)


def _figures(
    search: Search, space: Space, folds: Sequence[OuterFold], flags: Namespace
) -> SearchFigures:
    """Searches and judges each fold; every trial is in the ledger before a result is shown."""
    settings, account = search.settings, search.account
    storage = flags.storage or folder_beside(settings.database_url) / _STORAGE
    workers = flags.max_workers or os.cpu_count() or 1
    name = search.identity(space, folds, flags.seed)
    at_ms, tf, found, lines = SystemClock().now_ms(), settings.tf, [], []
    with _progress(len(folds) * flags.trials) as on_trial:
        for number, fold in enumerate(folds):
            seed = flags.seed + number * flags.trials  # each fold draws its own
            trials = Trials(storage=storage, space=space, workers=workers, seed=seed)
            made = trials.run(f"{name}-{number}", search, fold.inner, flags.trials, on_trial)
            lines += [Trial(each.key, account, tf, *fold.searched, at_ms) for each in made]
            chosen, runs = chosen_of(made), {}
            for kind, values in chosen.items():
                runs[kind], key = search.judged(values, fold.outer)
                by = f"{name}/{flags.trials}"
                lines.append(Trial(key, account, tf, *fold.outer, at_ms, search=by))
            found.append(Judged(fold, chosen, runs))
    held = noted(ledger_of(settings), lines)
    first, last = folds[0], folds[-1].outer
    whole = Trial("", account, tf, first.searched.since_ms, last.until_ms, at_ms)
    return SearchFigures(
        account=account,
        timeframe=tf,
        coins=len(search.past.tables),
        models=search.words,
        made=len(folds) * flags.trials,
        tried=tried(held, whole),
        judged=judged(held, whole._replace(since_ms=first.outer.since_ms)),
        folds=found,
    )


@contextmanager
def _progress(trials: int) -> Iterator[Callable[[], None]]:
    if not sys.stdout.isatty():
        yield lambda: None
        return
    columns = TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("trials", total=trials)
        yield lambda: progress.advance(task)


def _print(figures: SearchFigures, lines: str) -> None:
    console, sentence = screen(), sentence_of(figures)
    console.print(f"[bold]{sentence.word}[/] {escape(sentence.rest)}")
    if again := again_words(figures):
        console.print(f"[bold]Not the first look.[/] {escape(again)}")
    table = Table(
        *("on the outer folds", "return", "drawdown", "Sharpe", "95 %", "deflated", "trades"),
        "above default, a year",
    )
    for each in figures.shown:
        table.add_row(
            each.name,
            formats.signed(100 * each.change, 2, "%"),
            formats.signed(-100 * each.drawdown, 1, "%"),
            formats.number(each.sharpe.value, 2),
            escape(formats.ends(each.sharpe, 2)),
            formats.probability(each.deflated_sharpe),
            formats.number(each.trades),
            escape(better_words(each)),
        )
    console.print(table)
    console.print("The settings of the newest search, for a settings file:")
    console.print(escape(lines), soft_wrap=True)


def _write(path: Path | None, text: str) -> None:
    """Raises ConfigError where the file cannot be written."""
    if path is None:
        return
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    screen().print(str(path), soft_wrap=True, highlight=False)
