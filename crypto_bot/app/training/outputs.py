"""All outputs of a recipe, one run after the other."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from crypto_bot.app.commands.screen import screen
from crypto_bot.app.logging import configure
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.run import FAILED, INTERRUPTED, Call, Ran, train
from crypto_bot.app.training.sources import Source
from crypto_bot.domain.errors import TrainingError
from crypto_bot.recipes.plans import folder_for
from crypto_bot.recipes.recipe import DEFAULT, Recipe
from crypto_bot.training import comparison, report, summary
from crypto_bot.training.comparison import OutputRun


def train_outputs(
    recipe: Recipe,
    symbols: tuple[str, ...],
    *,
    name: str,
    command: str,
    flags: argparse.Namespace,
    settings: Settings,
    must_train: bool,
    source: Source | None = None,
) -> int:
    """0 where every coin that could be trained was, 1 where one failed, 130 after Ctrl-C.

    `name` is that of the command, `source` a file that it reads candles from. Raises ConfigError
    for what cannot be done, before anything is read or written, and what `run.train` raises where
    the recipe has a single output.
    """
    configure(settings.log.level, settings.log.format)
    calls = []
    for output in recipe.outputs:
        folder = folder_for(settings.models_dir, recipe, output)
        own = settings.model_copy(update={"models_dir": folder})
        calls.append(Call(name, command, flags, own, recipe, output, symbols, must_train, source))
        calls[-1].plan(symbols)
    ran: list[tuple[Call, Ran]] = []
    for call in _left(calls) if flags.resume else calls:
        ran.append((call, _trained(call, alone=len(calls) == 1)))
        if ran[-1][1].code == INTERRUPTED:
            break
    _write(recipe, settings.models_dir, ran)
    for call, each in ran:
        if each.code == 0:
            call.store.clear()
    return max(each.code for _, each in ran)


def _write(recipe: Recipe, models_dir: Path, ran: Sequence[tuple[Call, Ran]]) -> None:
    """Writes the summary of what was trained, and the page beside it. Raises TrainingError."""
    runs = [
        OutputRun(call.output.horizon, call.output.label, each.summary, each.events)
        for call, each in ran
        if each.summary is not None
    ]
    if not runs:
        return
    if recipe.name == DEFAULT:
        only = runs[0].summary
        text, page = summary.as_text(only), report.page(only)
        path = summary.write(text, page, models_dir, only.finished_ms)
    else:
        folder = folder_for(models_dir, recipe, recipe.outputs[0]).parent
        path = comparison.write(recipe.name, recipe.title, runs, folder)
    screen().print(f"{path}\n{path.with_suffix('.html')}", soft_wrap=True, highlight=False)


def _left(calls: Sequence[Call]) -> Sequence[Call]:
    """From the first unfinished run on, where there is one: those before it were finished."""
    begun = [at for at, call in enumerate(calls) if call.store.identity() is not None]
    return calls[begun[0] :] if begun else calls


def _trained(call: Call, *, alone: bool) -> Ran:
    if alone:
        return train(call)
    sys.stdout.write(f"{call.recipe.name} {call.output.horizon}: {call.output.label}\n")
    try:
        return train(call)
    except TrainingError as error:
        sys.stderr.write(f"{call.recipe.name} {call.output.horizon}: {error}\n")
        return Ran(FAILED)
