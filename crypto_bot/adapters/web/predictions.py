"""Routes of the newest signals."""

from __future__ import annotations

from fastapi import FastAPI

from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.predict import newest_of
from crypto_bot.adapters.web.schemas import REFUSALS, Predictions, SignalBody
from crypto_bot.ports import PredictionQueries


def serve_predictions(app: FastAPI, queries: PredictionQueries, coverage: Coverage) -> None:
    """Adds `/api/predictions` and `/api/predictions/{symbol}`."""

    @app.get("/api/predictions", tags=["signals"])
    def predictions() -> Predictions:
        """The newest signal of each symbol that has one."""
        found = {each.signal.symbol: SignalBody.of(each) for each in queries.latest_predictions()}
        return Predictions(count=len(found), predictions=found)

    @app.get("/api/predictions/{symbol}", tags=["signals"], responses=REFUSALS)
    def prediction(symbol: str) -> SignalBody:
        """The newest signal of one symbol."""
        return SignalBody.of(newest_of(queries, coverage.symbol(symbol)))
