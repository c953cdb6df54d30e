"""The one place that joins the core to concrete sources, stores and views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.views import RuleViews
from crypto_bot.ml.source import PerCoinModels
from crypto_bot.ports import Clock, Commits, SignalSink, SignalSource
from crypto_bot.services.cycle import Cycle
from crypto_bot.services.live_tracker import LiveTracker
from crypto_bot.services.signal_engine import SignalEngineService
from crypto_bot.services.track_record import TrackRecord
from crypto_bot.signals.analyzer import ProfessionalAnalyzer
from crypto_bot.signals.hold import Hold
from crypto_bot.signals.momentum import Momentum
from crypto_bot.signals.rsi_ma import RsiMa


class Core(NamedTuple):
    """The engine, joined; the same for the daemon and for a replay."""

    views: RuleViews
    record: TrackRecord
    tracker: LiveTracker
    cycle: Cycle


def build_core(
    settings: Settings,
    symbols: Sequence[str],
    clock: Clock,
    commits: Commits,
    sinks: Sequence[SignalSink] = (),
) -> Core:
    """Views, record, tracker and cycle with nothing in their memory yet."""
    timeframe = settings.timeframe
    views = RuleViews(symbols, timeframe)
    record = TrackRecord(settings.engine.record_lag_bars * timeframe.ms)
    tracker = LiveTracker(timeframe, record)
    engine = SignalEngineService(
        timeframe,
        sources(settings),
        record,
        horizon_bars=settings.engine.horizon_bars,
        cost_bps=settings.decision.cost_bps,
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
    return Core(views, record, tracker, cycle)


def sources(settings: Settings) -> list[SignalSource]:
    """The fallback chain, in the order in which it is asked."""
    timeframe = settings.timeframe
    rules: list[SignalSource] = [
        _analyzer(settings),
        RsiMa(),
        Momentum(timeframe),
        Hold(),
    ]
    if not settings.use_ml:
        return rules
    return [PerCoinModels(settings.models_dir, timeframe), *rules]


def _analyzer(settings: Settings) -> ProfessionalAnalyzer:
    threshold = settings.engine.analyzer_threshold
    if threshold is None:
        return ProfessionalAnalyzer(settings.timeframe)
    return ProfessionalAnalyzer(settings.timeframe, threshold)


def check_device(settings: Settings) -> None:
    """Raises ConfigError where `device` asks for CUDA and there is none."""
    if not settings.use_ml or settings.device != "cuda":
        return
    import torch  # noqa: PLC0415 - two seconds and 200 MB: only where a GPU was asked for

    if not torch.cuda.is_available():
        raise ConfigError(
            "device cuda: torch finds no CUDA GPU on this machine; use --device auto or cpu"
        )
