"""Routes of the newest signals."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException, status

from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.schemas import (
    REFUSALS,
    Directions,
    PredictAnswer,
    PredictCall,
    Predictions,
    Problem,
    SignalBody,
)
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import PredictionQueries, StoredSignal

_WORDS = {Pred.SHORT: "bearish", Pred.NO_TRADE: "neutral", Pred.LONG: "bullish"}


def serve_predictions(app: FastAPI, queries: PredictionQueries, coverage: Coverage) -> None:
    """Adds `/api/predictions`, `/api/predictions/{symbol}` and `/predict`."""

    def newest(symbol: str) -> StoredSignal:
        stored = queries.latest_prediction(symbol)
        if stored is None:
            raise HTTPException(
                status.HTTP_404_NOT_FOUND,
                f"{symbol} has no signal yet: the first comes with its next closed candle",
            )
        return stored

    @app.get("/api/predictions", tags=["signals"])
    def predictions() -> Predictions:
        """The newest signal of each symbol that has one."""
        found = {each.signal.symbol: SignalBody.of(each) for each in queries.latest_predictions()}
        return Predictions(count=len(found), predictions=found)

    @app.get("/api/predictions/{symbol}", tags=["signals"], responses=REFUSALS)
    def prediction(symbol: str) -> SignalBody:
        """The newest signal of one symbol."""
        return SignalBody.of(newest(coverage.symbol(symbol)))

    @app.post("/predict", tags=["signals"], responses={400: {"model": Problem}, **REFUSALS})
    def predict(call: PredictCall) -> PredictAnswer:
        """The newest signal of one asset as bearish, neutral or bullish, in percent."""
        coverage.require(call.timeframe)
        signal = newest(coverage.symbol_of_asset(call.asset_symbol)).signal
        percent = [round(100 * each, 2) for each in signal.probabilities]
        return PredictAnswer.model_validate(
            {
                "prediction": _WORDS[signal.pred],
                "confidence": round(100 * signal.confidence, 2),
                "probabilities": Directions(
                    bearish=percent[0], neutral=percent[1], bullish=percent[2]
                ),
            }
        )
