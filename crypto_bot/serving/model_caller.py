"""From models and the newest candles to calls: windows, places, decisions and their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

import numpy as np

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.signal import Call, Pred, Probabilities
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.decision import Decision, decide, nearness, trailing_window
from crypto_bot.models.registry import ServingPolicy
from crypto_bot.models.verdict import Verdict
from crypto_bot.ports import CandleArchive, ModelCallLog
from crypto_bot.ports.market_data import Series
from crypto_bot.serving.feature_windows import FeatureWindows
from crypto_bot.serving.prediction_service import Prediction, PredictionService, Window
from crypto_bot.serving.trailing_scores import TrailingScores, score_behind
from crypto_bot.statistics.rows import score_of


class ModelCaller:
    """Calls of whatever models it is given at each close.

    With `trades` a call is a decision, which weighs cost and verdict; without, it is the most
    probable side.
    """

    def __init__(
        self,
        *,
        symbols: Sequence[str],
        timeframe: Timeframe,
        archive: CandleArchive,
        log: ModelCallLog | None,
        device: str,
        cost_bps: float,
        policy: ServingPolicy,
        series: Mapping[str, Series] | None = None,
        trades: bool = True,
    ) -> None:
        self._symbols = tuple(symbols)
        self._timeframe = timeframe
        self._archive = archive
        self._log = log
        self._cost_bps = cost_bps
        self._trailing_window = trailing_window(timeframe)
        self._policy = policy
        self._series = series or {}
        self._trades = trades
        self._service = PredictionService(device, timeframe.ms)
        self._windows: dict[str, FeatureWindows] = {}
        self._models: dict[str, PublishedModel] = {}
        self._trailing: dict[str, tuple[PublishedModel, TrailingScores]] = {}

    def observe(self, bar: Bar) -> None:
        """Takes in the candles of `bar`."""
        for windows in self._windows.values():
            windows.update(bar)

    def calls(
        self,
        views: Sequence[MarketView],
        models: Mapping[str, PublishedModel],
        newest_ms: Mapping[str, int],
    ) -> dict[str, Call | SignalUnavailable]:
        """A call for each view, from its model; `newest_ms` are the newest candles taken in."""
        self._serve(models)
        answers: dict[str, Call | SignalUnavailable] = {}
        ready: dict[str, Window] = {}
        for view in views:
            model = models[view.symbol]
            windows = self._windows_of(model)
            leader = feature_set(model.spec.features).leader
            leader_ms = view.open_ms if leader is None else newest_ms.get(leader, view.open_ms)
            windows.follow(view.symbol, view.open_ms, leader_ms)
            window = windows.window(view.symbol, model.spec.window_bars)
            if window is None:
                reason = windows.why_not(view.symbol, model.spec.window_bars)
                answers[view.symbol] = SignalUnavailable(reason)
            else:
                ready[view.symbol] = window
        predictions = self._service.predict_batch(ready) if ready else {}
        for view in views:
            if view.symbol in predictions:
                answers[view.symbol] = self._call(
                    view, models[view.symbol], predictions[view.symbol]
                )
        return answers

    def prepare(self) -> None:
        """Computes all that the next close does not change."""
        ready: dict[str, Window] = {}
        for symbol, model in self._models.items():
            windows = self._windows_of(model)
            window = windows.window(symbol, max(1, model.spec.window_bars - 1))
            if window is not None:
                ready[symbol] = window
        self._service.prepare(ready)

    def _serve(self, models: Mapping[str, PublishedModel]) -> None:
        """Adds `models` to what is served: coins that are not asked now keep theirs."""
        served = {**self._models, **models}
        self._models = {symbol: served[symbol] for symbol in self._symbols if symbol in served}
        self._service.serve(self._models)

    def _windows_of(self, model: PublishedModel) -> FeatureWindows:
        name = model.spec.features
        windows = self._windows.get(name)
        if windows is None or windows.bars < model.spec.window_bars:
            windows = self._windows[name] = FeatureWindows(
                feature_set(name),
                self._timeframe,
                self._symbols,
                model.spec.window_bars,
                self._archive.read,
                series=self._series,
            )
        return windows

    def _call(
        self, view: MarketView, model: PublishedModel, predicted: Prediction
    ) -> Call | SignalUnavailable:
        way, score = model.spec.label.direction, predicted.score
        if way is None or score is None:
            return SignalUnavailable(
                f"{model.name} predicts label {model.spec.label.name}, which has no direction"
            )
        sides = Probabilities(*(fsum(predicted.probabilities[k] for k in held) for held in way))
        reasons, near = [], None
        if self._trades:
            place, (pred, expected_bps) = self._decision(view, model, score)
            near = nearness(place, model.decision.tail)
            reasons.append(self._words(place, pred, expected_bps))
        else:
            pred, expected_bps = max(Pred, key=sides.of), None
            reasons.append(f"the most probable side after {model.spec.label.horizon}")
        verdict = model.meta.verdict
        if verdict is not Verdict.ACTIVE:
            reasons.append(f"the model is {verdict}: {'; '.join(model.meta.reasons)}")
        if model.symbol is None:
            reasons.append(f"the pool's model answers: {view.symbol} has no model of its own")
        reasons += [
            f"masked: {group} is not known at every close of the window"
            for group in self._windows_of(model).masked(view.symbol, model.spec.window_bars)
        ]
        withheld = self._policy.withheld(model)
        if self._trades and pred is not Pred.NO_TRADE and withheld is not None:
            reasons.append(withheld)
            pred, expected_bps = Pred.NO_TRADE, None
        return Call(
            pred=pred,
            reasons=tuple(reasons),
            distribution=sides.distribution,
            expected_bps=expected_bps,
            model_version=model.name,
            label=model.spec.label,
            near=near if pred is Pred.NO_TRADE else None,
        )

    def _decision(
        self, view: MarketView, model: PublishedModel, score: float
    ) -> tuple[float, Decision]:
        """The place of the score, which joins the trailing ones, and what follows from it."""
        trailing = self._trailing_of(view, model)
        place = trailing.place(view.open_ms, score)
        trailing.add(view.open_ms, score)
        rule, atr_bps = model.decision, 1e4 * view.atr / view.close
        return place, decide(place, rule.learned, atr_bps, self._cost_bps, rule.tail)

    def _words(self, place: float, pred: Pred, expected_bps: float | None) -> str:
        days = self._trailing_window.span_ms / DAY_MS
        cost_bps = self._cost_bps
        if np.isnan(place):
            return f"too few scores of {days:.0f} days to tell which of them are far out"
        if expected_bps is None or pred is Pred.NO_TRADE:
            return f"no trade is expected to earn its cost of {cost_bps:g} bp"
        return f"{expected_bps:+.0f} bp expected, cost {cost_bps:g}"

    def _trailing_of(self, view: MarketView, model: PublishedModel) -> TrailingScores:
        known = self._trailing.get(view.symbol)
        if known is not None and known[0] is model:
            return known[1]
        trailing = self._gathered(view, model)
        self._trailing[view.symbol] = (model, trailing)
        return trailing

    def _gathered(self, view: MarketView, model: PublishedModel) -> TrailingScores:
        """Scores of all candles before `view`: those of the artifact, then logged or made anew."""
        step_ms = self._timeframe.ms
        known = model.trailing
        end_ms = int(known.open_ms[-1]) if known.open_ms.size else model.span.last_open_ms
        since_ms = max(end_ms + step_ms, view.open_ms - self._trailing_window.span_ms)
        until_ms = view.open_ms - step_ms
        kept = known.open_ms < since_ms
        trailing = TrailingScores(known.open_ms[kept], known.score[kept], self._trailing_window)
        if since_ms > until_ms:
            return trailing
        logged = {}
        if self._log is not None:
            logged = {
                open_ms: score_behind(probabilities, model.calibration)
                for open_ms, probabilities in self._log.model_calls(
                    view.symbol, model.name, since_ms
                )
            }
        bars = model.spec.window_bars
        history = self._windows_of(model).history(
            view.symbol, since_ms - (bars - 1) * step_ms, until_ms
        )
        ends = np.flatnonzero((history.run >= bars) & (history.open_ms >= since_ms))
        made = np.array([logged.get(int(at), np.nan) for at in history.open_ms[ends]])
        lacking = np.isnan(made)
        if lacking.any():
            p = model.model.predict_proba(history.rows, ends[lacking])
            made[lacking] = score_of(p, model.spec.label)
        for at, score in zip(history.open_ms[ends].tolist(), made.tolist(), strict=True):
            trailing.add(at, score)
        return trailing
