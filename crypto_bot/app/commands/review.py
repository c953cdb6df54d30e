"""`crypto-bot review`: the main tables of the review page, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Event

from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.sentences import verdict_sentence
from crypto_bot.app.commands.flags import Parser, add_settings, settings_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.outlook import add_horizon, opened_log
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import model_catalog, model_registry
from crypto_bot.domain.errors import ConfigError
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

_LOOK_S = 2.0
_WINDOWS: Mapping[str, Window] = {each.value.replace(" ", ""): each for each in Window}
_GROUPS = {"all": SourceGroup.ALL, "ml": SourceGroup.MODELS, "rules": SourceGroup.RULES}
_SIDES = {"both": None, "long": Pred.LONG, "short": Pred.SHORT}
_STYLES = {Standing.ABOVE: "bold", Standing.BELOW: "bold", Standing.TOO_FEW: "dim"}


def review(argv: Sequence[str]) -> int:
    """Prints the record of a database. Raises ConfigError, StoreError."""
    flags = _parser().parse_args(argv)
    selection = Selection(_WINDOWS[flags.window], _GROUPS[flags.source], _SIDES[flags.side])
    console = screen()
    if flags.watch and not console.is_terminal:
        raise ConfigError("--watch draws on a terminal, and this output is none")
    with opened_log(settings_of(flags), flags.horizon) as (settings, database):
        log = _Log(settings, database)
        if not flags.watch:
            for part in log.parts(selection):
                console.print(part)
            return 0
        with (
            Live(console=console, screen=True, auto_refresh=False) as live,
            suppress(KeyboardInterrupt),
        ):
            while True:
                live.update(Group(*log.parts(selection)), refresh=True)
                Event().wait(_LOOK_S)
    return 0


class _Log:
    """What is printed of the log of an engine, which may go on meanwhile."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._queries = SqlPredictionQueries(database, settings.timeframe)
        self._close_ms = 0
        registry = model_registry(settings) if settings.use_ml else None
        symbols = load_symbols(settings.symbols_file) if settings.use_ml else ()
        timeframe = settings.timeframe
        self._catalog = model_catalog(
            registry, symbols, lambda: timeframe.last_closed(self._close_ms)
        )
        self._record = LiveRecord(self._queries, self._catalog, lambda: self._close_ms)

    def parts(self, selection: Selection) -> list[RenderableType]:
        """As of the newest candle that has signals. Raises StoreError."""
        opens = [stored.signal.candle_open_ms for stored in self._queries.latest_predictions()]
        if not opens:
            of = f"{self._settings.tf} in {self._database.name}"
            return [f"no prediction of {of}: start the engine first"]
        self._close_ms = self._settings.timeframe.close_of(max(opens))
        report = self._record.report(selection, self._close_ms)
        found = _parts(report, self._settings.decision.cost_bps)
        models = [_models(self._catalog.entries())] if self._settings.use_ml else []
        return [*found, *models]


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
    text = "stay, and follow the engine; Ctrl-C ends it"
    parser.add_argument("--watch", action="store_true", help=text)
    return parser


def _parts(report: PerformanceReport, cost_bps: float) -> list[RenderableType]:
    selection = report.selection
    side = "both sides" if selection.side is None else selection.side.value
    verdict = verdict_sentence(
        report.trades.record, report.trades.calls, "A call resolves within its horizon."
    )
    return [
        f"[bold]{selection.window}, {selection.group}, {side}[/]",
        f"[bold]{verdict.word}[/] {escape(verdict.rest)}",
        _lines("source", [*report.by_source, report.random_side]),
        _lines("coin", report.by_coin),
        _lines("ATR over price", report.by_volatility),
        _confusion(report.confusion),
        *(
            f"P({name}) of {report.predicted_by}: {_calibration(found)}"
            for name, found in (("long", report.long), ("short", report.short))
        ),
        _loss(report),
        (
            "[dim]Consecutive calls of one side of a coin are one episode; all is after the cost "
            f"that is stored with each, {cost_bps:g} bp a round trip as it is set now.[/]"
        ),
    ]


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
