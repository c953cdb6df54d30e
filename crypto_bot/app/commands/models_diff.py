"""`crypto-bot models diff A B`: in what two stored models differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from crypto_bot.app.commands.screen import screen
from crypto_bot.app.settings import Settings
from crypto_bot.app.wiring import model_registry
from crypto_bot.domain.errors import ModelMissing
from crypto_bot.domain.instant import instant
from crypto_bot.domain.interval import Interval
from crypto_bot.models import versions
from crypto_bot.models.artifact import METRICS, folder_of, read_file, verify
from crypto_bot.models.catalog import headline
from crypto_bot.models.meta import Meta

CHALLENGER = "challenger:"


def diff_models(settings: Settings, one: str, other: str) -> int:
    """Prints what differs between the models that are named, such as `BTCUSDT@3` and `BTCUSDT`.

    Raises ModelMissing, ModelIncompatible.
    """
    found = [dict(_facts(_named(settings, each))) for each in (one, other)]
    table = Table("", one, other)
    for name in dict.fromkeys((*found[0], *found[1])):
        pair = [each.get(name, "–") for each in found]
        if pair[0] != pair[1]:
            table.add_row(name, *pair)
    if table.row_count:
        screen().print(table)
    else:
        screen().print(f"{one} and {other} do not differ")
    return 0


def _named(settings: Settings, text: str) -> Path:
    """The version's folder: SYMBOL or pool, `@` a number, after `challenger:` that beside it."""
    beside = text.startswith(CHALLENGER)
    symbol, _, number = text.removeprefix(CHALLENGER).partition("@")
    root = model_registry(settings, challengers=beside).models_dir
    folder = folder_of(root, None if symbol == "pool" else symbol, settings.tf)
    if not number:
        now = versions.current(folder)
        if now is None:
            raise ModelMissing(f"{text} {settings.tf}: no model has been published")
        return now
    stored = [each for each in versions.versions(folder) if each.name.lstrip("0") == number]
    if not stored:
        held = ", ".join(each.name.lstrip("0") for each in versions.versions(folder)) or "none"
        raise ModelMissing(f"{text} {settings.tf}: there is no version {number}, but {held}")
    return stored[0]


def _facts(version: Path) -> Iterator[tuple[str, str]]:
    meta = verify(version)
    yield "version", meta.version
    yield "recipe", meta.recipe
    yield "parent", meta.parent or "none"
    yield "family", f"{meta.family_words}, {meta.window_bars} bars"
    yield "features", f"{meta.feature_set} {meta.schema_hash[:8]}, {len(meta.columns)} columns"
    yield "label", meta.label.words
    yield "data from", instant(meta.span.first_open_ms)
    yield "data until", instant(meta.span.last_open_ms)
    yield "candles", f"{meta.span.candles:,}"
    yield "trained", instant(meta.trained_ms)
    yield "trained with", ", ".join(meta.pooled_with)
    yield "seed", str(meta.seed)
    yield "code", meta.code_version
    yield "temperature", f"{meta.temperature:.4f}"
    yield "shrink", f"{meta.shrink:.4f}"
    yield "verdict", meta.verdict.value
    yield from _measured(version, meta)


def _measured(version: Path, meta: Meta) -> Iterator[tuple[str, str]]:
    held = headline(read_file(version, METRICS, meta))
    if held is None:
        return
    yield "test rows", f"{held.rows:,} of {held.days} days"
    for name, measure, scale in (
        ("skill against the prior, %", held.skill_prior, 100.0),
        ("skill against the climatology, %", held.skill_climatology, 100.0),
        ("direction AUC", held.direction_auc, 1.0),
    ):
        yield name, _shown(measure, scale)
    yield "calibration error", f"{held.ece:.4f}"
    for gate in meta.gates:
        yield f"gate {gate.name.replace('_', ' ')}", "passed" if gate.passed else "failed"


def _shown(measure: Interval, scale: float) -> str:
    value, low, high = (scale * each for each in measure)
    return f"{value:.4g} [{low:.4g}, {high:.4g}]"
