"""Routes of the models of the coins."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Query
from pydantic import Field

from crypto_bot.adapters.web.bodies import Body, Json
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.filters import HorizonFilter
from crypto_bot.adapters.web.schemas import REFUSALS
from crypto_bot.domain.model_card import ModelCard, Staleness
from crypto_bot.ports import ModelCatalog


class ModelBody(Body):
    """Whether a coin's model is served for the newest closed candle, and why."""

    symbol: str
    served: bool
    traded: bool = Field(description="Whether its LONG and SHORT are traded")
    reason: str
    pooled: bool = Field(description="Whether it is the model of all the coins")
    stale: Json[Staleness] | None = Field(description="Its age limit, where it is STALE")
    challenger: str | None = Field(description="The version that answers beside it, unserved")
    model: Json[ModelCard] | None = Field(validation_alias="card")


class Models(Body):
    """Every coin, with a model of its own or without."""

    success: Literal[True] = True
    count: int
    note: str | None = Field(description="Why the list is empty, if models are not used")
    models: dict[str, ModelBody]


def serve_models(app: FastAPI, catalog: ModelCatalog, coverage: Coverage) -> None:
    """Adds `/api/models` and `/api/models/{symbol}`."""

    @app.get("/api/models", tags=["models"], responses=REFUSALS)
    def models(filters: Annotated[HorizonFilter, Query()]) -> Models:
        """What the registry serves and why, with each model's measurements and verdict."""
        asked = catalog if filters.horizon is None else coverage.log_of(filters.horizon).catalog
        found = {each.symbol: ModelBody.of(each) for each in asked.entries()}
        return Models(count=len(found), note=asked.note, models=found)

    @app.get("/api/models/{symbol}", tags=["models"], responses=REFUSALS)
    def model(symbol: str) -> ModelBody:
        """The entry of one coin."""
        return ModelBody.of(catalog.entry(coverage.symbol(symbol)))
