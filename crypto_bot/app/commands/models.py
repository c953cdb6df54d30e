"""`crypto-bot models list | show | verify | rollback | … | export`: the published models."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.table import Table

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.commands.flags import Parser, add_settings, path_of, settings_of
from crypto_bot.app.commands.model_roles import POOL, change_role, show_history
from crypto_bot.app.commands.models_audit import (
    FAILED,
    Named,
    accept_model,
    audit_features,
    served_version,
)
from crypto_bot.app.commands.models_diff import diff_models
from crypto_bot.app.commands.models_export import add_export, export_model
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.served_recipe import of_recipe
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import model_registry
from crypto_bot.domain.errors import ModelMissing, SignalUnavailable
from crypto_bot.domain.instant import instant
from crypto_bot.domain.model_card import STALE
from crypto_bot.domain.symbol import symbol_named
from crypto_bot.labels.registered import LABELS
from crypto_bot.models import versions
from crypto_bot.models.artifact import (
    folder_of,
    load,
    published,
    read_meta,
    verify,
)
from crypto_bot.models.catalog import is_stale, served_words
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.models.meta import Meta
from crypto_bot.training.plan import LEAST_FOLDS

_STORED = ("tf", "database_url", "exchange")
_ROLES = ("promote", "demote", "history")
_SETTINGS = {
    **dict.fromkeys(("accept", "export"), (*_STORED, "models_dir")),
    **dict.fromkeys(_ROLES, (*_STORED, "models_dir", "symbols_file")),
    "audit": _STORED,
}
"""What these read beside their own flags; all others the folder of the models."""


def models(argv: Sequence[str]) -> int:
    """Runs one of them; 1 where something is refused or leaks. Raises ConfigError."""
    flags = _parser().parse_args(argv)
    asked = settings_of(flags)
    if flags.command in _ROLES:
        return _role(flags, asked)
    if flags.command == "diff":
        return diff_models(asked, flags.one, flags.other)
    settings = of_recipe(asked)
    if flags.command == "audit":
        return audit_features(flags, settings)
    names = published(settings.models_dir)
    names = names if flags.symbol is None else [_chosen(flags, settings, names)]
    if not names:
        raise ModelMissing(f"no model has been published in {settings.models_dir}")
    of_one: dict[str, Callable[[Settings, Named], int]] = {
        "show": _show,
        "rollback": _rollback,
        "accept": partial(accept_model, flags),
        "export": partial(_export, flags),
    }
    if flags.command in of_one:
        return of_one[flags.command](settings, names[0])
    return _list(settings, names) if flags.command == "list" else _verify(settings, names)


def _role(flags: argparse.Namespace, settings: Settings) -> int:
    symbol = flags.symbol
    if symbol is not None and symbol != POOL:
        symbol = _symbol(settings, symbol, published(settings.models_dir))
    if flags.command == "history":
        return show_history(settings, symbol)
    return change_role(settings, None if symbol == POOL else symbol, flags.command, flags.because)


def _chosen(flags: argparse.Namespace, settings: Settings, names: Sequence[Named]) -> Named:
    """The model of `--symbol`, or the pool that answers for it. Raises ModelMissing."""
    symbol = None if flags.symbol == POOL else _symbol(settings, flags.symbol, names)
    pool = (None, settings.tf)
    if (symbol, settings.tf) in names:
        return symbol, settings.tf
    if flags.command != "show" or pool not in names:
        raise ModelMissing(f"no model of {symbol} {settings.tf} in {settings.models_dir}")
    screen().print(f"{symbol} has no model of its own, {_stands_in(settings)}")
    return pool


def _stands_in(settings: Settings) -> str:
    """What the pool does for a coin without a model of its own."""
    words = served_words(model_registry(settings), None, _newest_ms(settings), ())
    return "the pool answers for it" if words.startswith("for") else f"and the pool is {words}"


def _newest_ms(settings: Settings) -> int:
    """The open of the newest closed candle: what a model is asked for now."""
    return settings.timeframe.last_closed(SystemClock().now_ms())


def _symbol(settings: Settings, text: str, names: Sequence[Named]) -> str:
    """The symbol that `text` names: BTCUSDT for BTC; `text` itself where there is none."""
    with_model = {symbol for symbol, _ in names if symbol is not None}
    return symbol_named(text, with_model | {*load_symbols(settings.symbols_file)}) or text


def _parser() -> Parser:
    parser = Parser(prog="crypto-bot models", description="The published models.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, does in (
        ("list", "every model, its verdict and whether it is served"),
        ("verify", "check the hash of every file of every version"),
        ("show", "one model, its gates and its versions"),
        ("rollback", "serve the version before the current one"),
        ("accept", "audit a BLOCKED model, and approve it manually"),
        ("audit", "look for features that use future candles"),
        ("export", "write a model as a file for other programs"),
        ("promote", "serve the challenger of a coin in place of its champion"),
        ("demote", "serve the version before the champion, which then answers beside it"),
        ("diff", "in what two stored models differ"),
        ("history", "every change of the model that is served, and what it was decided by"),
    ):
        command = commands.add_parser(name, help=does)
        add_settings(command, "recipe", *_SETTINGS.get(name, ("tf", "models_dir", "symbols_file")))
        _add_flags(command, name)
    return parser


def _add_flags(command: argparse.ArgumentParser, name: str) -> None:
    """Those of one command alone."""
    if name in {"show", "rollback", "accept", "export", "promote", "demote"}:
        command.add_argument("symbol", help="such as BTCUSDT, or pool")
    elif name == "history":
        command.add_argument("symbol", nargs="?", help="only this model")
    elif name == "diff":
        text = "such as BTCUSDT, pool, BTCUSDT@3 (its version 3) or challenger:BTCUSDT"
        command.add_argument("one", help=text)
        command.add_argument("other", help=text)
    elif name != "audit":
        command.add_argument("--symbol", help="only this model")
    if name == "accept":
        command.add_argument("--because", required=True, help="why it is sound; stored with it")
        text = "such as BTCUSDT,ETHUSDT; default the model's own"
        command.add_argument("--symbols", help=text)
    elif name == "audit":
        command.add_argument("--features", default="per_coin_v2", help="name of a feature set")
        command.add_argument("--label", choices=LABELS.names(), default="A")
        command.add_argument("--symbols", default="BTCUSDT", help="such as BTCUSDT,ETHUSDT")
    if name in {"promote", "demote"}:
        command.add_argument("--because", required=True, help="the reason; stored with it")
    elif name == "export":
        add_export(command)
    elif name in {"accept", "audit"}:
        text = "folder or file, instead of the database"
        command.add_argument("--candles", type=path_of, help=text)
        command.add_argument("--folds", type=int, default=LEAST_FOLDS)
        command.add_argument("--seed", type=int, default=0)


def _list(settings: Settings, names: Sequence[Named]) -> int:
    registry, followed = model_registry(settings), load_symbols(settings.symbols_file)
    newest_ms = _newest_ms(settings)
    table = Table("symbol", "tf", "version", "verdict", "data until", "label", "served")
    for symbol, tf in names:
        try:
            at = versions.current(folder_of(settings.models_dir, symbol, tf))
            meta = read_meta(at) if at else None
        except SignalUnavailable as error:
            table.add_row(symbol or POOL, tf, "", "", "", "", f"refused: {error}")
            continue
        if meta is None:
            table.add_row(symbol or POOL, tf, "", "", "", "", "refused: the link has no model")
            continue
        served, stale = f"with --tf {tf}", False
        if tf == settings.tf:
            served = served_words(registry, symbol, newest_ms, followed)
            stale = is_stale(registry, symbol, newest_ms)
        table.add_row(symbol or POOL, tf, *_brief(meta, stale=stale), served)
    screen().print(table)
    return 0


def _brief(meta: Meta, *, stale: bool = False) -> tuple[str, ...]:
    verdict = STALE if stale else meta.verdict.value
    return meta.version, verdict, instant(meta.span.last_open_ms), meta.label.name


def _show(settings: Settings, name: Named) -> int:
    folder = folder_of(settings.models_dir, *name)
    now = served_version(folder)
    meta = verify(now)
    span = meta.span
    first, last = instant(span.first_open_ms), instant(span.last_open_ms)
    console = screen()
    for label, value in (
        ("version", meta.version),
        ("family", f"{meta.family_words}, {meta.window_bars} bars"),
        ("can", FAMILIES.get(meta.family).capabilities.words),
        ("features", f"{meta.feature_set} {meta.schema_hash[:8]}, {len(meta.columns)} columns"),
        ("label", meta.label.words),
        ("data", f"{first} to {last}, {span.candles:,} candles"),
        ("trained", f"{instant(meta.trained_ms)}, seed {meta.seed}, code {meta.code_version}"),
        ("with", ", ".join(meta.pooled_with)),
        ("recipe", meta.recipe),
        ("parent", meta.parent or "none was served before it"),
        ("verdict", f"{meta.verdict.value}: {'; '.join(meta.reasons)}"),
        *_acceptance(meta),
    ):
        console.print(f"{label:<10}{value}", markup=False, highlight=False)
    table = Table("gate", "passed", "result")
    for gate in meta.gates:
        table.add_row(gate.name, "yes" if gate.passed else "NO", gate.words)
    console.print(table)
    for each in versions.versions(folder):
        mark = "*" if each.resolve() == now else " "
        console.print(f"{mark} {each.name}  {_summary(each)}", markup=False, highlight=False)
    return 0


def _acceptance(meta: Meta) -> list[tuple[str, str]]:
    if meta.accepted is None:
        return []
    because = ("accepted", f"manually, because: {meta.accepted.because}")
    return [because, *(("audit", each) for each in meta.accepted.audit)]


def _summary(version: Path) -> str:
    try:
        return "  ".join(_brief(read_meta(version)))
    except SignalUnavailable as error:
        return str(error)


def _rollback(settings: Settings, name: Named) -> int:
    back = versions.rollback(folder_of(settings.models_dir, *name))
    screen().print(f"served from the next candle on: {_summary(back)}", markup=False)
    return 0


def _verify(settings: Settings, names: Sequence[Named]) -> int:
    console, wrong, count = screen(), 0, 0
    for name in names:
        folder = folder_of(settings.models_dir, *name)
        try:
            now = served_version(folder)
            stored = versions.versions(folder)
        except SignalUnavailable as error:
            wrong += 1
            console.print(str(error), markup=False)
            continue
        for each in dict.fromkeys(each.resolve() for each in [*stored, now]):
            count += 1
            try:
                verify(each)
            except SignalUnavailable as error:
                wrong += 1
                console.print(str(error), markup=False)
    console.print(f"{count} versions of {len(names)} models: {wrong} refused")
    return FAILED if wrong else 0


def _export(flags: argparse.Namespace, settings: Settings, name: Named) -> int:
    now = served_version(folder_of(settings.models_dir, *name))
    return export_model(flags, settings, load(now, *name))
