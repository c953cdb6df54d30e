"""The route that answers for one asset and one timeframe or horizon, in percent."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fastapi import FastAPI, HTTPException, status

from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.schemas import (
    REFUSALS,
    Directions,
    PredictAnswer,
    PredictCall,
    Problem,
)
from crypto_bot.domain.instant import instant
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.ports import OutlookLog, PredictionQueries, StoredSignal

KEPT_MS = 300_000
"""An answer is given again for five minutes of the engine's clock."""
_WORDS = {Pred.SHORT: "bearish", Pred.NO_TRADE: "neutral", Pred.LONG: "bullish"}


class _Kept(NamedTuple):
    at_ms: int
    stored: StoredSignal


def serve_predict(
    app: FastAPI,
    queries: PredictionQueries,
    coverage: Coverage,
    now_ms: Callable[[], int],
) -> None:
    """Adds `/predict`."""
    kept: dict[tuple[str, str], _Kept] = {}

    def newest(timeframe: str, symbol: str) -> StoredSignal:
        outlook = coverage.outlook.get(timeframe)
        if outlook is not None:
            return _of_outlook(outlook, symbol)
        if timeframe != coverage.horizon:
            coverage.require(timeframe)
        return newest_of(queries, symbol)

    @app.post("/predict", tags=["signals"], responses={400: {"model": Problem}, **REFUSALS})
    def predict(call: PredictCall) -> PredictAnswer:
        """The newest answer for one asset as bearish, neutral or bullish, in percent.

        `timeframe` is that of the engine, or the horizon of its models or of the daily ones.
        `as_of` is the close of the newest candle that the answer knows of, `age_s` how long ago
        that was. Of a model whose label has no neutral class it is the more probable side, whether
        or not a trade is worth its cost.
        """
        coverage.answers_for(call.timeframe)
        key = call.timeframe, coverage.symbol_of_asset(call.asset_symbol)
        at_ms = now_ms()
        known = kept.get(key)
        if known is None or at_ms - known.at_ms >= KEPT_MS:
            known = kept[key] = _Kept(at_ms, newest(*key))
        signal = known.stored.signal
        as_of_ms = coverage.timeframe_of(call.timeframe).close_of(signal.candle_open_ms)
        percent = [round(100 * each, 2) for each in signal.probabilities]
        pred = signal.pred
        if signal.probabilities.of(pred) == 0.0:
            pred = max(Pred, key=signal.probabilities.of)
        return PredictAnswer.model_validate(
            {
                "prediction": _WORDS[pred],
                "confidence": round(100 * signal.probabilities.of(pred), 2),
                "probabilities": Directions(
                    bearish=percent[0], neutral=percent[1], bullish=percent[2]
                ),
                "as_of": instant(as_of_ms),
                "age_s": max(0, at_ms - as_of_ms) / 1000,
            }
        )


def newest_of(queries: PredictionQueries, symbol: str) -> StoredSignal:
    """The newest signal of `symbol`. 404 where it has none."""
    stored = queries.latest_prediction(symbol)
    if stored is None:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"{symbol} has no signal yet: the first comes with its next closed candle",
        )
    return stored


def _of_outlook(outlook: OutlookLog, symbol: str) -> StoredSignal:
    """The newest answer of a model. 404 with the reason, and what to do, where there is none."""
    stored = outlook.queries.latest_prediction(symbol)
    if stored is not None and stored.signal.source is Source.DAILY_OUTLOOK:
        return stored
    entry = outlook.catalog.entry(symbol)
    reason, then = entry.reason, ""
    if entry.missing:
        then = f": train one with {outlook.training}"
    elif entry.served:
        declined = () if stored is None else stored.signal.declined
        reason = declined[-1].reason if declined else "its first answer is being made"
    raise HTTPException(
        status.HTTP_404_NOT_FOUND,
        f"no {outlook.horizon} answer for {symbol}: {reason}{then}",
    )
