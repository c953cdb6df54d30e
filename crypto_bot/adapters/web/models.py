"""Calls for the coins' own models: which answer, and why the others do not."""

from __future__ import annotations

from typing import Literal, Self

from fastapi import FastAPI
from pydantic import Field

from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.schemas import REFUSALS, Body
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.ports import ModelCatalog


class MeasureBody(Body):
    """A measurement with its 95 % interval; null is unknown."""

    value: float | None
    low: float | None
    high: float | None


class GateBody(Body):
    """One test that the verdict follows from."""

    name: str
    passed: bool
    value: float | None
    limit: float | None
    words: str


class ModelMetricsBody(Body):
    """Measured walk-forward, on rows that the model had never seen."""

    rows: int
    days: int
    skill_prior: MeasureBody = Field(description="Log-loss skill against the label frequencies")
    skill_climatology: MeasureBody = Field(description="The same against those of the hour of day")
    direction_auc: MeasureBody = Field(description="On the bars of this coin that moved")
    direction_auc_together: MeasureBody = Field(description="Over all the coins judged together")
    coins_together: int
    ece: float | None = Field(description="Calibration error, beside what noise alone would give")
    ece_floor: float | None


class ModelCardBody(Body):
    """A published model, as its files describe it. Instants are UTC milliseconds."""

    version: str
    verdict: Literal["ACTIVE", "WARMUP", "LOW", "REJECTED", "BLOCKED"]
    reasons: list[str]
    accepted_because: str | None = Field(description="A person's word that lifted BLOCKED")
    gates: list[GateBody]
    family: str
    size: str
    features: str
    window_bars: int
    label: str
    horizon_bars: int
    first_open_ms: int = Field(description="First candle that it was trained or measured on")
    last_open_ms: int
    candles: int
    trained_ms: int
    trained_with: list[str]
    metrics: ModelMetricsBody | None


class ModelBody(Body):
    """Whether a coin's own model answers for the newest closed candle, and why."""

    symbol: str
    served: bool
    traded: bool = Field(description="Whether its LONG and SHORT stand")
    reason: str
    model: ModelCardBody | None

    @classmethod
    def of(cls, entry: ModelEntry) -> Self:
        """The entry as callers see it."""
        card = None if entry.card is None else ModelCardBody.model_validate(entry.card)
        return cls(
            symbol=entry.symbol,
            served=entry.served,
            traded=entry.traded,
            reason=entry.reason,
            model=card,
        )


class Models(Body):
    """Every coin, with a model of its own or without."""

    success: Literal[True] = True
    count: int
    note: str | None = Field(description="Why there is nothing here, where models are not asked")
    models: dict[str, ModelBody]


def serve_models(app: FastAPI, catalog: ModelCatalog, coverage: Coverage) -> None:
    """Adds `/api/models` and `/api/models/{symbol}`."""

    @app.get("/api/models", tags=["models"])
    def models() -> Models:
        """What the registry serves and why, with each model's measurements and verdict."""
        found = {each.symbol: ModelBody.of(each) for each in catalog.entries()}
        return Models(count=len(found), note=catalog.note, models=found)

    @app.get("/api/models/{symbol}", tags=["models"], responses=REFUSALS)
    def model(symbol: str) -> ModelBody:
        """The same of one coin."""
        return ModelBody.of(catalog.entry(coverage.symbol(symbol)))
