"""The first link of the chain: the coin's own model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.signal import Call, Role, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import FEATURE_SETS, feature_set
from crypto_bot.models.registry import ServingPolicy
from crypto_bot.ports import CandleArchive, ModelCallLog
from crypto_bot.ports.market_data import Series
from crypto_bot.serving.model_states import ModelStates

if TYPE_CHECKING:
    from crypto_bot.models.artifact import PublishedModel
    from crypto_bot.serving.model_caller import ModelCaller


_WINDOW_BARS = 128
"""Candles after the warm-up that the first start brings at least for the windows of models."""


class Registry(Protocol):
    """What knows the model of each coin: `ModelRegistry`, or one that goes by a log."""

    @property
    def policy(self) -> ServingPolicy:
        """What may answer."""
        ...

    def find(self, symbol: str, open_ms: int) -> PublishedModel | SignalUnavailable:
        """The model that answers for this candle, or why there is none."""
        ...

    def leader(self, symbols: Sequence[str]) -> str | None:
        """The coin that the models of `symbols` look at beside their own."""
        ...


class PerCoinModels:
    """Answers for the coins that have a servable model in `registry`; observes every candle.

    `window_bars`: how many candles the models read that are expected there.
    Everything a call depends on is rebuilt from `archive` and `log` when it is first wanted. Until
    there is a model nothing of torch is imported.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        symbols: Sequence[str],
        timeframe: Timeframe,
        archive: CandleArchive,
        log: ModelCallLog | None,
        device: str,
        cost_bps: float,
        series: Mapping[str, Series] | None = None,
        source: Source = Source.ML_PER_COIN_V1,
        window_bars: int = _WINDOW_BARS,
        role: Role = Role.CHAMPION,
    ) -> None:
        self._source = source
        self._window_bars = max(window_bars, _WINDOW_BARS)
        self._registry = registry
        self._symbols = tuple(symbols)
        self._timeframe = timeframe
        self._archive = archive
        self._log = log
        self._device = device
        self._cost_bps = cost_bps
        self._series = series or {}
        self._caller: ModelCaller | None = None
        self._newest_ms: dict[str, int] = {}
        self._states = ModelStates(symbols, role)

    @property
    def source(self) -> Source:
        return self._source

    @property
    def history_bars(self) -> int:
        """Candles that give the features of a model whole windows: the archive is to hold them."""
        sets = map(feature_set, FEATURE_SETS.names())
        return max(each.warm_up_bars(self._timeframe) for each in sets) + self._window_bars

    @property
    def leader(self) -> str | None:
        """The coin without whose candle the published models cannot answer for any other."""
        return self._registry.leader(self._symbols)

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        self._caller = None
        if candles:
            self._newest_ms[symbol] = candles[-1].open_ms

    def observe(self, bar: Bar) -> None:
        self._newest_ms.update(dict.fromkeys(bar.candles, bar.open_ms))
        if self._caller is not None:
            self._caller.observe(bar)

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        found = {view.symbol: self._registry.find(view.symbol, view.open_ms) for view in views}
        self._states.seen(found)
        models = {s: m for s, m in found.items() if not isinstance(m, SignalUnavailable)}
        answers: dict[str, Call | SignalUnavailable] = {
            s: m for s, m in found.items() if isinstance(m, SignalUnavailable)
        }
        if models:
            caller = self._caller or self._new_caller()
            asked = [view for view in views if view.symbol in models]
            answers.update(caller.calls(asked, models, self._newest_ms))
        return [answers[view.symbol] for view in views]

    def prepare(self) -> None:
        """Computes what the next close can be answered without; leaving it out costs time alone."""
        self._states.flush()
        if self._caller is not None:
            self._caller.prepare()

    def _new_caller(self) -> ModelCaller:
        from crypto_bot.serving.model_caller import ModelCaller  # noqa: PLC0415 - torch: see the class

        self._caller = ModelCaller(
            symbols=self._symbols,
            timeframe=self._timeframe,
            archive=self._archive,
            log=self._log,
            device=self._device,
            cost_bps=self._cost_bps,
            policy=self._registry.policy,
            series=self._series,
            trades=self._source is not Source.DAILY_OUTLOOK,
        )
        return self._caller
