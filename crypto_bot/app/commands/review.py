"""`crypto-bot review`: the main tables of the review page, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.sentences import verdict_sentence
from crypto_bot.app.commands.flags import Parser, add_settings, settings_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.outlook import add_horizon, opened_log
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import model_catalog, model_registry
from crypto_bot.domain.interval import UNKNOWN
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.signal import Pred
from crypto_bot.reports.live_record import (
    LiveRecord,
    PerformanceReport,
    Selection,
    SourceGroup,
    Window,
)
from crypto_bot.statistics.breakdown import Line
from crypto_bot.statistics.loss_curve import ROLLING_DAYS
from crypto_bot.statistics.reliability import Reliability
from crypto_bot.statistics.standing import Standing

_WINDOWS: Mapping[str, Window] = {each.value.replace(" ", ""): each for each in Window}
_GROUPS = {"all": SourceGroup.ALL, "ml": SourceGroup.MODELS, "rules": SourceGroup.RULES}
_SIDES = {"both": None, "long": Pred.LONG, "short": Pred.SHORT}
_STYLES = {Standing.ABOVE: "bold", Standing.BELOW: "bold", Standing.TOO_FEW: "dim"}


def review(argv: Sequence[str]) -> int:
    """Prints the record of a database. Raises ConfigError, StoreError."""
    flags = _parser().parse_args(argv)
    selection = Selection(_WINDOWS[flags.window], _GROUPS[flags.source], _SIDES[flags.side])
    with opened_log(settings_of(flags), flags.horizon) as (settings, database):
        queries = SqlPredictionQueries(database, settings.timeframe)
        opens = [stored.signal.candle_open_ms for stored in queries.latest_predictions()]
        now_ms = settings.timeframe.close_of(max(opens, default=0))
        newest_ms = settings.timeframe.last_closed(now_ms)
        registry = model_registry(settings) if settings.use_ml else None
        symbols = load_symbols(settings.symbols_file) if settings.use_ml else ()
        catalog = model_catalog(registry, symbols, lambda: newest_ms)
        report = LiveRecord(queries, catalog, lambda: now_ms).report(selection, now_ms)
    console = screen()
    if not opens:
        console.print(f"no prediction of {settings.tf} in {database.name}: start the engine first")
        return 0
    _show(console, report, settings.decision.cost_bps)
    if settings.use_ml:
        console.print(_models(catalog.entries()))
    return 0


def _parser() -> Parser:
    text = "Live results of each source, coin and model."
    parser = Parser(prog="crypto-bot review", description=text)
    stored = ("tf", "symbols_file", "database_url", "exchange")
    add_settings(parser, *stored, "use_ml", "models_dir", "recipe")
    add_horizon(parser)
    for flag, options, default in (
        ("--window", _WINDOWS, "30d"),
        ("--source", _GROUPS, "all"),
        ("--side", _SIDES, "both"),
    ):
        text = f"default {default}"
        parser.add_argument(flag, choices=tuple(options), default=default, help=text)
    return parser


def _show(console: Console, report: PerformanceReport, cost_bps: float) -> None:
    selection = report.selection
    side = "both sides" if selection.side is None else selection.side.value
    console.print(f"[bold]{selection.window}, {selection.group}, {side}[/]")
    verdict = verdict_sentence(
        report.trades.record, report.trades.calls, "A call resolves within its horizon."
    )
    console.print(f"[bold]{verdict.word}[/] {escape(verdict.rest)}", highlight=False)
    console.print(_lines("source", [*report.by_source, report.random_side]))
    console.print(_lines("coin", report.by_coin))
    console.print(_lines("ATR over price", report.by_volatility))
    console.print(_confusion(report.confusion))
    for name, found in (("long", report.long), ("short", report.short)):
        console.print(f"P({name}) of {report.predicted_by}: {_calibration(found)}")
    console.print(_loss(report))
    console.print(
        "Consecutive calls of one side of a coin are one episode; all is after the cost that is "
        f"stored with each, {cost_bps:g} bp a round trip as it is set now.",
        style="dim",
    )


def _lines(of: str, lines: Sequence[Line]) -> Table | str:
    if not lines:
        return f"by {of}: no LONG or SHORT of this selection has been resolved"
    table = Table(of)
    for name in ("episodes", "calls", "hit rate", "95 %", "break-even"):
        table.add_column(name, justify="right")
    table.add_column("against it")
    table.add_column("mean, net", justify="right")
    for line in lines:
        table.add_row(
            escape(line.name),
            f"{line.n:,}",
            f"{line.calls:,}",
            formats.rate(line.rate.value, line.n),
            escape(formats.interval(line.rate, line.n)),
            formats.percent(line.break_even),
            f"[{_STYLES.get(line.standing, 'none')}]{line.standing}[/]",
            formats.signed(line.mean_r.value, 2, "R"),
        )
    return table


def _confusion(counts: Sequence[Sequence[int]]) -> Table:
    table = Table("label", *(f"called {pred}" for pred in Pred))
    for pred, row in zip(Pred, counts, strict=True):
        table.add_row(pred, *(f"{count:,}" for count in row))
    return table


def _calibration(found: Reliability) -> str:
    if found.leaning is None:
        return f"n {found.n:,}, too few to say"
    return f"calibration error {found.error:.3f}, noise floor {found.floor:.3f} ({found.leaning})"


def _loss(report: PerformanceReport) -> str:
    if not report.loss:
        return "log loss: no 4 days yet with calls that come after others"
    last = report.loss[-1]
    found = last.difference.scaled(100.0)
    reach = f" {escape(formats.ends(found, 1))}" if found.is_bounded else ""
    return (
        f"log loss {last.loss:.3f}, baseline {last.baseline:.3f} over {ROLLING_DAYS} days: "
        f"{formats.signed(found.value, 1, '%')}{reach} (below 0 is better)"
    )


def _models(entries: Sequence[ModelEntry]) -> Table:
    table = Table("coin", "verdict", "skill, 95 %", "direction AUC", "version", "reason")
    for entry in sorted(entries, key=lambda each: (each.card is None, each.symbol)):
        card = entry.card
        metrics = card.metrics if card else None
        skill = (metrics.skill_prior if metrics else UNKNOWN).scaled(100.0)
        auc = metrics.direction_auc if metrics else UNKNOWN
        table.add_row(
            entry.symbol,
            card.verdict if card else "–",
            escape(f"{formats.signed(skill.value, 2, '%')} {formats.ends(skill, 2)}"),
            formats.number(auc.value, 3),
            escape(card.version) if card else "–",
            escape(entry.reason),
        )
    return table
