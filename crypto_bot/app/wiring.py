"""Composition root: connects the core to concrete sources, stores and views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.market_data import open_series
from crypto_bot.app.served_recipe import served_recipe
from crypto_bot.app.settings import Settings
from crypto_bot.backtesting.columns import ColumnEngine, Models
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Role, Source
from crypto_bot.engine.candle_intake import CandleIntake
from crypto_bot.engine.catch_up import CatchUp
from crypto_bot.engine.cycle import Cycle
from crypto_bot.engine.live_tracker import LiveTracker
from crypto_bot.engine.shared_views import SharedViews
from crypto_bot.engine.signal_engine import SignalEngineService
from crypto_bot.engine.track_record import TrackRecord
from crypto_bot.features.views import RuleViews
from crypto_bot.models.catalog import PublishedCatalog, SwitchedOff
from crypto_bot.models.registry import ModelRegistry, ServingPolicy, challengers_dir
from crypto_bot.models.verdict import Verdict
from crypto_bot.ports import (
    CandleArchive,
    CandleFeed,
    Clock,
    Commit,
    Commits,
    MarketViews,
    ModelCallLog,
    ModelCatalog,
    ModelSource,
    SignalSink,
    SignalSource,
)
from crypto_bot.recipes.shipped import recipe as recipe_of
from crypto_bot.serving.model_source import PerCoinModels, Registry
from crypto_bot.signals.analyzer import THRESHOLD, ProfessionalAnalyzer
from crypto_bot.signals.hold import Hold
from crypto_bot.signals.momentum import Momentum
from crypto_bot.signals.rsi_ma import RsiMa
from crypto_bot.statistics.recalibration import Recalibrations

PATIENCE_S = 3.0
"""How long coins whose candles have arrived wait for the others."""


class Core(NamedTuple):
    """The connected parts of the engine; the same for the daemon and for a replay."""

    views: MarketViews
    models: ModelSource | None
    """None if models are switched off."""
    record: TrackRecord
    tracker: LiveTracker
    cycle: Cycle


def build_core(
    settings: Settings,
    symbols: Sequence[str],
    clock: Clock,
    commits: Commits,
    *,
    archive: CandleArchive,
    sinks: Sequence[SignalSink] = (),
    log: ModelCallLog | None = None,
    registry: Registry | None = None,
    models: ModelSource | None = None,
    challengers: Registry | None = None,
    outlook: bool = False,
) -> Core:
    """Views, models, record, tracker and cycle, all of them empty.

    `log` is where earlier scores are reloaded from; `registry` replaces that of the models folder,
    `models` all that answers before the rules; the models of `challengers` answer beside. In an
    `outlook` there are no rules.
    """
    timeframe = settings.timeframe
    of = partial(_models, settings, symbols, archive=archive, outlook=outlook)
    if settings.use_ml and models is None:
        models = of(Role.CHAMPION, log=log, registry=registry)
    beside = of(Role.CHALLENGER, log=None, registry=challengers) if challengers else None
    fallback = [Hold()] if outlook else rules(settings)
    served = [models] if models else []
    views = SharedViews(RuleViews(symbols, timeframe), [*served, *([beside] if beside else [])])
    lag_ms = settings.engine.record_lag_bars * timeframe.ms
    wanted = settings.models.recalibrate and not outlook
    record = TrackRecord(lag_ms, Recalibrations(lag_ms) if wanted else None)
    tracker = LiveTracker(timeframe, record)
    engine = SignalEngineService(
        *(timeframe, [*served, *fallback], record, settings.engine.horizon_bars),
        cost_bps=settings.decision.cost_bps,
        engine=settings.engine_key.name,
        challengers=beside,
    )
    cycle = Cycle(
        timeframe=timeframe,
        clock=clock,
        views=views,
        tracker=tracker,
        engine=engine,
        commits=commits,
        sinks=sinks,
        late_after_ms=settings.late_after_ms,
    )
    return Core(views, models, record, tracker, cycle)


def _models(
    settings: Settings,
    symbols: Sequence[str],
    role: Role,
    *,
    archive: CandleArchive,
    log: ModelCallLog | None,
    registry: Registry | None,
    outlook: bool,
) -> PerCoinModels:
    if outlook:
        source, bars = Source.DAILY_OUTLOOK, recipe_of(settings.outlook.recipe).window_bars
    else:
        served = served_recipe(settings)
        source, bars = served.source, served.window_bars
    return PerCoinModels(
        registry=registry or model_registry(settings),
        symbols=symbols,
        timeframe=settings.timeframe,
        archive=archive,
        log=log,
        device=settings.device,
        cost_bps=settings.decision.cost_bps,
        series={**open_series(settings), **archive.series},
        source=source,
        window_bars=bars,
        role=role,
    )


def build_catch_up(
    settings: Settings,
    symbols: Sequence[str],
    clock: Clock,
    database: Database,
    *,
    feed: CandleFeed,
    timer: Callable[[], float],
    sinks: Sequence[SignalSink] = (),
    observe: Callable[[Commit], None] | None = None,
    registry: Registry | None = None,
    challengers: Registry | None = None,
    patience_s: float = PATIENCE_S,
    outlook: bool = False,
) -> CatchUp:
    """The engine on `database` with candles from `feed`; call `recover` first.

    `observe` is called after each commit; `timer` returns seconds, for measuring durations;
    `registry`, `challengers` and `outlook` as in `build_core`.
    """
    timeframe, exchange = settings.timeframe, settings.exchange
    store = SqlPredictionStore(database, timeframe, observe)
    archive = SqlCandleArchive(database, timeframe)
    build = partial(build_core, settings, symbols, clock, store, archive=archive, sinks=sinks)
    core = build(log=store, registry=registry, challengers=challengers, outlook=outlook)
    intake = CandleIntake(
        *(timeframe, feed, clock),
        grace_ms=int(exchange.grace_s * 1000),
        poll_ms=int(exchange.poll_s * 1000),
    )
    return CatchUp(
        symbols=symbols,
        timeframe=timeframe,
        intake=intake,
        archive=archive,
        store=store,
        views=core.views,
        tracker=core.tracker,
        record=core.record,
        cycle=core.cycle,
        timer=timer,
        record_bars=settings.engine.record_bars,
        patience_s=patience_s,
        models=core.models,
    )


def rules(settings: Settings) -> list[SignalSource]:
    """The fallback chain after the models, in order."""
    return [*_deciding(settings), Hold()]


def _deciding(settings: Settings) -> tuple[ProfessionalAnalyzer, RsiMa, Momentum]:
    """The rules that call LONG and SHORT."""
    timeframe = settings.timeframe
    analyzer = ProfessionalAnalyzer(timeframe, settings.engine.analyzer_threshold or THRESHOLD)
    return analyzer, RsiMa(), Momentum(timeframe)


def column_engine(settings: Settings, models: Models | None = None) -> ColumnEngine:
    """The engine of the settings in columns, with calls of `models` made before."""
    return ColumnEngine(
        timeframe=settings.timeframe,
        rules=_deciding(settings),
        horizon_bars=settings.engine.horizon_bars,
        cost_bps=settings.decision.cost_bps,
        lag_bars=settings.engine.record_lag_bars,
        engine=settings.engine_key.name,
        models=models,
    )


def model_registry(settings: Settings, *, challengers: bool = False) -> ModelRegistry:
    """The published models of the recipe, or their challengers, under the settings' policy.

    Raises ConfigError.
    """
    models = settings.models
    policy = ServingPolicy(
        max_age_ms=int(models.max_age_days * DAY_MS),
        pool_max_age_ms=int(models.pool_max_age_days * DAY_MS),
        served=Verdict(models.served),
        traded=Verdict(models.traded),
        simulated=settings.simulated,
    )
    if challengers:
        root = challengers_dir(settings.models_dir)
        settings = settings.model_copy(update={"models_dir": root})
    return ModelRegistry(served_recipe(settings).models_dir, settings.timeframe, policy)


def model_catalog(
    registry: ModelRegistry | None,
    symbols: Sequence[str],
    newest_open_ms: Callable[[], int],
    challengers: ModelRegistry | None = None,
) -> ModelCatalog:
    """What `registry` serves to `symbols` for the newest closed candle; None: nothing."""
    if registry is None:
        return SwitchedOff()
    return PublishedCatalog(registry, symbols, newest_open_ms, challengers)
